"""`torch.linalg`: the linear algebra functions declared in `ops/`."""

from .ops import namespace

globals().update(namespace("linalg"))
