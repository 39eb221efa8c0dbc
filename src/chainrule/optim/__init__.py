"""`torch.optim`: optimizers and schedules of their learning rates.

Lives here: `Optimizer`, the base with groups, state, hooks and saving; the algorithms, one file
each, most of them on `elementwise`, which walks over the memory once a step; `lr_scheduler` and
`swa_utils`. All is loaded when it is named. Who may call: user code; nothing in chainrule calls it.
A value comes from `.grad`, where the engine left it, and goes into the parameter's own memory (its
version counter goes up), outside the graph."""

from __future__ import annotations

import importlib
from typing import Any

_PLACES = {
    "ASGD": "asgd",
    "Adadelta": "adadelta",
    "Adafactor": "adafactor",
    "Adagrad": "adagrad",
    "Adam": "adam",
    "AdamW": "adamw",
    "Adamax": "adamax",
    "LBFGS": "lbfgs",
    "Muon": "muon",
    "NAdam": "nadam",
    "Optimizer": "optimizer",
    "RAdam": "radam",
    "RMSprop": "rmsprop",
    "Rprop": "rprop",
    "SGD": "sgd",
    "SparseAdam": "sparse_adam",
    "swap_in_optimizer_params_and_state": "swapping",
}
_FILES = ("lr_scheduler", "swa_utils")

__all__ = [*_PLACES, *_FILES]


def __getattr__(name: str) -> Any:
    if name in _PLACES:
        found = getattr(importlib.import_module("." + _PLACES[name], __name__), name)
    elif name in _FILES:
        found = importlib.import_module("." + name, __name__)
    else:
        raise AttributeError(f"module 'torch.optim' has no attribute '{name}'", name=name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
