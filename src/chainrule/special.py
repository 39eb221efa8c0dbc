"""`torch.special`: the special functions declared in `ops/`."""

from .ops import namespace

globals().update(namespace("special"))
