"""`torch.compiler.config`: kept for programs that set it; nothing is compiled."""

from __future__ import annotations

job_id = None
cache_key_tag = ""
