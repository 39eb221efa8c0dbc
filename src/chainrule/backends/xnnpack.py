"""`torch.backends.xnnpack`: not here."""

from __future__ import annotations

enabled = False
