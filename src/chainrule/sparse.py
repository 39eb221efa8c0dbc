"""`torch.sparse`: functions of sparse tensors, declared in `ops/sparse/`."""

from .ops import later, namespace

globals().update(namespace("sparse"))
__getattr__ = later("sparse", globals())
