"""`torch.nn.functional`: the functions declared in `ops/` under this name, re-exported.

Nothing is defined here; a function declared with a public name `nn.functional.<name>` appears by
itself."""

from ..ops import later, namespace

globals().update(namespace("nn.functional"))
__getattr__ = later("nn.functional", globals())
