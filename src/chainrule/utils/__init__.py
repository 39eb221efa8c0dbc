"""`torch.utils`: what stands beside tensors and modules.

What lives here: `checkpoint` (memory for computation), `data` (data sets and loaders), `hooks`
(removable handles). Who may call:
users, `compat`. Everything is built on what the rooms to the left offer; nothing here knows a rule
or a kernel.
"""

from __future__ import annotations

from . import checkpoint, data, hooks

__all__ = ["checkpoint", "data", "hooks"]
