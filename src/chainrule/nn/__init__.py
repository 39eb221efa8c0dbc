"""`torch.nn`: what networks are made of, built on public functions only.

Lives here: `functional`, the functions of layers and losses (declared in `ops/`, one node each
where PyTorch has one). Who may call: everybody to the right (`optim`, `utils`, ...). A value comes
from a public function of `ops/` and its gradient from the engine; this room knows neither nodes nor
rules."""

from . import functional

__all__ = ["functional"]
