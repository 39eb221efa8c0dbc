"""`torch.return_types`: the named tuples that `max`, `sort`, `topk`, ... return."""

from .ops import later, namespace

globals().update(namespace("return_types"))
__getattr__ = later("return_types", globals())
