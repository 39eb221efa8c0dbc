"""Switches of the whole process: determinism, default device and types, warnings, threads.

What a switch cannot change here it keeps, so that programs which ask get back what they said; each
docstring says which these are.
"""

from __future__ import annotations

import warnings
from typing import Any

from . import dtypes
from ._legacy_types import DTYPE_OF, tensortype
from ._state import S
from .core.tensor import Tensor
from .ops.make.from_data import check_device

__all__ = [
    "are_deterministic_algorithms_enabled", "compiled_with_cxx11_abi", "get_default_device",
    "get_deterministic_debug_mode", "get_float32_matmul_precision", "get_num_interop_threads",
    "is_deterministic_algorithms_warn_only_enabled", "is_storage", "is_warn_always_enabled",
    "set_default_device", "set_default_tensor_type", "set_deterministic_debug_mode",
    "set_float32_matmul_precision", "set_flush_denormal", "set_num_interop_threads",
    "set_warn_always", "typename", "use_deterministic_algorithms",
]  # fmt: skip

_kept: dict[str, Any] = {
    "deterministic": False, "warn_only": False, "precision": "highest", "warn_always": False,
    "interop": 1,
}  # fmt: skip
_DEBUG_MODES = {"default": 0, "warn": 1, "error": 2}


# ---------------------------------------------------------------- determinism


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Ask for the same bits in every run: every op here gives them on one machine, whatever the
    number of threads, so nothing changes.

    Example:
        >>> import chainrule as torch
        >>> torch.use_deterministic_algorithms(True)
        >>> torch.are_deterministic_algorithms_enabled()
        True
        >>> torch.use_deterministic_algorithms(False)
    """
    if not isinstance(mode, bool):
        raise TypeError(
            "_set_deterministic_algorithms(): argument 'mode' (position 1) must be bool, not "
            f"{type(mode).__name__}"
        )
    _kept["deterministic"], _kept["warn_only"] = mode, bool(warn_only)


def are_deterministic_algorithms_enabled() -> bool:
    """What `use_deterministic_algorithms` was told."""
    return bool(_kept["deterministic"])


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """What `use_deterministic_algorithms` was told."""
    return bool(_kept["warn_only"])


def set_deterministic_debug_mode(debug_mode: int | str) -> None:
    """`use_deterministic_algorithms` by name: "default" or 0, "warn" or 1, "error" or 2.

    Raises:
        RuntimeError: another name or number.
    """
    if not isinstance(debug_mode, (int, str)):
        raise TypeError(f"debug_mode must be str or int, but got {type(debug_mode)}")
    number = _DEBUG_MODES.get(debug_mode) if isinstance(debug_mode, str) else debug_mode
    if number not in (0, 1, 2):
        names = "`default`, `warn`, `error`" if isinstance(debug_mode, str) else "0, 1, 2"
        raise RuntimeError(
            f"invalid value of debug_mode, expected one of {names}, but got {debug_mode}"
        )
    use_deterministic_algorithms(number > 0, warn_only=number == 1)


def get_deterministic_debug_mode() -> int:
    """0: not asked for; 1: with warnings; 2: with errors."""
    return 0 if not _kept["deterministic"] else 1 if _kept["warn_only"] else 2


def set_float32_matmul_precision(precision: str) -> None:
    """Keep "highest", "high" or "medium"; float32 products are always computed in float32.

    Warns:
        UserWarning: another word, which is ignored.
    """
    if precision not in ("highest", "high", "medium"):
        warnings.warn(
            f"{precision} is not one of 'highest', 'high', or 'medium'; the current "
            "setFloat32MatmulPrecision call has no effect.",
            UserWarning,
            stacklevel=2,
        )
        return
    _kept["precision"] = precision


def get_float32_matmul_precision() -> str:
    """What `set_float32_matmul_precision` was told."""
    return str(_kept["precision"])


# ---------------------------------------------------------------- defaults


def set_default_device(device: Any) -> None:
    """The CPU or None; any other device is refused, in the words of using it.

    Differs from PyTorch: it is refused now, not by the next function that makes a tensor.
    """
    check_device(device)


def get_default_device() -> dtypes.device:
    """The CPU."""
    return dtypes.device("cpu")


def set_default_tensor_type(t: Any) -> None:
    """The dtype of Python floats, by the class of its tensors or that class's name.

    Example:
        >>> import chainrule as torch
        >>> torch.set_default_tensor_type(torch.DoubleTensor)
        >>> torch.get_default_dtype()
        torch.float64
        >>> torch.set_default_tensor_type("torch.FloatTensor")
    """
    if isinstance(t, str):
        name = t.removeprefix("torch.")
        if name not in DTYPE_OF:
            raise TypeError(f"invalid type object\nname: {t}\nHint: 'torch.FloatTensor'")
        target = DTYPE_OF[name]
    elif isinstance(t, tensortype):
        target = t.dtype
        if t.device_type != "cpu":
            check_device(t.device_type)
    else:
        raise TypeError(f"invalid type object\ntype: {type(t).__name__}\nHint: torch.FloatTensor")
    if not target.is_floating_point:
        raise TypeError("only floating-point types are supported as the default type")
    S.default_dtype, S.default_complex = target, target.to_complex()


# ---------------------------------------------------------------- threads, warnings


def set_num_interop_threads(num_threads: int) -> None:
    """Keep the number: calls are not divided among threads here.

    Raises:
        RuntimeError: no positive integer.
    """
    if type(num_threads) is not int:
        kind = type(num_threads).__name__
        raise RuntimeError(f"set_num_interop_threads expects an int, but got {kind}")
    if num_threads < 1:
        raise RuntimeError("set_num_interop_threads expects a positive integer")
    _kept["interop"] = num_threads


def get_num_interop_threads() -> int:
    """What `set_num_interop_threads` was told; 1 before."""
    return int(_kept["interop"])


def set_flush_denormal(mode: bool) -> bool:
    """False: NumPy keeps denormal numbers, and that cannot be changed; True only when asked to
    keep them."""
    return not mode


def set_warn_always(b: bool, /) -> None:
    """Keep the wish; how often a warning is shown is up to Python's `warnings` filters."""
    _kept["warn_always"] = bool(b)


def is_warn_always_enabled() -> bool:
    """What `set_warn_always` was told."""
    return bool(_kept["warn_always"])


# ---------------------------------------------------------------- questions


def typename(obj: Any, /) -> str:
    """The name of the type of `obj`, with its module; a tensor's by dtype.

    Example:
        >>> import chainrule as torch
        >>> torch.typename(torch.ones(1)), torch.typename(3)
        ('torch.FloatTensor', 'int')
    """
    if isinstance(obj, Tensor):
        return str(obj.type())
    kind = obj if hasattr(obj, "__qualname__") else type(obj)
    module = getattr(kind, "__module__", None) or ""
    module = module.replace(__package__ or "chainrule", "torch", 1)
    return kind.__qualname__ if module in ("", "builtins") else f"{module}.{kind.__qualname__}"


def is_storage(obj: Any, /) -> bool:
    """Whether `obj` is a storage: memory as PyTorch hands it out; there are none here."""
    return False


def compiled_with_cxx11_abi() -> bool:
    """True: there is nothing compiled that would have the old one."""
    return True
