"""`torch.amp`: computing in lower precision where it is safe.

What lives here: `autocast_mode` (which ops run in bfloat16, which in float32), `grad_scaler`
(scaling a loss so that small gradients survive). Who may call: users, `cuda.amp`. On the CPU the
lower precision is bfloat16, from the optional package ml_dtypes; it saves no time here, it shows
what rounding does.
"""

from __future__ import annotations

from .autocast_mode import autocast, custom_bwd, custom_fwd, is_autocast_available
from .grad_scaler import GradScaler

__all__ = ["GradScaler", "autocast", "custom_bwd", "custom_fwd", "is_autocast_available"]
