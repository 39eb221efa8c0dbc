"""Tensors of a given size or range: `zeros`, `full`, `eye`, `arange`, `linspace`, ...

None of these is differentiable, so none is a primitive.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ... import dtypes, errors
from ..._state import S
from ...core.become import alike
from ...core.blame import no_combination
from ...core.declare import METHODS, public
from ...core.primitive import F32, F64, INSTEAD, fill_out
from ...core.tensor import Tensor
from ...errors import ABSENT
from ...kernels import make as kernels
from ..shape.reshape import sizes_of
from .from_data import as_array, check_device, check_options, checked_dtype, finished

_PLAIN = (int, float)

# ---------------------------------------------------------------- of a given size


def _filled(op: str, make: Callable[[tuple[int, ...], Any], Any]) -> Callable[..., Tensor]:
    def function(
        *size: Any,
        out: Any = None,
        dtype: Any = None,
        layout: Any = None,
        device: Any = None,
        requires_grad: bool = False,
        pin_memory: bool = False,
        names: Any = None,
        memory_format: Any = None,
        **shape: Any,
    ) -> Tensor:
        if shape or not size:
            size = (*size, named_size(op, shape))
        dims = checked_size(op, size)
        check_device(device)
        if layout is not None or memory_format is not None or pin_memory is not False:
            check_options(layout, pin_memory)
            errors.check_option(op, "memory_format", memory_format)
        if out is not None:
            if not isinstance(out, Tensor):
                raise errors.wrong_type(op, "out", 2, out)
            out._data = make(dims, out._data.dtype)
            return out
        try:
            made = make(dims, checked_dtype(op, dtype) or S.default_dtype.np)
        except MemoryError as error:
            raise errors.no_memory(op, error) from None
        return finished(made, requires_grad)

    function.__name__ = function.__qualname__ = op
    function.__doc__ = f"""A tensor of the given size, of {op}.

    Args:
        size: ints, or one tuple of ints.
        dtype, device, requires_grad: as in `torch.tensor`; the dtype is the default dtype unless
            given.

    Example:
        >>> import chainrule as torch
        >>> torch.{op}(2, 3).shape
        torch.Size([2, 3])
    """
    return public(op)(function)


def named_size(op: str, more: dict[str, Any], *known: str) -> Any:
    """The `size=` among further keyword arguments, which must be among the `known`."""
    errors.only(op, more, "size", *known)
    if "size" not in more:
        raise TypeError(
            f'{op}() missing 1 required positional arguments: "size"\n'
            f"Hint: {op}(2, 3), or {op}(()) for a single number"
        )
    return checked_sizes(op, more["size"])


def checked_sizes(op: str, size: Any, position: int = 0) -> Any:
    """A size that must be a tuple: a number alone is none here."""
    if not isinstance(size, (tuple, list)):
        raise errors.wrong_kind(op, "size", "tuple of ints", size, position)
    return size


def checked_size(op: str, size: tuple[Any, ...]) -> tuple[int, ...]:
    """A size as users write it, checked."""
    try:
        dims = sizes_of(size)
    except (TypeError, AttributeError):
        if isinstance(size[0], (tuple, list)) and len(size) > 1:
            raise TypeError(
                f"{op}() takes 1 positional argument but {len(size)} were given\n"
                f"Hint: torch.{op}(2, 3) or torch.{op}((2, 3))"
            ) from None
        given = size[0] if isinstance(size[0], (tuple, list)) else size
        wrong = next(
            (s for s in given if not hasattr(s, "__index__") or isinstance(s, Tensor)), given[0]
        )
        raise TypeError(
            f"{op}(): argument 'size' (position 1) must be tuple of ints, not "
            f"{errors.kind_name(wrong)}\n"
            f"Hint: torch.{op}(2, 3) or torch.{op}((2, 3))"
        ) from None
    if dims and min(dims) < 0:
        raise RuntimeError(f"{op}: Dimension size must be non-negative.\nsize: {list(dims)}")
    return dims


def _ones(shape: Any, dtype: Any) -> Any:
    return kernels.full(shape, 1, dtype)


zeros = _filled("zeros", np.zeros)
ones = _filled("ones", _ones)
empty = _filled("empty", np.empty)


@public("full")
def full(
    size: Any,
    fill_value: Any,
    *,
    out: Any = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """A tensor of `size` filled with one number, whose type decides the dtype unless given."""
    if type(fill_value) is float and dtype is None and device is None and out is None:
        made = kernels.filled(size, fill_value, S.default_dtype.np)
        if made is not None and layout is None and pin_memory is False:
            return finished(made, requires_grad)
    check_device(device)
    if type(size) is not tuple:
        checked_sizes("full", size, 1)
    if layout is not None or pin_memory is not False:
        check_options(layout, pin_memory)
    value = fill_value
    if isinstance(value, np.generic):  # a number to PyTorch, a bool too
        value = value.item() if value.dtype.kind != "b" else float(value)
    elif isinstance(value, Tensor):
        value = value.item()
    if not isinstance(value, (int, float, complex)):
        raise errors.wrong_kind("full", "fill_value", "Number", value)
    if out is not None:
        return _filled_in(out, np.full(checked_size("full", (size,)), value), "full")
    target = checked_dtype("full", dtype) or dtypes.scalar_type(value).np
    return finished(kernels.full(checked_size("full", (size,)), value, target), requires_grad)


def _like(op: str, make: Callable[..., Any]) -> None:
    def function(
        input: Tensor,
        *args: Any,
        dtype: Any = None,
        layout: Any = None,
        device: Any = None,
        requires_grad: bool = False,
        memory_format: Any = None,
        pin_memory: bool = False,
        **named: Any,
    ) -> Tensor:
        if not isinstance(input, Tensor):
            raise errors.wrong_type(op, "input", 1, input)
        if named:
            errors.only(op, named, *(("fill_value",) if op == "full_like" and not args else ()))
            args = (named["fill_value"],)
        if device is not None:
            check_device(device)
        if layout is not None or memory_format is not None or pin_memory is not False:
            errors.check_option(op, "pin_memory", pin_memory)
            errors.check_option(op, "layout", layout)
            errors.check_option(op, "memory_format", memory_format)
        if INSTEAD and input.is_sparse:
            return _like_sparse(op, input, dtype, requires_grad)
        if args:
            errors.need_number(op, 2, fill_value=args[0])
        target = input._data.dtype if dtype is None else checked_dtype(op, dtype)
        if input._wrapped:
            return alike(
                input, lambda shape: finished(make(shape, *args, target), False), input._data.shape
            )
        return finished(make(input._data.shape, *args, target), requires_grad)

    function.__name__ = function.__qualname__ = op
    function.__doc__ = f"`torch.{op.removesuffix('_like')}` with the shape and dtype of `input`."
    public(op)(function)


def _like_sparse(op: str, input: Tensor, dtype: Any, requires_grad: bool) -> Tensor:
    """The sparse tensor without entries."""
    if op not in ("zeros_like", "empty_like"):
        raise NotImplementedError(
            "Could not run 'aten::fill_.Scalar' with arguments from the 'SparseCPU' backend.\n"
            f"op: {op}\nHint: x.to_dense() is an ordinary tensor"
        )
    made = input.detach().clone().zero_()
    made = made if dtype is None else made.to(dtype)
    return made.requires_grad_() if requires_grad else made


_like("zeros_like", np.zeros)
_like("ones_like", _ones)
_like("empty_like", np.empty)
_like("full_like", kernels.full)


OPTIONS = ("layout", "pin_memory", "device", "memory_format", "requires_grad", "names")


def _new_of(op: str, make: Callable[..., Any]) -> None:
    def method(
        self: Tensor,
        *size: Any,
        dtype: Any = None,
        device: Any = None,
        requires_grad: bool = False,
        fill_value: Any = None,
        **options: Any,
    ) -> Tensor:
        check_device(device)
        if size:
            errors.only(op, options, *OPTIONS)
        target = checked_dtype(op, dtype) or self._data.dtype
        if op == "new_full":
            if fill_value is None:
                if len(size) < 2 or not isinstance(size[0], (tuple, list)):
                    raise TypeError(
                        'new_full() missing 1 required positional arguments: "fill_value"\n'
                        "Hint: x.new_full((2, 3), 1.0)"
                    )
                *size, fill_value = size  # type: ignore[assignment]
            value = fill_value.item() if isinstance(fill_value, Tensor) else fill_value
            dims, filled = checked_size(op, tuple(size)), lambda n: np.full(n, value, target)
        else:
            dims = checked_size(op, size or (named_size(op, options, *OPTIONS),))
            filled = lambda n: make(n, target)  # noqa: E731
        if self._wrapped:
            return alike(self, lambda n: finished(filled(n), False), dims)
        return finished(filled(dims), requires_grad)

    method.__name__ = op
    method.__doc__ = f"`torch.{op.removeprefix('new_')}` with the dtype of this tensor."
    METHODS[op] = method


for _op, _make in (
    ("new_zeros", np.zeros),
    ("new_ones", np.ones),
    ("new_empty", np.empty),
    ("new_full", np.full),
):
    _new_of(_op, _make)


@public("empty_strided", method=False)
def empty_strided(
    size: Any, stride: Any, *, dtype: Any = None, requires_grad: bool = False, **options: Any
) -> Tensor:
    """An uninitialised tensor with the given strides, in elements."""
    target = checked_dtype("empty_strided", dtype) or S.default_dtype.np
    for name, value in (("size", size), ("stride", stride)):
        if not isinstance(value, (tuple, list)):
            raise errors.wrong_kind("empty_strided", name, "tuple of ints", value)
    extent = (
        1 + sum((n - 1) * s for n, s in zip(size, stride, strict=True)) if math.prod(size) else 0
    )
    flat = np.empty(extent, target)
    steps = tuple(s * target.itemsize for s in stride)
    return finished(np.lib.stride_tricks.as_strided(flat, tuple(size), steps), requires_grad)


def _new_tensor(
    self: Tensor, data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """`torch.tensor(data)` with the dtype of this tensor."""
    check_device(device)
    target = checked_dtype("new_tensor", dtype) or self._data.dtype
    source = data._data if isinstance(data, Tensor) else data
    return finished(as_array(source, target, True), requires_grad)


METHODS["new_tensor"] = _new_tensor


@public("scalar_tensor")
def scalar_tensor(
    s: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, **options: Any
) -> Tensor:
    """A 0-d tensor of the default dtype unless given."""
    check_device(device)
    errors.only("scalar_tensor", options, *OPTIONS)
    if not isinstance(s, (int, float, complex, np.generic)) and not (
        isinstance(s, Tensor) and s._data.size == 1
    ):
        raise errors.wrong_kind("scalar_tensor", "s", "Number", s)
    return finished(
        (checked_dtype("scalar_tensor", dtype) or S.default_dtype.np).type(s), requires_grad
    )


# ---------------------------------------------------------------- ranges


_MOST = 2**60  # elements; beyond, sizes in bytes overflow


@public("arange")
def arange(
    start: Any = ABSENT,
    end: Any = ABSENT,
    step: Any = ABSENT,
    *,
    out: Any = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """start, start + step, ... below `end`; int64 for integers, else the default dtype.

    Example:
        >>> import chainrule as torch
        >>> torch.arange(3), torch.arange(0.0, 1.0, 0.25)
        (tensor([0, 1, 2]), tensor([0.0000, 0.2500, 0.5000, 0.7500]))
    """
    plain = dtype is None and out is None and device is None and layout is None
    if plain and type(start) is int and end is ABSENT and step is ABSENT and start >= 0:
        return finished(kernels.arange(0, start, 1), requires_grad)
    check_device(device)
    if layout is not None:
        check_options(layout, pin_memory)
    if end is ABSENT or start is ABSENT or step is ABSENT or end is None:
        start, end, step = _range_of(start, end, step)
    start, end, step = (
        v.item() if isinstance(v, (Tensor, np.generic)) else v for v in (start, end, step)
    )
    target = checked_dtype("arange", dtype if out is None or dtype is not None else out.dtype)
    if target is None:
        integers = all(isinstance(v, int) for v in (start, end, step))
        target = dtypes.int64.np if integers else S.default_dtype.np
    values = _steps(start, end, step, target)
    return finished(values, requires_grad) if out is None else _filled_in(out, values)


def _range_of(start: Any, end: Any, step: Any) -> tuple[Any, Any, Any]:
    """The numbers of `arange(end)`, `arange(start, end)` and `arange(start, end, step)`."""
    alone = end is ABSENT or start is ABSENT
    if end is None or (alone and (start is end or step is not ABSENT)):
        given = {"start": start, "end": end, "step": step}
        raise no_combination("arange", (), {n: v for n, v in given.items() if v is not ABSENT})
    if alone:
        return 0, start if end is ABSENT else end, 1
    return start, end, 1 if step is ABSENT else step


def _steps(start: Any, end: Any, step: Any, target: np.dtype[Any]) -> Any:
    if step == 0:
        raise RuntimeError("step must be nonzero")
    span = (end - start) / step
    if span != span or start - start or end - end:
        raise RuntimeError(f"unsupported range: {start} -> {end}")
    if span < 0:
        raise RuntimeError(
            f"upper bound and lower bound inconsistent with step sign\nstart: {start}, end: "
            f"{end}, step: {step}"
        )
    if target == dtypes.int64.np:
        start, end, step = int(start), int(end), int(step)
        if step == 0:
            raise ValueError("step must be nonzero\nHint: the dtype is integer, so is the step")
        return kernels.arange(start, end, step)
    n = math.ceil(span)
    if n > _MOST:
        raise RuntimeError("invalid size, possible overflow?")
    if target.kind in "iu":
        return (int(start) + np.arange(n) * int(step)).astype(target)
    values = start + np.arange(n, dtype=np.float64) * step
    return values.astype(target)


def _filled_in(out: Any, values: Any, op: str = "arange") -> Tensor:
    """The tensor given as `out=`, with these values."""
    if not isinstance(out, Tensor):
        raise errors.wrong_type(op, "out", 4, out)
    fill_out(out, finished(values.astype(out._data.dtype), False))
    return out


@public("range")
def range_(
    start: Any = 0, end: Any = None, step: Any = 1, *, dtype: Any = None, **options: Any
) -> Tensor:
    """Like `arange`, but with `end` included, and always in the default dtype (deprecated in
    PyTorch)."""
    errors.only("range", options, "layout", "device", "requires_grad", "out")
    if "layout" in options and options["layout"] is None:
        raise errors.wrong_kind("range", "layout", "torch.layout", None)
    check_device(options.get("device"))
    start, end, step = (v.item() if isinstance(v, Tensor) else v for v in (start, end, step))
    if end is None:
        raise TypeError('range() missing 1 required positional arguments: "end"')
    errors.need_number("range", 1, start=start, end=end, step=step)
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if (end - start) / step < 0:
        raise RuntimeError(
            f"upper bound and lower bound inconsistent with step sign\nstart: {start}, end: "
            f"{end}, step: {step}"
        )
    n = math.floor((end - start) / step) + 1
    target = checked_dtype("range", dtype) or S.default_dtype.np
    if options.get("out") is not None:
        values = start + np.arange(n, dtype=np.float64) * step
        return _filled_in(options["out"], values, "range")
    return finished(
        (start + np.arange(n, dtype=np.float64) * step).astype(target),
        options.get("requires_grad", False),
    )


@public("linspace")
def linspace(
    start: Any,
    end: Any,
    steps: int,
    *,
    out: Any = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """`steps` values from `start` to `end`, both included, symmetric about the middle.

    Example:
        >>> import chainrule as torch
        >>> torch.linspace(0, 1, 5)
        tensor([0.0000, 0.2500, 0.5000, 0.7500, 1.0000])
    """
    check_device(device)
    if layout is not None:
        check_options(layout, pin_memory)
    start, end, steps = _ends_and_steps("linspace", start, end, steps)
    target = checked_dtype("linspace", dtype if out is None or dtype is not None else out.dtype)
    if target is None:
        target = (S.default_complex if complex in (type(start), type(end)) else S.default_dtype).np
    values = _spaced(start, end, steps, target)
    return finished(values, requires_grad) if out is None else _filled_in(out, values)


def _ends_and_steps(op: str, start: Any, end: Any, steps: Any) -> tuple[Any, Any, int]:
    """Tensors of one number as numbers; TypeError where the number of steps is no integer."""
    if type(steps) is int and type(start) in _PLAIN and type(end) in _PLAIN:
        return start, end, steps
    for name, t in (("start", start), ("end", end)):
        if isinstance(t, Tensor) and t._data.ndim:
            raise RuntimeError(
                f"{op} only supports 0-dimensional start and end tensors, but got {name} with "
                f"{t._data.ndim} dimension(s)."
            )
    errors.need_number(op, start=start, end=end)
    if type(steps) is not int:
        if not isinstance(steps, (Tensor, np.integer)) or steps.dtype in (dtypes.bool_,):
            kinds = ", ".join(type(v).__name__ for v in (start, end, steps))
            raise TypeError(
                f"{op}() received an invalid combination of arguments - got ({kinds})\n"
                "Hint: the number of steps is an integer"
            )
        steps = steps.__index__()
    start, end = (v.item() if isinstance(v, Tensor) else v for v in (start, end))
    return start, end, steps


def _spaced(start: Any, end: Any, steps: int, target: np.dtype[Any]) -> Any:
    if steps < 0:
        raise RuntimeError("number of steps must be non-negative.")
    if steps == 1:
        return np.array([start], target)
    if target is F32 and steps <= 1 << 24:
        return kernels.linspace32(start, end, steps)
    work = (
        target
        if target.kind in "fc" and target.itemsize > 2
        else np.dtype("float32" if target.kind == "f" else "float64")
    )
    first, last = np.array(start, work), np.array(end, work)
    index = np.arange(steps)
    step = (last - first) / np.array(max(steps - 1, 1), work)
    low, high = index.astype(work), (steps - 1 - index).astype(work)
    if work is F32:  # PyTorch's kernel fuses multiply and add: one rounding
        step, first, last = (np.asarray(v, F64) for v in (step, first, last))
    half = steps // 2
    values = np.concatenate((first + step * low[:half], last - step * high[half:]))
    return values.astype(target)


@public("logspace")
def logspace(
    start: Any,
    end: Any,
    steps: int,
    base: float = 10.0,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    **options: Any,
) -> Tensor:
    """base ** linspace(start, end, steps)."""
    check_device(device)
    errors.only("logspace", options, *OPTIONS, "out")
    start, end, steps = _ends_and_steps("logspace", start, end, steps)
    target = checked_dtype("logspace", dtype) or S.default_dtype.np
    plain = target is F32 and options.get("out") is None and type(base) in (int, float)
    if plain and steps > 1 and type(start) in (int, float) and type(end) in (int, float):
        return finished(kernels.logspace32(start, end, steps, base), requires_grad)
    exponents = _spaced(start, end, steps, F64 if target.kind != "c" else target)
    if options.get("out") is not None:
        return _filled_in(options["out"], base**exponents, "logspace")
    return finished((base**exponents).astype(target), requires_grad)


@public("eye")
def eye(
    n: int,
    m: int = ABSENT,
    *,
    out: Any = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """The n x m identity matrix."""
    plain = dtype is None and out is None and device is None and layout is None
    if plain and type(n) is int and m is ABSENT and n >= 0:
        return finished(kernels.eye(n, n, S.default_dtype.np), requires_grad)
    check_device(device)
    if layout is not None:
        check_options(layout, pin_memory)
    m = n if m is ABSENT else m
    for name, size in (("n", n), ("m", m)):
        if not hasattr(size, "__index__") or isinstance(size, bool):
            raise errors.wrong_kind("eye", name, "int", size)
    if n < 0 or m < 0:
        raise RuntimeError(f"n must be greater or equal to 0, got {n if n < 0 else m}")
    if out is not None:
        return _filled_in(out, np.eye(n, m), "eye")
    return finished(
        kernels.eye(n, m, checked_dtype("eye", dtype) or S.default_dtype.np), requires_grad
    )
