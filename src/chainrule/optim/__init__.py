"""`torch.optim`: optimizers.

Lives here: `Optimizer`, the base with groups, state, hooks and saving, and the algorithms, one file
each. Who may call: user code; nothing in chainrule calls it. A value comes from `.grad`, where the
engine left it, and goes into the parameter's own memory (its version counter goes up), outside the
graph."""

from .optimizer import Optimizer
from .sgd import SGD

__all__ = ["SGD", "Optimizer"]
