"""`torch.linalg`: the linear algebra functions declared in `ops/`."""

from .ops import later, namespace

globals().update(namespace("linalg"))
__getattr__ = later("linalg", globals())
