"""`torch.nn.grad`: the gradients of convolutions as functions, declared in `ops/`, re-exported."""

from ..ops import later

__getattr__ = later("nn.grad", globals())
