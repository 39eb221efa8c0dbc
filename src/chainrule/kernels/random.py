"""Random draws on plain ndarrays: the numbers PyTorch's CPU generator gives for the same seed.

Long because: PyTorch's checks and messages stand beside the draws they guard.

What lives here: `MersenneTwister` (the engine: seed, state bytes, one method for a distribution)
and the float arithmetic of PyTorch's kernels, so that results agree to the last bit.
Who may call: `ops/random`, and through it `nn.init`; nothing here knows of Tensors.
Where a value goes: `numpy.random.MT19937` gives 32-bit words (loaded at the first draw, never at
import) -> uniforms of 24 or 53 bits -> the distribution's transform -> the dtype asked for.
Every draw is `engine.kind(shape, dtype, *parameters)` and returns a C-contiguous ndarray;
`engine.fill(out, kind, *parameters)` writes to an array of any strides in PyTorch's visiting order.
Exact: float32 normals on all of their 2**24 inputs; float64 transforms call the C library's log,
log1p, sin, cos, tan, exp as PyTorch does. Not thread-safe: threads sharing an engine need a lock.
"""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.random import MT19937
    from numpy.typing import DTypeLike, NDArray

Array: TypeAlias = np.ndarray[Any, Any]
DType: TypeAlias = np.dtype[Any]
Shape: TypeAlias = Sequence[int]

F32, F64, I64 = np.dtype(np.float32), np.dtype(np.float64), np.dtype(np.int64)
C64, C128 = np.dtype(np.complex64), np.dtype(np.complex128)

DEFAULT_SEED = 67280421310721
STATE_BYTES = 5056
_WORDS = 624
_INT64_MIN, _INT64_MAX = -(2**63), 2**63 - 1

# The record PyTorch saves: 64-bit slots for 32-bit words, then both cached normal samples.
_STATE = np.dtype({
    "names": ["seed", "left", "seeded", "next", "key", "normal", "has_normal",
              "normal32", "has_normal32"],
    "formats": ["u8", "i4", "i4", "u8", ("u8", (_WORDS,)), "f8", "i4", "f4", "?"],
    "offsets": [0, 8, 12, 16, 24, 5024, 5040, 5048, 5052],
    "itemsize": STATE_BYTES,
})  # fmt: skip

# dtype name: (PyTorch's scalar-type name, C++ name)
_NAMES = {
    "bool": ("Bool", "bool"), "uint8": ("Byte", "unsigned char"), "int8": ("Char", "signed char"),
    "int16": ("Short", "short int"), "int32": ("Int", "int"), "int64": ("Long", "long int"),
    "uint16": ("UInt16", "short unsigned int"), "uint32": ("UInt32", "unsigned int"),
    "uint64": ("UInt64", "long unsigned int"), "float16": ("Half", "c10::Half"),
    "bfloat16": ("BFloat16", "c10::BFloat16"), "float32": ("Float", "float"),
    "float64": ("Double", "double"), "complex64": ("ComplexFloat", "c10::complex<float>"),
    "complex128": ("ComplexDouble", "c10::complex<double>"),
}  # fmt: skip
_DIGITS = {"float16": 11, "bfloat16": 8, "float32": 24, "float64": 53}
_EXPONENT = {"float16": 15, "bfloat16": 127, "float32": 127, "float64": 1023}


class _Type(NamedTuple):
    """What the draws ask of a dtype; `digits` is 0 for anything but a real float."""

    name: str
    torch: str
    cpp: str
    digits: int
    reduced: bool
    smallest: float
    largest: float


@lru_cache(maxsize=64)
def _type(dtype: DType) -> _Type:
    """The facts of a dtype (cached: `dtype.name` alone costs a microsecond)."""
    name, digits = dtype.name, _DIGITS.get(dtype.name, 0)
    smallest: float = 0
    largest: float = 1
    if digits:
        largest = (2.0 - 2.0 ** (1 - digits)) * 2.0 ** _EXPONENT[name]
        smallest = -largest
    elif dtype.kind in "iu":
        smallest, largest = int(np.iinfo(dtype).min), min(int(np.iinfo(dtype).max), _INT64_MAX)
    torch, cpp = _NAMES.get(name, (name, name))
    return _Type(name, torch, cpp, digits, 0 < digits < 24, smallest, largest)


# --------------------------------------------------------------------------- float arithmetic


def _cast(x: Array, dtype: DType) -> Array:
    """`x` as `dtype`; 16-bit floats go through float32, as C++'s conversions do (two roundings)."""
    if x.dtype == dtype:
        return x
    if x.dtype.kind == "b":
        return x.astype(dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        return x.astype(F32).astype(dtype) if _type(dtype).reduced else x.astype(dtype)


def _libm(function: Callable[[float], float], x: Array) -> Array:
    """The C library's `function` at each float64 of `x`, about 55 ns each.

    NumPy's own float64 loops are vectorised and differ from the C library in the last bit for up
    to 8% of arguments; PyTorch calls the C library, and `math` is the way to it from Python.
    """
    return np.fromiter(map(function, x.ravel().tolist()), F64, x.size).reshape(x.shape)


def _log(x: float) -> float:
    return math.log(x) if x > 0.0 else -math.inf


def _exp(x: float) -> float:
    try:
        return math.exp(x)
    except OverflowError:
        return math.inf


def _cos_sin(theta: Array) -> tuple[Array, Array]:
    """The C library's cos and sin; cexp(0 + i t) reaches them in a compiled loop (4x `_libm`)."""
    unit = np.zeros(theta.shape, C128)
    unit.imag = theta
    np.exp(unit, out=unit)
    return unit.real, unit.imag


def _guarded(
    fast: np.ufunc, exact: Callable[[float], float], x: Array, then: Callable[[Array], Array]
) -> Array:
    """then(exact(x)) for a monotone `then` that rounds, mostly without calling `exact`.

    NumPy's `fast` is within 4 units in the last place. Where `then` gives one result at both ends
    of an interval twice as wide, that is the result; the few other places call the C library.
    """
    with np.errstate(divide="ignore"):
        y = fast(x)
    result, other = then(y * (1.0 - 2.0**-50)), then(y * (1.0 + 2.0**-50))
    doubt = np.flatnonzero(result != other)
    if doubt.size:
        result[doubt] = then(_libm(exact, x[doubt]))
    return result


def _round_to_odd(s: Array, error: Array) -> Array:
    """Move each inexact float64 `s` with an even last bit one step towards the exact s + error.

    A later rounding to fewer bits is then correct (no double rounding).
    Source: Boldo & Melquiond, "Emulation of FMA and correctly rounded sums", IEEE TC 57(4), 2008.
    """
    bits = s.view(np.int64)
    step = np.where((error > 0) == (s > 0), 1, -1)
    return np.where((error != 0) & (bits & 1 == 0), bits + step, bits).view(F64)


def _two_sum(a: Array, b: Array | float) -> tuple[Array, Array]:
    """s = fl(a + b) and the exact error (Knuth's branch-free form)."""
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


def _split(a: Array) -> tuple[Array, Array]:
    """a as a sum of two 26-bit halves (Veltkamp)."""
    c = a * 134217729.0
    high = c - (c - a)
    return high, a - high


def _fma64(a: Array, b: float, c: float) -> Array:
    """a * b + c with one rounding, in float64, without the hardware FMA NumPy does not offer.

    The product is split exactly (Dekker) and the three terms summed with round-to-odd.
    Source: Boldo & Melquiond 2008, algorithm Fma; exact barring overflow and underflow.
    """
    product = a * b
    if c == 0.0 or b == 1.0 or not (math.isfinite(b) and math.isfinite(c)):
        return product + c
    if max(abs(b), abs(c)) > 1e280:  # the split would overflow
        return _fma64(a, b * 2.0**-128, c * 2.0**-128) * 2.0**128
    a1, a2 = _split(a)
    b1, b2 = (float(v) for v in _split(np.asarray(b, F64)))
    low = ((a1 * b1 - product) + a1 * b2 + a2 * b1) + a2 * b2
    t, t_low = _two_sum(low, c)
    v, v_low = _two_sum(product, t)
    return np.asarray(v + _round_to_odd(*_two_sum(t_low, v_low)))


def _fma32(a: Array, b: float, c: float) -> None:
    """a <- a * b + c with one rounding, for flat float32 `a` and float32 values b and c.

    float64 holds the product exactly; the sum is rounded twice, which shows only when the first
    rounding lands on a midpoint of float32, and is repaired there. Blocks stay in the cache.
    """
    for start in range(0, a.size, 16384):
        block = a[start : start + 16384]
        product = block.astype(F64)
        product *= b
        s = product + c
        midpoint = (s.view(np.int64) & 0x1FFFFFFF) == 0x10000000
        if midpoint.any():
            s = np.where(midpoint, _round_to_odd(s, _two_sum(product, c)[1]), s)
        block[...] = s


# ------------------------------------------------- the float32 Box-Muller of PyTorch's AVX2 kernel
# PyTorch runs Cephes' single-precision log, sin and cos eight at a time with AVX2, on every x86-64
# machine (its AVX-512 build calls the AVX2 one), and the compiler fuses the Horner steps into FMAs.
# Products of float32 numbers are exact in float64, so an FMA is: multiply and add in float64, store
# to float32. The rare double rounding of that was checked away: radius, sin and cos equal PyTorch's
# on all 2**24 uniforms that exist.
# Source: S. Moshier, Cephes Mathematical Library, logf.c, sinf.c (coefficients and reductions).

_LOG = tuple(float(np.float32(c)) for c in (
    7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1,
    -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1))  # fmt: skip
_LN2_LOW, _LN2_HIGH = np.float32(-2.12194440e-4), np.float32(0.693359375)
_SQRT_HALF, _HALF, _ONE = np.float32(0.707106781186547524), np.float32(0.5), np.float32(1)
_FOUR_OVER_PI, _TWO_PI32 = np.float32(1.27323954473516), np.float32(2 * math.pi)
_PI_OVER_4 = tuple(float(np.float32(c)) for c in (
    -0.78515625, -2.4187564849853515625e-4, -3.77489497744594108e-8))  # fmt: skip
_COS = tuple(float(np.float32(c)) for c in (
    2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2))  # fmt: skip
_SIN = tuple(float(np.float32(c)) for c in (
    -1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1))  # fmt: skip
_BLOCK = 1024  # groups of 16 in one pass: 8192 pairs keep the buffers in the level-2 cache


def _fused(y: Array, x: Array, c: Array | float, t: Array) -> None:
    """y <- fma(y, x, c): y float32, x and the scratch t float64, c float32 values."""
    np.multiply(y, x, out=t)
    t += c
    y[...] = t


def _horner(x: Array, coefficients: Sequence[float], t: Array) -> Array:
    """A float32 polynomial by fused steps, highest coefficient first; x and scratch t float64."""
    np.multiply(x, coefficients[0], out=t)
    t += coefficients[1]
    y = t.astype(F32)
    for c in coefficients[2:]:
        _fused(y, x, c, t)
    return y


def _radius(u: Array) -> Array:
    """sqrt(-2 log u) for float32 u in (0, 1].

    u = m 2**e with m in [sqrt(1/2), sqrt(2)); log u = e log 2 + log(1 + (m - 1)), a polynomial.
    """
    m, exponent = np.frexp(u)
    low = m < _SQRT_HALF
    exponent -= low
    x = m - _ONE
    m *= low
    x += m
    e = exponent.astype(F32)
    wide, t = x.astype(F64), np.empty(x.shape, F64)
    y = _horner(wide, _LOG, t)
    y *= x
    z = x * x
    wide[...] = z
    _fused(y, wide, e * _LN2_LOW, t)
    z *= _HALF
    y -= z
    x += y
    e *= _LN2_HIGH
    x += e
    x *= np.float32(-2)
    return np.sqrt(x, out=x)


def _cos_sin32(u: Array) -> tuple[Array, Array]:
    """cos and sin of 2 pi u for float32 u in [0, 1).

    The angle comes into [-pi/4, pi/4] by subtracting j pi/4 in three parts, j even; bits of j
    say which polynomial is which function, and the signs.
    """
    x = u * _TWO_PI32
    j = (x * _FOUR_OVER_PI).astype(np.int32)
    j += 1
    j &= -2
    wide = j.astype(F64)
    t = np.empty_like(wide)
    for part in _PI_OVER_4:
        np.multiply(wide, part, out=t)
        t += x
        x[...] = t
    c, s = _cos_sin_parts(x, wide, t)
    cos, sin = c.view(np.int32), s.view(np.int32)
    swap = cos ^ sin
    swap &= -((j >> 1) & 1)
    cos ^= swap
    sin ^= swap
    sin ^= (j & 4) << 29
    j += 2
    cos ^= (j & 4) << 29
    return c, s


def _cos_sin_parts(x: Array, wide: Array, t: Array) -> tuple[Array, Array]:
    """cos x and sin x for float32 x in [-pi/4, pi/4]; wide and t are float64 scratch."""
    z = x * x
    wide[...] = z
    c, s = _horner(wide, _COS, t), _horner(wide, _SIN, t)
    c *= z
    s *= z
    z *= -_HALF
    _fused(c, wide, z, t)
    c += _ONE
    wide[...] = x
    _fused(s, wide, x, t)
    return c, s


def _box_muller32(u: Array, mean: float, std: float) -> Array:
    """float32 normals from flat float32 uniforms (a multiple of 16), in place, block by block.

    In a group of 16, uniform k and uniform k + 8 make normal k (cosine) and k + 8 (sine).
    """
    groups = u.reshape(-1, 2, 8)
    for start in range(0, len(groups), _BLOCK):
        block = groups[start : start + _BLOCK]
        radius = _radius(_ONE - block[:, 0])
        cos, sin = _cos_sin32(block[:, 1])
        np.multiply(radius, cos, out=block[:, 0])
        np.multiply(radius, sin, out=block[:, 1])
    if mean == 0.0 and std == 1.0:
        u += np.float32(0)  # PyTorch scales here too, by an FMA, which makes +0 of -0
        return u
    with np.errstate(over="ignore", invalid="ignore"):
        _fma32(u, float(np.float32(std)), float(np.float32(mean)))
    return u


def _box_muller64(u: Array, mean: float, std: float) -> Array:
    """float64 normals from flat float64 uniforms, as `_box_muller32`, by the C library."""
    groups = u.reshape(-1, 2, 8)
    radius = np.sqrt(-2.0 * _libm(math.log, 1.0 - groups[:, 0]))
    cos, sin = _cos_sin((2.0 * math.pi) * groups[:, 1])
    np.multiply(radius, cos, out=groups[:, 0])
    np.multiply(radius, sin, out=groups[:, 1])
    return _fma64(u, std, mean)


# --------------------------------------------------------------------------- errors


def _fail(message: str) -> NoReturn:
    raise RuntimeError(message)


def _not_implemented(kernel: str, dtype: DType) -> NoReturn:
    raise NotImplementedError(f"\"{kernel}\" not implemented for '{_type(dtype).torch}'")


def _uniform_error(low: float, high: float, dtype: DType) -> NoReturn:
    """PyTorch's checks of `uniform_`, in its order."""
    kind = _type(dtype)
    if not kind.digits:
        _not_implemented("check_uniform_bounds", dtype)
    for name, value in (("from", low), ("to", high)):
        if not kind.smallest <= value <= kind.largest:
            _fail(f"{name} is out of bounds for {kind.cpp}")
    if low > high:
        _fail(
            f"uniform_ expects to return a [from, to) range, but found from={low:g} > to={high:g}"
        )
    _fail(
        f"uniform_ expects to-from <= std::numeric_limits<{kind.torch}>::max(), but found "
        f"to={high:g} and from={low:g} which result in to-from to exceed the limit"
    )


def _check_range(low: int, last: int, dtype: DType) -> None:
    """[low, last] must fit the dtype; beyond a float's exact integers PyTorch only warns."""
    kind = _type(dtype)
    if not kind.digits and dtype.kind not in "biu":
        _fail("check_random_bounds handles only integral, floating-point and boolean types")
    for value, name in ((low, "from"), (last, "to - 1")):
        if not kind.smallest <= value <= kind.largest:
            _fail(f"{name} is out of bounds for {kind.cpp}")
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
    value = value if value <= _INT64_MAX else value - 2**64
    rounded = float(_cast(np.array([value], I64), dtype)[0])
    return int(rounded) if -(2.0**63) <= rounded < 2.0**63 else _INT64_MIN


def _tightened(low: int, high: int, dtype: DType) -> tuple[int, int]:
    """[low, high) moved inwards to values the float dtype has, so that no draw rounds out of it."""
    digits = _type(dtype).digits
    above, below = _as_float(low + 1, dtype), _as_float(high - 1, dtype)
    if above < low:
        low = above + (1 << (abs(low + 1).bit_length() - digits))
    if below >= high:
        high = below - (1 << (abs(high - 1).bit_length() - digits))
    return low, high


def _check_seed(seed: object) -> int:
    """A seed as an unsigned 64-bit number; negative ones wrap, as PyTorch's do."""
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)):
        _fail(f"manual_seed expected a long, but got {type(seed).__name__}")
    if not _INT64_MIN <= int(seed) < 2**64:
        raise ValueError(
            f"Overflow when unpacking long long\nseed: {seed}\nHint: a seed lies in [-2**63, 2**64)"
        )
    return int(seed) % 2**64


def _check_randperm(n: int, dtype: DType) -> None:
    kind = _type(dtype)
    if n < 0:
        _fail(f"Trying to create tensor with negative dimension {n}: [{n}]")
    if dtype.kind in "bc" or kind.name in ("uint16", "uint32", "uint64"):
        _not_implemented("randperm", dtype)
    if kind.digits:
        limit = "2049" if kind.digits == 11 else f"2^{kind.digits}+1"
        if kind.name != "bfloat16" and n > 2**kind.digits + 1:
            _fail(f"n cannot be greater than {limit} for {kind.torch} type.")
    elif n - 1 > kind.largest:
        _fail(f"value cannot be converted to type {kind.name}_t without overflow")


def _check_multinomial(weights: Array, n: int, replacement: bool) -> None:
    kind = _type(weights.dtype)
    if weights.ndim not in (1, 2):
        _fail("prob_dist must be 1 or 2 dim")
    if not kind.digits:
        _fail(f"multinomial only supports floating-point dtypes for input, got: {kind.torch}")
    if n <= 0:
        _fail("cannot sample n_sample <= 0 samples")
    if not replacement and n > weights.shape[-1]:
        _fail("cannot sample n_sample > prob_dist.size(-1) samples without replacement")
    if weights.shape[-1] > 2**24:
        _fail("number of categories cannot exceed 2^24")
    if weights.shape == (0,):
        _fail(
            "aminmax(): cannot compute aminmax over an empty dimension as the operation has no "
            "identity."
            if n == 1
            else "invalid multinomial distribution (sum of probabilities <= 0)"
        )


def _check_weights(weights: Array) -> None:
    """The checks of sampling without replacement."""
    if not ((weights >= 0) & (weights < np.inf)).all():
        _fail("probability tensor contains either `inf`, `nan` or element < 0")
    if not (weights != 0).any(-1).all():
        _fail("invalid multinomial distribution (sum of probabilities <= 0)")


def _check_rows(rows: Array) -> Array:
    """The checks of sampling with replacement; returns the rows' cumulative sums."""
    start = "invalid multinomial distribution"
    if not (rows >= 0).all():
        _fail(f"{start} (encountering probability entry < 0)")
    if not np.isfinite(rows).all():
        _fail(f"{start} (encountering probability entry = infinity or NaN)")
    sums = np.cumsum(rows, axis=1, dtype=rows.dtype)
    if not (sums[:, -1] > 0).all():
        _fail(f"{start} (sum of probabilities <= 0)")
    return sums


# --------------------------------------------------------------------------- order and promotion


def memory_order(array: Array) -> Array:
    """A view of `array` with its axes sorted by decreasing stride.

    PyTorch's elementwise kernels visit a strided tensor in this order, so a transposed tensor is
    filled along memory, not along its own indices.
    """
    return array.transpose(_axes(array))


def _axes(array: Array) -> list[int]:
    strides = array.strides
    return sorted(range(array.ndim), key=lambda axis: -abs(strides[axis]))


def _arithmetic(operation: np.ufunc, out: Array, other: Array | float) -> Array:
    """`out` (op) `other`, rounded to out's dtype; numbers, 0-d arrays and integers are weak."""
    if not isinstance(other, np.ndarray):
        other = _cast(np.asarray(other), out.dtype)
    elif other.ndim == 0 < out.ndim:  # PyTorch keeps a 0-d operand in the kernel's float32
        other = other.astype(F32 if _type(out.dtype).reduced else out.dtype)
    elif other.dtype.kind in "biu":
        other = _cast(other, out.dtype)
    return _cast(np.asarray(operation(out, other)), out.dtype)


def _resolve_swaps(targets: NDArray[np.int64]) -> NDArray[np.int64]:
    """The array 0..n-1 after swapping places i and targets[i] >= i for i = 0, 1, ..., vectorised.

    Step i fixes place i to what place targets[i] holds: the value moved there by the last earlier
    step with the same target, else its own number. The value step k moves is what place k holds
    then, by the same rule; so moves form a forest, resolved by pointer doubling.
    """
    n = targets.size
    place = np.arange(n)
    order = targets << 32
    order |= place
    order.sort()
    target, step = order >> 32, order & 0xFFFFFFFF
    same = target[1:] == target[:-1]
    previous, last = np.full(n, -1), np.full(n, -1)
    previous[step[1:][same]] = step[:-1][same]
    last[target] = step  # of repeated indices the last one stays
    parent = np.where(last == place, previous, last)
    root = np.where(parent < 0, place, parent)
    while True:
        further = root[root]
        if np.array_equal(further, root):
            return np.where(previous >= 0, root[previous], targets)
        root = further


# --------------------------------------------------------------------------- the engine


class MersenneTwister:
    """mt19937 with PyTorch's seeding, state layout, caching and draws.

    Args:
        seed: any integer in [-2**63, 2**64). PyTorch's `torch.Generator()` starts at
            67280421310721, while its default generator starts at a nondeterministic `seed()`.

    Only the low 32 bits of a seed choose the sequence, as in PyTorch.

    Example:
        >>> MersenneTwister(0).rand((3,)).tolist()
        [0.49625658988952637, 0.7682217955589294, 0.08847743272781372]
    """

    __slots__ = ("_bits", "_fresh", "_normal", "_normal32", "_seed")

    def __init__(self, seed: int = DEFAULT_SEED) -> None:
        self._bits: MT19937 | None = None
        self._normal: float | None = None
        self._normal32: float | None = None  # PyTorch keeps it in its state, no CPU draw uses it
        self.manual_seed(seed)

    # ------------------------------------------------------------------ seed and state

    def manual_seed(self, seed: int) -> None:
        """Restart the sequence of `seed` and forget cached normal samples.

        Raises:
            RuntimeError: `seed` is not an integer.
            ValueError: `seed` is outside [-2**63, 2**64).
        """
        self._seed = _check_seed(seed)
        self._normal = self._normal32 = None
        self._fresh = True  # nothing drawn: the state bytes tell it from a block just used up
        if self._bits is not None:
            self._bits._legacy_seeding(self._seed & 0xFFFFFFFF)

    def initial_seed(self) -> int:
        """The seed last set, in [0, 2**64)."""
        return self._seed

    def seed(self) -> int:
        """Reseed from the operating system's entropy and return the new seed."""
        self.manual_seed(int.from_bytes(os.urandom(8), "little"))
        return self._seed

    def clone(self) -> MersenneTwister:
        """An independent engine in the same state."""
        other = MersenneTwister()
        other.set_state(self.get_state())
        return other

    def get_state(self) -> NDArray[np.uint8]:
        """The state as 5056 bytes in PyTorch's layout (`torch.get_rng_state()`)."""
        inner: Any = self._generator().state["state"]
        position = 0 if self._fresh else int(inner["pos"])
        record = np.zeros(1, _STATE)
        record["seed"], record["seeded"], record["key"] = self._seed, 1, inner["key"]
        record["next"] = position
        record["left"] = 1 if self._fresh else _WORDS + 1 - position
        for name, value in (("normal", self._normal), ("normal32", self._normal32)):
            record[name], record["has_" + name] = value or 0.0, value is not None
        return record.view(np.uint8)

    def set_state(self, state: NDArray[np.uint8]) -> None:
        """Continue from a state saved here or by PyTorch.

        Raises:
            TypeError: not a uint8 array.
            RuntimeError: not contiguous, not 5056 bytes, or not a state.
        """
        if not isinstance(state, np.ndarray) or state.dtype != np.uint8:
            raise TypeError("RNG state must be a torch.ByteTensor")
        if not state.flags.c_contiguous:
            _fail("RNG state must be contiguous")
        if state.size != STATE_BYTES:
            _fail(
                f"Expected a CPUGeneratorImplState of size {STATE_BYTES} but found the input RNG "
                f"state size to be {state.size}"
            )
        record: Any = np.frombuffer(state.tobytes(), _STATE)[0]
        left, position = int(record["left"]), int(record["next"])
        if not (record["seeded"] and 0 < left <= _WORDS and position <= _WORDS):
            _fail("Invalid mt19937 state")
        self._seed, self._fresh = int(record["seed"]), left == 1 and position == 0
        self._normal = float(record["normal"]) if record["has_normal"] else None
        self._normal32 = float(record["normal32"]) if record["has_normal32"] else None
        position = _WORDS if left == 1 else position
        key: NDArray[np.uint32] = record["key"].astype(np.uint32)
        state_of_numpy: Any = {"bit_generator": "MT19937", "state": {"key": key, "pos": position}}
        self._generator().state = state_of_numpy

    # ------------------------------------------------------------------ words and uniforms

    def _generator(self) -> MT19937:
        """NumPy's generator, made at the first use: importing `numpy.random` takes time."""
        if self._bits is None:
            from numpy.random import MT19937

            self._bits = MT19937(0)
            self._bits._legacy_seeding(self._seed & 0xFFFFFFFF)
        return self._bits

    def _words(self, n: int) -> NDArray[np.uint64]:
        """The next n 32-bit words."""
        if n:
            self._fresh = False
        words: NDArray[np.uint64] = (self._bits or self._generator()).random_raw(n)
        return words

    def _words64(self, n: int) -> NDArray[np.uint64]:
        """n 64-bit words, each of two 32-bit ones, high word first."""
        pairs = self._words(2 * n).reshape(n, 2)
        words = pairs[:, 0] << np.uint64(32)
        words |= pairs[:, 1]
        return words

    def _uniform24(self, n: int) -> Array:
        """n float32 multiples of 2**-24 in [0, 1): the low 24 bits of a word each."""
        words = self._words(n).astype(np.int32)
        words &= 0xFFFFFF
        u = words.astype(F32)
        u *= np.float32(2.0**-24)
        return u

    def _uniform53(self, n: int) -> Array:
        """n float64 multiples of 2**-53 in [0, 1): the low 53 bits of a 64-bit word each."""
        words = self._words64(n)
        words &= np.uint64(0x1FFFFFFFFFFFFF)
        u = words.view(I64).astype(F64)
        u *= 2.0**-53
        return u

    def _double(self) -> float:
        """One float64 uniform as a Python float."""
        bits: Any = self._bits or self._generator()
        self._fresh = False
        high: int = bits.random_raw() & 0x1FFFFF
        low: int = bits.random_raw()
        return (high << 32 | low) * 2.0**-53

    # ------------------------------------------------------------------ uniform

    def rand(self, shape: Shape, dtype: DTypeLike = F32) -> Array:
        """Uniform on [0, 1); see `uniform`."""
        return self.uniform(shape, dtype)

    def uniform(
        self, shape: Shape, dtype: DTypeLike = F32, low: float = 0.0, high: float = 1.0
    ) -> Array:
        """Uniform on [low, high): low + (high - low) u, in one FMA.

        float64 takes two words a number, other dtypes one; complex numbers draw real, imaginary.

        Raises:
            RuntimeError: a bound does not fit the dtype, or low > high.
            NotImplementedError: the dtype is not floating point or complex.
        """
        dtype, n = np.dtype(dtype), math.prod(shape)
        if dtype.kind == "c" and n:
            return self._complex(self.uniform, shape, dtype, low, high)
        if dtype.kind == "c":
            return np.empty(shape, dtype)
        kind = _type(dtype)
        top = kind.largest
        if not (kind.digits and -top <= low <= high <= top and high - low <= top):
            _uniform_error(low, high, dtype)
        if n == 0:
            return np.empty(shape, dtype)
        plain = low == 0.0 and high == 1.0
        u = self._uniform53(n) if kind.digits == 53 else self._uniform24(n)
        if plain and not kind.reduced:
            return u.reshape(shape)
        if kind.digits == 53:
            u = _fma64(u, high - low, low)
        elif not plain:
            start = np.float32(low)
            _fma32(u, float(np.float32(high) - start), float(start))
        u = _cast(u, dtype)
        number: Any = dtype.type
        narrow: Any = np.float32 if kind.reduced else float
        end, first = number(narrow(high)), number(narrow(low))
        np.putmask(u, u == end, first)  # rounding may have reached the excluded end
        return u.reshape(shape)

    def _complex(self, draw: Callable[..., Array], shape: Shape, dtype: DType, *args: Any) -> Array:
        """A complex draw is a real draw of shape (*shape, 2)."""
        real = draw((*shape, 2), F32 if dtype == C64 else F64, *args)
        return real.view(dtype).reshape(shape)

    # ------------------------------------------------------------------ normal

    def randn(self, shape: Shape, dtype: DTypeLike = F32) -> Array:
        """Standard normal; see `normal`."""
        return self.normal(shape, dtype)

    def normal(
        self,
        shape: Shape,
        dtype: DTypeLike = F32,
        mean: float = 0.0,
        std: float = 1.0,
        contiguous: bool = True,
    ) -> Array:
        """Normal with the given mean and standard deviation, by Box-Muller.

        From 16 numbers on, uniforms are taken in groups of 16 in the dtype's own precision, and a
        last incomplete group is covered by redrawing the last 16 numbers. Fewer numbers, and
        tensors that are not contiguous, are drawn in float64 one pair at a time; the second of a
        pair is kept for the next such draw, whatever its dtype. Complex numbers have variance
        std**2 / 2 in each part.

        Args:
            contiguous: whether the destination is (False asks for the pairwise path).

        Raises:
            RuntimeError: std is negative.
            NotImplementedError: the dtype is not floating point or complex.
        """
        dtype, n = np.dtype(dtype), math.prod(shape)
        if not std >= 0.0:
            _fail(f"normal expects std >= 0.0, but found std {std:g}")
        if dtype.kind == "c":
            return self._complex(self.normal, shape, dtype, mean, std / math.sqrt(2), contiguous)
        if n == 0:
            return np.empty(shape, dtype)
        kind = _type(dtype)
        if not kind.digits:
            _not_implemented("normal_kernel_cpu", dtype)
        if n < 16 or not contiguous:
            return _cast(self._pairwise(n, mean, std), dtype).reshape(shape)
        return _cast(self._grouped(n, kind, mean, std), dtype).reshape(shape)

    def _grouped(self, n: int, kind: _Type, mean: float, std: float) -> Array:
        """n >= 16 normals; float64 for float64, else float32.

        float32 and float64 draw all n uniforms and then 16 for the tail; 16-bit floats go group
        by group, so the uniforms of the incomplete group are never drawn.
        """
        tail = n % 16
        count = n if not tail else n - tail + 16 if kind.reduced else n + 16
        u = self._uniform53(count) if kind.digits == 53 else self._uniform24(count)
        if tail and not kind.reduced:
            u = np.concatenate((u[: n - tail], u[n:]))
        x = (_box_muller64 if kind.digits == 53 else _box_muller32)(u, mean, std)
        return np.concatenate((x[: n - 16], x[n - tail :])) if tail else x

    def _pairwise(self, n: int, mean: float, std: float) -> Array:
        """n float64 normals, starting with the cached one and caching a spare one."""
        x = np.empty(n, F64)
        start = 0
        if self._normal is not None:
            x[0], self._normal, start = self._normal, None, 1
        need = n - start
        if need:
            pairs = self._pairs((need + 1) // 2)
            x[start:] = pairs[:need]
            if need % 2:
                self._normal = float(pairs[-1])
        return x if mean == 0.0 and std == 1.0 else _fma64(x, std, mean)

    def _pairs(self, n: int) -> Array:
        """2n standard normals: r cos, r sin with r = sqrt(-2 log1p(-u2)), angle 2 pi u1."""
        u = self._uniform53(2 * n).reshape(n, 2)
        if n <= 8:  # Python floats beat ufunc calls here
            few: list[float] = []
            for u1, u2 in u.tolist():
                radius, angle = math.sqrt(-2.0 * math.log1p(-u2)), 2.0 * math.pi * u1
                few += (radius * math.cos(angle), radius * math.sin(angle))
            return np.array(few)
        x = np.empty((n, 2), F64)
        radii = np.sqrt(-2.0 * _libm(math.log1p, -u[:, 1]))
        cos, sin = _cos_sin((2.0 * math.pi) * u[:, 0])
        np.multiply(radii, cos, out=x[:, 0])
        np.multiply(radii, sin, out=x[:, 1])
        return x.ravel()

    def normal_tensors(self, mean: Array | float, std: Array | float) -> Array:
        """`torch.normal` with a tensor mean, a tensor std or both, broadcast together.

        The dtype is that of `mean` when it is an array, else that of `std`.

        Raises:
            RuntimeError: std is complex or has a negative element.
        """
        scale = 1.0 if isinstance(std, np.ndarray) else float(std)
        if isinstance(std, np.ndarray):
            if std.dtype.kind == "c":
                _fail("normal expects standard deviation to be non-complex")
            if not (std >= 0).all():
                _fail("normal expects all elements of std >= 0.0")
        model = mean if isinstance(mean, np.ndarray) else np.asarray(std)
        shape = np.broadcast_shapes(np.shape(mean), np.shape(std))
        out = self.normal(shape, model.dtype, 0.0, scale)
        if isinstance(std, np.ndarray):
            out = _arithmetic(np.multiply, out, std)
        return _arithmetic(np.add, out, mean)

    # ------------------------------------------------------------------ integers

    def randint(self, shape: Shape, dtype: DTypeLike = I64, low: int = 0, high: int = 1) -> Array:
        """Integers of [low, high) in any real dtype: word % (high - low) + low.

        From a range of 2**28 on, a 64-bit word is used for each number, below a 32-bit word.

        Raises:
            RuntimeError: low >= high, or a bound does not fit the dtype.
        """
        dtype = np.dtype(dtype)
        if low >= high:
            _fail(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
        if _type(dtype).digits:
            low, high = _tightened(low, high, dtype)
            if low >= high:
                _fail(
                    "random_ expects 'from' casted to dtype to be less than 'to' casted to dtype, "
                    f"but got from={low} >= to={high}"
                )
        _check_range(low, high - 1, dtype)
        return self._from_to(shape, dtype, low, high - low)

    def random(
        self, shape: Shape, dtype: DTypeLike = I64, low: int | None = None, high: int | None = None
    ) -> Array:
        """`Tensor.random_()`: no bounds, or [low, largest value of the dtype], or [low, high).

        Without bounds: non-negative values up to the dtype's largest, for floats up to
        2**mantissa (the integers it holds exactly).
        """
        dtype = np.dtype(dtype)
        if low is None:
            return self._unbounded(shape, dtype)
        if high is not None:
            return self.randint(shape, dtype, low, high)
        if low == _INT64_MIN:
            return self._full64(shape, dtype)
        digits = _type(dtype).digits
        last = 1 << digits if digits else int(_type(dtype).largest)
        if digits:
            low = _tightened(low, 1, dtype)[0]
            if low >= last:
                _fail(
                    "random_ expects 'from' casted to dtype to be less than or equal to 'to_inc' "
                    f"casted to dtype, but got from={low} > to_inc={last}"
                )
        elif dtype == np.uint64:
            last = -1  # PyTorch casts the largest uint64 to int64, and then refuses it
        _check_range(low, last, dtype)
        return self._from_to(shape, dtype, low, last - low + 1)

    def _from_to(self, shape: Shape, dtype: DType, low: int, span: int) -> Array:
        """(word % span + low) wrapped to int64, then cast."""
        n = math.prod(shape)
        if span >= 1 << 28:
            wide = self._words64(n)
            wide %= np.uint64(span)
            value = wide.view(I64)
        else:
            words = self._words(n).astype(np.uint32)
            words %= np.uint32(span)
            value = words.astype(I64)
        if low:
            value += low
        return _cast(value, dtype).reshape(shape)

    def _unbounded(self, shape: Shape, dtype: DType) -> Array:
        """`random_()`: the value range depends on the dtype alone."""
        n, kind = math.prod(shape), _type(dtype)
        if n == 0:
            return np.empty(shape, dtype)
        if kind.name in ("int64", "float64"):
            words = self._words64(n)
            words %= np.uint64(2**63 if dtype == I64 else 2**53 + 1)
        elif kind.digits:
            words = self._words(n) % np.uint64((1 << kind.digits) + 1)
        elif kind.name in ("bool", "uint8", "int8", "int16", "int32"):
            words = self._words(n) & np.uint64(kind.largest)
        else:
            _not_implemented("random_kernel_cpu", dtype)
        return _cast(words.view(I64), dtype).reshape(shape)

    def _full64(self, shape: Shape, dtype: DType) -> Array:
        """`random_(-2**63, None)`: any of the 2**64 values of int64, cast."""
        n, name = math.prod(shape), _type(dtype).name
        if n and name in ("bool", "float16", "uint16", "uint32", "uint64"):
            _not_implemented("random_full_64_bits_range_kernel_cpu", dtype)
        if n and name not in ("int64", "float64", "float32", "bfloat16"):
            _fail(
                "random_full_64_bits_range_kernel_cpu handles only int64, double, float and "
                "bfloat16"
            )
        return _cast(self._words64(n).view(I64), dtype).reshape(shape)

    def randperm(self, n: int, dtype: DTypeLike = I64) -> Array:
        """A permutation of 0..n-1 by Fisher-Yates, of shape (n,).

        Swaps depend on each other: short ones run over a list, long ones through a forest.

        Raises:
            RuntimeError: n is negative or the dtype cannot hold n - 1.
            NotImplementedError: bool, complex, uint16, uint32, uint64.
        """
        dtype = np.dtype(dtype)
        _check_randperm(n, dtype)
        if n >= (2**32 - 1) // 20:
            return _cast(self._long_randperm(n), dtype)
        words = self._words(max(n - 1, 0))
        words %= np.arange(n, 1, -1, dtype=np.uint64)
        targets = np.arange(n)
        targets[: n - 1] += words.view(I64)
        if n > 800:
            return _cast(_resolve_swaps(targets), dtype)
        items = list(range(n))
        for i, j in enumerate(targets.tolist()):
            items[i], items[j] = items[j], items[i]
        return _cast(np.array(items, I64), dtype)

    def _long_randperm(self, n: int) -> NDArray[np.int64]:
        """So long that a 32-bit remainder is biased: 64-bit words, the inside-out shuffle.

        A plain loop of minutes and gigabytes; never compared with PyTorch, for its size.
        """
        targets = self._words64(n)
        targets %= np.arange(1, n + 1, dtype=np.uint64)
        items = np.arange(n)
        for i, j in enumerate(targets.tolist()):
            items[i] = items[j]
            items[j] = i
        return items

    # ------------------------------------------------------------------ choices

    def bernoulli(self, shape: Shape, dtype: DTypeLike = F32, p: float | Array = 0.5) -> Array:
        """1 where u < p, else 0, as `dtype`.

        A Python number `p` and a float64 array are compared with 53-bit uniforms; an array of
        another float dtype, broadcast to `shape`, with 24-bit ones.

        Raises:
            RuntimeError: p outside [0, 1].
            NotImplementedError: a dtype PyTorch has no kernel for, or `p` is of integers.
        """
        dtype, n = np.dtype(dtype), math.prod(shape)
        tensor = isinstance(p, np.ndarray)
        if not tensor and not 0 <= p <= 1:
            _fail(f"bernoulli_ expects p to be in [0, 1], but got p={p:g}")
        if n == 0:
            return np.empty(shape, dtype)
        if dtype.kind == "c" or _type(dtype).name in ("uint16", "uint32", "uint64"):
            kernel = "bernoulli_tensor_cpu_self_" if tensor else "bernoulli_scalar_cpu_"
            _not_implemented(kernel, dtype)
        if not isinstance(p, np.ndarray):
            return _cast(self._uniform53(n) < p, dtype).reshape(shape)
        if not _type(p.dtype).digits:
            _not_implemented("bernoulli_tensor_cpu_p_", p.dtype)
        if not ((p >= 0) & (p <= 1)).all():
            _fail(
                "Expected p_in >= 0 && p_in <= 1 to be true, but got false.  (Could this error "
                "message be improved?  If so, please report an enhancement request to PyTorch.)"
            )
        wide = p.dtype == F64
        u = self._uniform53(n) if wide else self._uniform24(n)
        return _cast(u.reshape(shape) < (p if wide else p.astype(F32)), dtype)

    def dropout(self, shape: Shape, dtype: DTypeLike = F32, p: float = 0.5) -> Array:
        """The factors F.dropout multiplies by: bernoulli(1 - p) / (1 - p).

        With p == 1 they are zeros and nothing is drawn; with p == 0 F.dropout asks for none.
        """
        dtype = np.dtype(dtype)
        if not 0 <= p <= 1:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        if p == 1:
            return np.zeros(shape, dtype)
        noise = self.bernoulli(shape, F32 if _type(dtype).reduced else dtype, 1 - p)
        noise /= noise.dtype.type(1 - p)
        return _cast(noise, dtype)

    def multinomial(self, weights: Array, n: int, replacement: bool = False) -> NDArray[np.int64]:
        """Indices drawn with probability proportional to the rows of `weights`.

        With replacement: a binary search of 53-bit uniforms in the row's cumulative sum.
        Without: the n largest of weights / exponential, the largest first (a Gumbel top-k).

        Args:
            weights: (categories,) or (rows, categories), non-negative floats.

        Returns:
            int64 of shape (n,) or (rows, n).

        Differs from PyTorch: without replacement, ties of weights / exponential come in index
        order. Ties are zero weights when n exceeds the number of positive ones, common in 16-bit
        floats, and rare in float32 (5 of 300 draws of all 2000 weights had one swapped pair).
        """
        weights = np.asarray(weights)
        _check_multinomial(weights, n, replacement)
        shape = (*weights.shape[:-1], n)
        if math.prod(shape) == 0:
            return np.empty(shape, I64)
        if replacement and n > 1:  # PyTorch draws a single sample the other way
            return self._with_replacement(weights.reshape(-1, weights.shape[-1]), n).reshape(shape)
        _check_weights(weights)
        scores = np.empty_like(weights)
        self.fill(scores, "exponential")
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            scores = np.divide(weights, scores).astype(weights.dtype).astype(F64)
        if n == 1:
            return np.asarray(scores.argmax(-1, keepdims=True))
        return np.argsort(-scores, axis=-1, kind="stable")[..., :n].copy()

    def _with_replacement(self, rows: Array, n: int) -> NDArray[np.int64]:
        """One row after the other: cumulative sums in the row's precision, then search."""
        if _type(rows.dtype).reduced:
            rows = rows.astype(F32)
        sums = _check_rows(rows)
        sums /= sums[:, -1:].copy()
        sums[:, -1] = 1
        u = self._uniform53(len(rows) * n).reshape(len(rows), n)
        return np.stack([np.searchsorted(s, v) for s, v in zip(sums.astype(F64), u, strict=True)])

    # ------------------------------------------------------------------ other distributions

    def exponential(self, shape: Shape, dtype: DTypeLike = F32, lambd: float = 1.0) -> Array:
        """Exponential of rate lambd: -log1p(-u) / lambd, in float64."""
        dtype, n = np.dtype(dtype), math.prod(shape)
        if not lambd > 0.0:
            _fail(f"exponential_ expects lambda > 0.0, but found lambda={lambd:g}")
        if n == 0:
            return np.empty(shape, dtype)
        kind = _type(dtype)
        if not kind.digits:
            _fail(
                "Exponential distribution is a continuous probability distribution. dtype must be "
                f"a floating point but you specified {kind.torch}"
            )
        x, factor = -self._uniform53(n), -1.0 / lambd
        if kind.digits == 53 or n < 64:
            return _cast(factor * _libm(math.log1p, x), dtype).reshape(shape)
        return _guarded(np.log1p, math.log1p, x, lambda y: _cast(factor * y, dtype)).reshape(shape)

    def geometric(self, shape: Shape, dtype: DTypeLike = F32, p: float = 0.5) -> Array:
        """Number of trials to the first success: ceil(log u / log1p(-p)), in float64."""
        dtype, n = np.dtype(dtype), math.prod(shape)
        if not 0 < p < 1:
            _fail(f"geometric_ expects p to be in (0, 1), but got p={p:g}")
        if n and (dtype.kind in "bc" or _type(dtype).name in ("uint16", "uint32", "uint64")):
            _not_implemented("geometric_cpu", dtype)
        scale = math.log1p(-p)
        trials = _guarded(np.log, _log, self._uniform53(n), lambda y: np.ceil(y / scale))
        return _cast(trials, dtype).reshape(shape)

    def cauchy(
        self, shape: Shape, dtype: DTypeLike = F32, median: float = 0.0, sigma: float = 1.0
    ) -> Array:
        """Cauchy: median + sigma tan(pi (u - 1/2)), in float64."""
        dtype, n = np.dtype(dtype), math.prod(shape)
        if not sigma > 0.0:
            _fail(f"cauchy_ expects sigma > 0.0, but found sigma={sigma:g}")
        if not _type(dtype).digits:
            _fail(
                "Cauchy distribution is a continuous probability distribution. dtype must be a "
                f"floating point but you specified {_type(dtype).cpp}"
            )
        x = _libm(math.tan, math.pi * (self._uniform53(n) - 0.5))
        return _cast(_fma64(x, sigma, median), dtype).reshape(shape)

    def log_normal(
        self, shape: Shape, dtype: DTypeLike = F32, mean: float = 1.0, std: float = 2.0
    ) -> Array:
        """exp of a float64 normal of the pairwise path (it shares that path's cached sample)."""
        dtype, n = np.dtype(dtype), math.prod(shape)
        if not std > 0.0:
            _fail(f"log_normal_ expects std > 0.0, but found std={std:g}")
        if n == 0:
            return np.empty(shape, dtype)
        if not _type(dtype).digits:
            _not_implemented("log_normal_cpu", dtype)
        return _cast(_libm(_exp, self._pairwise(n, mean, std)), dtype).reshape(shape)

    def poisson(self, rates: Array) -> Array:
        """Poisson counts of each rate, in the dtype of `rates`.

        A count takes as many uniforms as it needs, so counts are drawn one by one (about 2 us
        each). Below rate 10 uniforms are multiplied up; from 10 on, transformed rejection.
        Source: W. Hoermann, "The transformed rejection method for generating Poisson random
        variables", Insurance: Mathematics and Economics 12 (1993), algorithm PTRS.

        Raises:
            RuntimeError: a rate is negative or NaN.
        """
        rates = np.asarray(rates)
        if not _type(rates.dtype).digits:
            _not_implemented("poisson_cpu", rates.dtype)
        counts = [self._poisson(rate) for rate in rates.astype(F64).ravel().tolist()]
        return _cast(np.array(counts, F64), rates.dtype).reshape(rates.shape)

    def _poisson(self, rate: float) -> int:
        if not rate >= 0:
            _fail("invalid Poisson rate, expected rate to be non-negative")
        if rate >= 10:
            return self._poisson_large(rate)
        if rate == 0:
            return 0
        limit, product, count = math.exp(-rate), self._double(), 0
        while product > limit:
            count += 1
            product *= self._double()
        return count

    def _poisson_large(self, rate: float) -> int:
        """Hoermann's PTRS; the constants are the paper's."""
        log_rate = math.log(rate)
        b = 0.931 + 2.53 * math.sqrt(rate)
        a = -0.059 + 0.02483 * b
        log_inverse_alpha, v_r = math.log(1.1239 + 1.1328 / (b - 3.4)), 0.9277 - 3.6224 / (b - 2)
        while True:
            u, v = self._double() - 0.5, self._double()
            us = 0.5 - abs(u)
            x = (2 * a / us + b) * u + rate + 0.43 if us else -math.inf
            k = math.floor(x) if abs(x) < 2.0**63 else _INT64_MIN  # as C converts
            if us >= 0.07 and v <= v_r:
                return k
            if k < 0 or (us < 0.013 and v > us):
                continue
            ratio = _log(v) + log_inverse_alpha - math.log(a / (us * us) + b)
            if ratio <= -rate + k * log_rate - math.lgamma(k + 1.0):
                return k

    # ------------------------------------------------------------------ existing arrays

    def fill(self, out: Array, kind: str, *args: Any) -> None:
        """Draw `kind` (a method's name) into `out`, any strides, as PyTorch's in-place methods do.

        `engine.fill(x, "normal", 0.0, 0.02)` is `x.normal_(0.0, 0.02)`; the array `p` of
        "bernoulli" is broadcast to `out`.
        """
        draw = getattr(self, kind)
        if out.flags.c_contiguous:
            out[...] = draw(out.shape, out.dtype, *args)
            return
        axes = _axes(out)
        view = out.transpose(axes)
        args = tuple(
            np.broadcast_to(a, out.shape).transpose(axes) if isinstance(a, np.ndarray) else a
            for a in args
        )
        if kind == "normal":
            args = (*args, *(0.0, 1.0)[len(args) :], False)
        view[...] = draw(view.shape, out.dtype, *args)
