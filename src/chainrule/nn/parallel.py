"""`torch.nn.parallel`: one module on many devices, of which there is one.

What lives here: `DataParallel`, which without GPUs calls the module, as in PyTorch;
`DistributedDataParallel` in a group of one process, where the mean over all gradients is the
gradient; and the functions that copy and split between GPUs, which refuse CPU tensors as PyTorch's
do. Who may call: users.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from .modules.module import Module

__all__ = [
    "DataParallel", "DistributedDataParallel", "data_parallel", "gather", "parallel_apply",
    "replicate", "scatter",
]  # fmt: skip


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


class DistributedDataParallel(Module):
    """The module in a group of processes, in which gradients are averaged: here a group of one.

    Args:
        module: a module with parameters that require grad.
        device_ids: None; there are no devices to name.
        process_group: by default the one of `init_process_group`.
        output_device, dim, options: taken as PyTorch takes them; with one process they decide
            nothing.

    Raises:
        ValueError: no process group, or devices are named.
        RuntimeError: nothing to learn.

    Example:
        >>> import chainrule as torch
        >>> torch.distributed.init_process_group("gloo", rank=0, world_size=1)
        >>> model = torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(2, 1))
        >>> [name for name, _ in model.named_parameters()]
        ['module.weight', 'module.bias']
        >>> torch.distributed.destroy_process_group()
    """

    def __init__(
        self,
        module: Module,
        device_ids: Any = None,
        output_device: Any = None,
        dim: int = 0,
        broadcast_buffers: bool | None = None,
        init_sync: bool = True,
        process_group: Any = None,
        bucket_cap_mb: float | None = None,
        find_unused_parameters: bool = False,
        check_reduction: bool = False,
        gradient_as_bucket_view: bool = False,
        static_graph: bool = False,
        **options: Any,
    ) -> None:
        super().__init__()
        groups = importlib.import_module("...distributed.group", __name__)
        self.process_group = groups.member_of(process_group)
        if not any(p.requires_grad for p in module.parameters()):
            raise RuntimeError(
                "DistributedDataParallel is not needed when a module doesn't have any parameter "
                "that requires a gradient."
            )
        if device_ids is not None and len(device_ids) > 1:
            raise ValueError("device_ids can only be None or contain a single element.")
        if device_ids:
            raise ValueError(
                "DistributedDataParallel device_ids and output_device arguments only work with "
                "single-device/multiple-device GPU modules or CPU modules, but got device_ids "
                f"{device_ids}, output_device {output_device}, and module parameters on the CPU.\n"
                "Hint: leave device_ids away"
            )
        self.module = module
        self.device_ids, self.output_device, self.dim = None, None, dim
        self.broadcast_buffers = True if broadcast_buffers is None else broadcast_buffers
        self.find_unused_parameters, self.static_graph = find_unused_parameters, static_graph
        self.gradient_as_bucket_view = gradient_as_bucket_view
        self.require_backward_grad_sync = True

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        """The module's own call."""
        return self.module(*inputs, **kwargs)

    @contextmanager
    def no_sync(self) -> Iterator[None]:
        """Inside, gradients are not averaged; with one process they never need to be."""
        before, self.require_backward_grad_sync = self.require_backward_grad_sync, False
        try:
            yield
        finally:
            self.require_backward_grad_sync = before


# ---------------------------------------------------------------- between GPUs


def _no_gpu(sentence: str) -> str:
    return f"{sentence}\nHint: there is one CPU; call the module itself"


def data_parallel(
    module: Module,
    inputs: Any,
    device_ids: Any = None,
    output_device: Any = None,
    dim: int = 0,
    module_kwargs: Any = None,
) -> NoReturn:
    """Refuses: there are no GPUs to spread over (RuntimeError)."""
    raise RuntimeError(_no_gpu("device type could not be determined"))


def replicate(network: Module, devices: Any, detach: bool = False) -> list[Module]:
    """Refuses to copy to a device (AssertionError); no copies for no devices."""
    if len(devices):
        raise AssertionError(_no_gpu("Broadcast function not implemented for CPU tensors"))
    return []


def scatter(inputs: Any, target_gpus: Any, dim: int = 0) -> NoReturn:
    """Refuses to split between GPUs (ValueError)."""
    raise ValueError(_no_gpu("Expected a non cpu device, but got: cpu"))


def gather(outputs: Any, target_device: Any, dim: int = 0) -> NoReturn:
    """Refuses to join tensors that are not on GPUs (AssertionError)."""
    raise AssertionError(_no_gpu("Gather function not implemented for CPU tensors"))


def parallel_apply(
    modules: Any, inputs: Any, kwargs_tup: Any = None, devices: Any = None
) -> NoReturn:
    """Refuses to call modules on several GPUs at once.

    Raises:
        AssertionError: another number of inputs than of modules.
        RuntimeError: always otherwise.
    """
    if len(modules) != len(inputs):
        raise AssertionError(
            f"The number of modules {len(modules)} is not equal to the number of inputs "
            f"{len(inputs)}"
        )
    raise RuntimeError(_no_gpu("Cannot access accelerator device when none is available."))
