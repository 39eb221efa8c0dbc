"""`assert_close`: two results are close, or an error says where, by how much and what was allowed.

A pair is compared by what it is: mappings key by key, sequences item by item, None, booleans,
numbers, tensors and arrays. Everything is computed in NumPy on the arrays, outside the graph.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import dtypes
from ..core.tensor import Tensor

__all__ = ["assert_allclose", "assert_close"]

TOLERANCES: dict[str, tuple[float, float]] = {  # dtype -> relative, absolute
    "float16": (1e-3, 1e-5), "bfloat16": (1.6e-2, 1e-5), "float32": (1.3e-6, 1e-5),
    "float64": (1e-7, 1e-7), "complex64": (1.3e-6, 1e-5), "complex128": (1e-7, 1e-7),
}  # fmt: skip


@dataclass(frozen=True)
class _Options:
    rtol: float | None
    atol: float | None
    allow_subclasses: bool
    equal_nan: bool
    check_device: bool
    check_dtype: bool
    check_layout: bool
    check_stride: bool


class _Mismatch(Exception):
    """What differs; becomes the AssertionError."""


def assert_close(
    actual: Any,
    expected: Any,
    *,
    allow_subclasses: bool = True,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_device: bool = True,
    check_dtype: bool = True,
    check_layout: bool = True,
    check_stride: bool = False,
    msg: str | Callable[[str], str] | None = None,
) -> None:
    """Assert |actual - expected| <= atol + rtol |expected|, element by element.

    Args:
        actual, expected: tensors, ndarrays, numbers, None, or sequences and mappings of these.
        allow_subclasses: False: both must be of the same class.
        rtol, atol: both or neither; by default they depend on the dtype (float32: 1.3e-6 and 1e-5,
            float64: 1e-7 and 1e-7, integers: 0 and 0; of two dtypes the larger).
        equal_nan: NaN equals NaN.
        check_dtype, check_stride: these must be the same too; check_device and check_layout have
            one answer here.
        msg: the text of the error, or a function that makes it of the generated one.

    Raises:
        AssertionError: they differ; the message says where and by how much.
        ValueError: only one of rtol and atol. TypeError: things that cannot be compared.

    Example:
        >>> import chainrule as torch
        >>> torch.testing.assert_close(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.1]))
        Traceback (most recent call last):
        AssertionError: Tensor-likes are not close!
        ...
    """
    if (rtol is None) != (atol is None):
        missing = "rtol" if rtol is None else "atol"
        raise ValueError(
            "Both 'rtol' and 'atol' must be either specified or omitted, but got no "
            f"{missing}.\nHint: pass both"
        )
    options = _Options(
        rtol, atol, allow_subclasses, equal_nan, check_device, check_dtype, check_layout,
        check_stride,
    )  # fmt: skip
    try:
        _compare(actual, expected, options, "")
    except _Mismatch as mismatch:
        text = str(mismatch)
    else:
        return
    raise AssertionError(msg(text) if callable(msg) else msg or text)


def assert_allclose(
    actual: Any,
    expected: Any,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = True,
    msg: str = "",
) -> None:
    """`assert_close` of older programs: anything that makes a tensor, dtypes not compared."""
    warnings.warn(
        "`torch.testing.assert_allclose()` is deprecated since 1.12 and will be removed in a "
        "future release. Please use `torch.testing.assert_close()` instead.",
        FutureWarning,
        stacklevel=2,
    )
    sides = [t if isinstance(t, Tensor) else Tensor(t) for t in (actual, expected)]
    assert_close(
        *sides, rtol=rtol, atol=atol, equal_nan=equal_nan, check_dtype=False, msg=msg or None
    )


# ---------------------------------------------------------------- by kind


def _compare(a: Any, b: Any, options: _Options, item: str) -> None:
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return _mappings(a, b, options, item)
    if _is_sequence(a) and _is_sequence(b):
        if len(a) != len(b):
            _fail(f"The length of the sequences mismatch: {len(a)} != {len(b)}", item)
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            _compare(x, y, options, f"{item}[{i}]")
        return None
    if a is None or b is None:
        return None if a is b else _fail(f"None mismatch: {a!r} is not {b!r}", item)
    if isinstance(a, (bool, np.bool_)) and isinstance(b, (bool, np.bool_)):
        same = bool(a) is bool(b)
        return None if same else _fail(f"Booleans mismatch: {bool(a)} is not {bool(b)}", item)
    if _is_number(a) and _is_number(b):
        return _numbers(a, b, options, item)
    if _is_tensor_like(a) and _is_tensor_like(b):
        return _tensors(a, b, options, item)
    raise TypeError(
        f"No comparison pair was able to handle inputs of type {type(a)} and {type(b)}.\n"
        "Hint: both must be tensors or arrays, numbers, or containers of them"
    )


def _is_sequence(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, complex, np.number)) and not isinstance(value, bool)


def _is_tensor_like(value: Any) -> bool:
    return isinstance(value, (Tensor, np.ndarray))


def _fail(text: str, item: str) -> None:
    raise _Mismatch(text + (f"\n\nThe failure occurred for item {item}" if item else ""))


def _mappings(a: Mapping[Any, Any], b: Mapping[Any, Any], options: _Options, item: str) -> None:
    if set(a) != set(b):
        missing, more = sorted(set(b) - set(a), key=str), sorted(set(a) - set(b), key=str)
        _fail(
            "The keys of the mappings do not match:\n"
            f"Missing keys in the actual mapping: {missing}\n"
            f"Additional keys in the actual mapping: {more}",
            item,
        )
    for key in sorted(a, key=str):
        _compare(a[key], b[key], options, f"{item}[{key!r}]")


def _tolerances(options: _Options, *kinds: dtypes.dtype) -> tuple[float, float]:
    if options.rtol is not None and options.atol is not None:
        return options.rtol, options.atol
    found = [TOLERANCES.get(d.name, (0.0, 0.0)) for d in kinds]
    return max(r for r, _ in found), max(a for _, a in found)


def _numbers(a: Any, b: Any, options: _Options, item: str) -> None:
    if options.check_dtype and type(a) is not type(b):
        _fail(f"The (d)types do not match: {type(a)} != {type(b)}.", item)
    kinds = [dtypes.float64 if isinstance(v, (float, np.floating)) else
             dtypes.complex128 if isinstance(v, (complex, np.complexfloating)) else dtypes.int64
             for v in (a, b)]  # fmt: skip
    rtol, atol = _tolerances(options, *kinds)
    _scalars(a, b, rtol, atol, options.equal_nan, item)


def _scalars(a: Any, b: Any, rtol: float, atol: float, equal_nan: bool, item: str) -> None:
    difference = abs(a - b)
    if a == b or (equal_nan and a != a and b != b):
        return
    if np.isfinite(a) and np.isfinite(b) and difference <= atol + rtol * abs(b):
        return
    relative = difference / abs(b) if b else float("inf")
    exact = not rtol and not atol
    allowed = ("", "") if exact else (f" (up to {atol} allowed)", f" (up to {rtol} allowed)")
    _fail(
        f"Scalars are not {'equal' if exact else 'close'}!\n\nExpected {b} but got {a}.\n"
        f"Absolute difference: {difference}{allowed[0]}\n"
        f"Relative difference: {relative}{allowed[1]}",
        item,
    )


# ---------------------------------------------------------------- tensors


def _array(value: Any) -> Any:
    return np.asarray(value.numpy(force=True) if isinstance(value, Tensor) else value)


def _tensors(a: Any, b: Any, options: _Options, item: str) -> None:
    if not options.allow_subclasses and type(a) is not type(b):
        raise TypeError(
            f"allow_subclasses=False, but the types differ: {type(a)} and {type(b)}\n"
            "Hint: allow_subclasses=True"
        )
    x, y = _array(a), _array(b)
    kinds = [t.dtype if isinstance(t, Tensor) else dtypes.from_numpy_dtype(t.dtype) for t in (a, b)]
    if x.shape != y.shape:
        _differs("shape", f"torch.Size({list(x.shape)})", f"torch.Size({list(y.shape)})", item)
    if options.check_dtype and kinds[0] is not kinds[1]:
        _differs("dtype", kinds[0], kinds[1], item)
    if options.check_stride and x.strides != y.strides:
        steps = [tuple(s // v.itemsize for s in v.strides) for v in (x, y)]
        _differs("stride()", steps[0], steps[1], item)
    rtol, atol = _tolerances(options, *kinds)
    _elements(x, y, rtol, atol, options.equal_nan, item)


def _differs(what: str, a: Any, b: Any, item: str) -> None:
    _fail(f"The values for attribute '{what}' do not match: {a} != {b}.", item)


def _comparable(x: Any, y: Any) -> tuple[Any, Any]:
    """Both in a type in which differences can be computed."""
    common = dtypes.promote(*(dtypes.from_numpy_dtype(v.dtype) for v in (x, y)))
    target = np.dtype("int64") if common.category == 0 else common.np
    if common.itemsize == 2 and common.is_floating_point:
        target = np.dtype("float32")
    return x.astype(target), y.astype(target)


def _elements(x: Any, y: Any, rtol: float, atol: float, equal_nan: bool, item: str) -> None:
    x, y = _comparable(x, y)
    difference = np.abs(x - y)
    finite = np.isfinite(x) & np.isfinite(y)
    fits = (x == y) | (finite & (difference <= atol + rtol * np.abs(y)))
    if equal_nan:
        fits = fits | (np.isnan(x) & np.isnan(y))
    if np.all(fits):
        return
    if x.ndim == 0:
        return _scalars(x.item(), y.item(), rtol, atol, equal_nan, item)
    absolute = np.where(fits, 0, difference)
    real = y.real.dtype if y.dtype.kind in "fc" else np.dtype("float32")
    relative = np.where(fits, 0, difference / np.abs(y).astype(real)).astype(real)
    exact = not rtol and not atol
    wrong = int(np.count_nonzero(~fits))
    _fail(
        f"Tensor-likes are not {'equal' if exact else 'close'}!\n\n"
        f"Mismatched elements: {wrong} / {x.size} ({100 * wrong / x.size:.1f}%)\n"
        + _greatest("absolute", absolute, "" if exact else f" (up to {atol} allowed)") + "\n"
        + _greatest("relative", relative, "" if exact else f" (up to {rtol} allowed)"),
        item,
    )  # fmt: skip


def _greatest(kind: str, values: Any, allowed: str) -> str:
    """The largest, NaN counted as the largest, and its place."""
    flat = values.ravel()
    nan = np.isnan(flat)
    place = int(np.argmax(nan)) if nan.any() else int(np.argmax(flat))
    index = tuple(int(i) for i in np.unravel_index(place, values.shape))
    return f"Greatest {kind} difference: {flat[place].item()} at index {index}{allowed}"
