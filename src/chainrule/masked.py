"""`torch.masked`: reductions and normalisations of the elements that a mask keeps (`ops/`)."""

from .ops import later, namespace

globals().update(namespace("masked"))
__getattr__ = later("masked", globals())
