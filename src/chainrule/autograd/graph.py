"""`torch.autograd.graph`: the recorded graph as users see it."""

from __future__ import annotations

from ..core.node import AccumulateGrad, Node

__all__ = ["AccumulateGrad", "Node"]
