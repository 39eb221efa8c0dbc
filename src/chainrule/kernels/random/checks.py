"""PyTorch's checks of the arguments, and what it says."""

from __future__ import annotations

import warnings
from typing import NoReturn

import numpy as np

from .floats import cast
from .types import I64, INT64_MAX, INT64_MIN, Array, DType, facts

__all__ = [
    "check_multinomial",
    "check_randperm",
    "check_range",
    "check_rows",
    "check_seed",
    "check_weights",
    "fail",
    "not_implemented",
    "tightened",
    "uniform_error",
]


def fail(message: str) -> NoReturn:
    """Most of the complaints are RuntimeErrors."""
    raise RuntimeError(message)


def not_implemented(kernel: str, dtype: DType) -> NoReturn:
    """PyTorch has no kernel for the dtype."""
    raise NotImplementedError(f"\"{kernel}\" not implemented for '{facts(dtype).torch}'")


def uniform_error(low: float, high: float, dtype: DType) -> NoReturn:
    """PyTorch's checks of `uniform_`, in its order."""
    kind = facts(dtype)
    if not kind.digits:
        not_implemented("check_uniform_bounds", dtype)
    for name, value in (("from", low), ("to", high)):
        if not kind.smallest <= value <= kind.largest:
            fail(f"{name} is out of bounds for {kind.cpp}")
    if low > high:
        fail(f"uniform_ expects to return a [from, to) range, but found from={low:g} > to={high:g}")
    fail(
        f"uniform_ expects to-from <= std::numeric_limits<{kind.torch}>::max(), but found "
        f"to={high:g} and from={low:g} which result in to-from to exceed the limit"
    )


def check_range(low: int, last: int, dtype: DType) -> None:
    """[low, last] must fit the dtype; beyond a float's exact integers PyTorch only warns."""
    kind = facts(dtype)
    if not kind.digits and dtype.kind not in "biu":
        fail("check_random_bounds handles only integral, floating-point and boolean types")
    for value, name in ((low, "from"), (last, "to - 1")):
        if not kind.smallest <= value <= kind.largest:
            fail(f"{name} is out of bounds for {kind.cpp}")
    for value, name in ((low, "from"), (last, "to - 1")):
        if kind.digits and abs(value) > 1 << kind.digits:
            warnings.warn(
                f"{name} is out of bounds [-(2^{kind.digits}), 2^{kind.digits}]. Due to precision "
                f"limitations {kind.cpp} can support discrete uniform distribution only within "
                "this range. This warning will become an error in version 1.7 release, please "
                "fix the code in advance",
                UserWarning,
                stacklevel=4,
            )


def _as_float(value: int, dtype: DType) -> int:
    """int -> dtype -> int, as the range checks of `random_` do (beyond int64 it wraps)."""
    value = value if value <= INT64_MAX else value - 2**64
    rounded = float(cast(np.array([value], I64), dtype)[0])
    return int(rounded) if -(2.0**63) <= rounded < 2.0**63 else INT64_MIN


def tightened(low: int, high: int, dtype: DType) -> tuple[int, int]:
    """[low, high) moved inwards to values the float dtype has, so that no draw rounds out of it."""
    digits = facts(dtype).digits
    above, below = _as_float(low + 1, dtype), _as_float(high - 1, dtype)
    if above < low:
        low = above + (1 << (abs(low + 1).bit_length() - digits))
    if below >= high:
        high = below - (1 << (abs(high - 1).bit_length() - digits))
    return low, high


def check_seed(seed: object) -> int:
    """A seed as an unsigned 64-bit number; negative ones wrap, as PyTorch's do."""
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)):
        fail(f"manual_seed expected a long, but got {type(seed).__name__}")
    if not INT64_MIN <= int(seed) < 2**64:
        raise ValueError(
            f"Overflow when unpacking long long\nseed: {seed}\nHint: a seed lies in [-2**63, 2**64)"
        )
    return int(seed) % 2**64


def check_randperm(n: int, dtype: DType) -> None:
    """n numbers must exist, and exist in the dtype."""
    kind = facts(dtype)
    if n < 0:
        fail(f"Trying to create tensor with negative dimension {n}: [{n}]")
    if dtype.kind in "bc" or kind.name in ("uint16", "uint32", "uint64"):
        not_implemented("randperm", dtype)
    if kind.digits:
        limit = "2049" if kind.digits == 11 else f"2^{kind.digits}+1"
        if kind.name != "bfloat16" and n > 2**kind.digits + 1:
            fail(f"n cannot be greater than {limit} for {kind.torch} type.")
    elif n - 1 > kind.largest:
        fail(f"value cannot be converted to type {kind.name}_t without overflow")


def check_multinomial(weights: Array, n: int, replacement: bool) -> None:
    """The checks that come before either way of drawing."""
    kind = facts(weights.dtype)
    if weights.ndim not in (1, 2):
        fail("prob_dist must be 1 or 2 dim")
    if not kind.digits:
        fail(f"multinomial only supports floating-point dtypes for input, got: {kind.torch}")
    if n <= 0:
        fail("cannot sample n_sample <= 0 samples")
    if not replacement and n > weights.shape[-1]:
        fail("cannot sample n_sample > prob_dist.size(-1) samples without replacement")
    if weights.shape[-1] > 2**24:
        fail("number of categories cannot exceed 2^24")
    if weights.shape == (0,):
        fail(
            "aminmax(): cannot compute aminmax over an empty dimension as the operation has no "
            "identity."
            if n == 1
            else "invalid multinomial distribution (sum of probabilities <= 0)"
        )


def check_weights(weights: Array) -> None:
    """The checks of sampling without replacement."""
    if not ((weights >= 0) & (weights < np.inf)).all():
        fail("probability tensor contains either `inf`, `nan` or element < 0")
    if not (weights != 0).any(-1).all():
        fail("invalid multinomial distribution (sum of probabilities <= 0)")


def check_rows(rows: Array) -> Array:
    """The checks of sampling with replacement; returns the rows' cumulative sums."""
    start = "invalid multinomial distribution"
    if not (rows >= 0).all():
        fail(f"{start} (encountering probability entry < 0)")
    if not np.isfinite(rows).all():
        fail(f"{start} (encountering probability entry = infinity or NaN)")
    sums = np.cumsum(rows, axis=1, dtype=rows.dtype)
    if not (sums[:, -1] > 0).all():
        fail(f"{start} (sum of probabilities <= 0)")
    return sums
