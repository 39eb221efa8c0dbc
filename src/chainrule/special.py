"""`torch.special`: the special functions declared in `ops/`."""

from .ops import later, namespace

globals().update(namespace("special"))
__getattr__ = later("special", globals())
