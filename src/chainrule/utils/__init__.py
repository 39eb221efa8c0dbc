"""`torch.utils`: what stands beside tensors and modules.

What lives here: `checkpoint` (memory for computation), `data` (data sets and loaders), `hooks`
(removable handles); when named, `dlpack`, `scipy` (its minimizers), `_pytree` (nested containers)
and `watch` (a loss that is no number any more).
Who may call: users, `compat`. Everything is built on what the rooms to the left offer; nothing here
knows a rule or a kernel.
"""

from __future__ import annotations

import importlib
from typing import Any

from . import checkpoint, data, hooks

__all__ = ["checkpoint", "data", "hooks"]

_LAZY = ("_pytree", "dlpack", "scipy")


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return importlib.import_module("." + name, __name__)
    if name == "watch":
        return importlib.import_module(".watching", __name__).watch
    raise AttributeError(f"module 'torch.utils' has no attribute '{name}'", name=name)
