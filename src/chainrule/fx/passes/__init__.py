"""`torch.fx.passes`: walks over graphs that note something at each node. Here: `shape_prop`."""

from . import shape_prop

__all__ = ["shape_prop"]
