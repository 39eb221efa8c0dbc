"""`torch.random`: the default generator; declared in `ops/make/random.py`."""

from .ops import namespace
from .ops.make.random import default_generator

globals().update(namespace("random"))
__all__ = ["default_generator"]
