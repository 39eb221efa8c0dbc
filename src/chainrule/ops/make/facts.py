"""Questions about dtypes and tensors (`result_type`, `is_tensor`, ...) and the default dtype."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ... import dtypes
from ..._state import S
from ...core.blame import no_combination
from ...core.declare import public
from ...core.tensor import Tensor

# ---------------------------------------------------------------- facts about dtypes and tensors


def _operands(tensors: Sequence[Any]) -> dtypes.dtype:
    dims: list[Any] = []
    zeros_: list[Any] = []
    numbers: list[Any] = []
    for t in tensors:
        if isinstance(t, Tensor):
            (dims if t._data.ndim else zeros_).append(t.dtype)
        else:
            numbers.append(dtypes.scalar_type(t))
    return dtypes.result_type_of(dims, zeros_, numbers)


@public("result_type")
def result_type(tensor1: Any = None, tensor2: Any = None, **named: Any) -> dtypes.dtype:
    """The dtype an arithmetic operation on both has."""
    given = [v for v in (tensor1, tensor2) if v is not None]
    tensors = [isinstance(v, Tensor) for v in (*given, *named.values())]
    forms: Any = (set(), {"other"}, {"tensor", "other"}, {"scalar", "tensor"},
                  {"scalar1", "scalar2"})  # fmt: skip
    fits = len(tensors) == 2 and named.keys() in forms
    scalars = [isinstance(v, Tensor) for k, v in named.items() if k.startswith("scalar")]
    if not fits or any(scalars) or ("tensor" in named and not any(tensors)):
        raise no_combination("result_type", given, named)
    return _operands((*given, *named.values()))


@public("promote_types")
def promote_types(type1: dtypes.dtype, type2: dtypes.dtype) -> dtypes.dtype:
    """The smallest dtype that holds both."""
    return dtypes.promote(type1, type2)


@public("can_cast")
def can_cast(from_: dtypes.dtype, to: dtypes.dtype) -> bool:
    """Whether PyTorch's rules allow this conversion in place."""
    if from_.category > to.category:
        return False
    return not (from_.category == 1 and from_.is_signed and to.category == 1 and not to.is_signed)


@public("is_tensor")
def is_tensor(obj: Any) -> bool:
    """Whether `obj` is a tensor."""
    return isinstance(obj, Tensor)


@public("is_floating_point")
def is_floating_point(input: Tensor) -> bool:
    """Whether the dtype is a floating point type."""
    return input.is_floating_point()


@public("is_complex")
def is_complex(input: Tensor) -> bool:
    """Whether the dtype is complex."""
    return input.is_complex()


@public("numel")
def numel(input: Tensor) -> int:
    """The number of elements."""
    return input.numel()


@public("is_nonzero", method=True)
def is_nonzero(input: Tensor) -> bool:
    """Whether a tensor of one element is not zero."""
    return bool(input)


@public("set_default_dtype")
def set_default_dtype(d: dtypes.dtype) -> None:
    """The dtype of Python floats, and of tensors made without `dtype`."""
    if not isinstance(d, dtypes.dtype):
        raise TypeError(
            f"invalid dtype object: {d!r}\nHint: torch.set_default_dtype(torch.float64)"
        )
    if not d.is_floating_point:
        raise TypeError("only floating-point types are supported as the default type")
    S.default_dtype, S.default_complex = d, d.to_complex()


@public("get_default_dtype")
def get_default_dtype() -> dtypes.dtype:
    """The dtype of Python floats."""
    return S.default_dtype
