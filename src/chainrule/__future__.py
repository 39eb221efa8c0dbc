"""`torch.__future__`: how `module.to(...)` and `module.double()` change parameters."""

from __future__ import annotations

from .nn.modules.module import CONVERSION

__all__ = [
    "get_overwrite_module_params_on_conversion",
    "get_swap_module_params_on_conversion",
    "set_overwrite_module_params_on_conversion",
    "set_swap_module_params_on_conversion",
]


def set_overwrite_module_params_on_conversion(value: bool) -> None:
    """Whether converting a module gives it new parameters, so that whoever holds the old ones keeps
    them as they were. By default the old ones get the new values.

    Example:
        >>> import chainrule as torch
        >>> from chainrule import __future__ as future
        >>> layer = torch.nn.Linear(1, 1)
        >>> weight = layer.weight
        >>> future.set_overwrite_module_params_on_conversion(True)
        >>> layer.double().weight is weight, weight.dtype
        (False, torch.float32)
        >>> future.set_overwrite_module_params_on_conversion(False)
    """
    CONVERSION["overwrite"] = bool(value)


def get_overwrite_module_params_on_conversion() -> bool:
    """Whether converting a module gives it new parameters."""
    return CONVERSION["overwrite"]


def set_swap_module_params_on_conversion(value: bool) -> None:
    """Whether converting a module swaps what its parameters are with the converted tensors: the
    objects stay the same, also where `overwrite` is set.

    Differs from PyTorch: the values are swapped as they are without it, so tensors that hold
    references to a parameter are no reason for an error.
    """
    CONVERSION["swap"] = bool(value)


def get_swap_module_params_on_conversion() -> bool:
    """Whether converting a module swaps its parameters with the converted tensors."""
    return CONVERSION["swap"]
