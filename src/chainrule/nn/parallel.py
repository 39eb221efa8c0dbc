"""`torch.nn.parallel`: `DataParallel` on the one CPU there is."""

from __future__ import annotations

from typing import Any

from .modules.module import Module

__all__ = ["DataParallel"]


class DataParallel(Module):
    """Calls the module; without GPUs there is nothing to spread, as in PyTorch.

    Args:
        module: the module.
        device_ids, output_device, dim: accepted; there are no devices.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.DataParallel(torch.nn.Identity())(torch.ones(2))
        tensor([1., 1.])
    """

    def __init__(
        self, module: Module, device_ids: Any = None, output_device: Any = None, dim: int = 0
    ) -> None:
        super().__init__()
        self.module = module
        self.device_ids: list[int] = []
        self.dim = dim

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        """The module's own call."""
        return self.module(*inputs, **kwargs)
