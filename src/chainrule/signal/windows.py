"""`torch.signal.windows`: the window functions declared in `ops/`."""

from ..ops import later, namespace

globals().update(namespace("signal.windows"))
__getattr__ = later("signal.windows", globals())
