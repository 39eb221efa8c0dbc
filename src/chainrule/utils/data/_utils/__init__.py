"""The parts of a loader: collate, fetch, worker, transport, pool."""

from __future__ import annotations

from . import collate, fetch, worker

__all__ = ["collate", "fetch", "worker"]
