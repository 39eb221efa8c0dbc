"""`torch.return_types`: the named tuples that `max`, `sort`, `topk`, ... return."""

from .ops import namespace

globals().update(namespace("return_types"))
