"""`torch.nn`: what networks are made of, built on public functions only.

Lives here: `functional`, the functions of layers and losses (declared in `ops/`, one node each
where PyTorch has one); `modules`, the layers; `parameter`, what they learn; `init`, how it begins;
`attention`, its variants; `utils`, what is done to it. All but `functional` is loaded when it is
named. Who may call: everybody to the right (`optim`, `utils`, ...). A value comes from a public
function of `ops/` and its gradient from the engine; this room knows neither nodes nor rules."""

from __future__ import annotations

import importlib
from typing import Any

from . import functional
from .modules import PLACES

_FILES = ("attention", "grad", "init", "modules", "parallel", "parameter", "utils")
_ELSEWHERE = {
    "Buffer": "parameter",
    "DataParallel": "parallel",
    "Parameter": "parameter",
    "UninitializedBuffer": "parameter",
    "UninitializedParameter": "parameter",
    "factory_kwargs": "modules.utils",
}

__all__ = [
    *PLACES, *_ELSEWHERE, "attention", "functional", "init", "modules", "parallel", "parameter",
    "utils",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in PLACES:
        found = getattr(importlib.import_module(".modules", __name__), name)
    elif name in _ELSEWHERE:
        found = getattr(importlib.import_module("." + _ELSEWHERE[name], __name__), name)
    elif name in _FILES:
        found = importlib.import_module("." + name, __name__)
    else:
        raise AttributeError(f"module 'torch.nn' has no attribute '{name}'", name=name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
