"""Random draws on plain ndarrays: the numbers PyTorch's CPU generator gives for the same seed.

What lives here: `MersenneTwister` (the engine: seed, state bytes, one method a distribution) and the
float arithmetic which PyTorch's kernels use, so that results agree to the last bit.
Who may call: `ops/random` and `nn.init` through it; nothing here knows of Tensors.
Where a value goes: `numpy.random.MT19937` gives raw 32-bit words (loaded at the first draw, never at
import) -> uniforms of 24 or 53 bits -> the distribution's transform -> the dtype asked for.
Every draw is `engine.kind(shape, dtype, *parameters) -> C-contiguous ndarray`; `engine.fill(out, kind,
*parameters)` writes into an existing array of any strides in the order PyTorch visits it.
What is exact: all float32 arithmetic (checked on all 2**24 inputs of the float32 normal); the float64
transforms use the C library's log1p, sin, cos, tan, exp, as PyTorch does, so share its bits.
Not thread-safe between draws: the caller holds a lock if threads share an engine, as PyTorch does.
"""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

if TYPE_CHECKING:
    from numpy.random import MT19937

Array: TypeAlias = NDArray[Any]
Shape: TypeAlias = Sequence[int]

F16, F32, F64 = np.dtype(np.float16), np.dtype(np.float32), np.dtype(np.float64)
C64, C128, I64 = np.dtype(np.complex64), np.dtype(np.complex128), np.dtype(np.int64)

DEFAULT_SEED = 67280421310721
STATE_BYTES = 5056
_WORDS = 624

# The record PyTorch saves: 64-bit slots for 32-bit words, then both cached normal samples.
_STATE = np.dtype(
    {
        "names": ["seed", "left", "seeded", "next", "key", "normal", "has_normal", "normal32", "has_normal32"],
        "formats": ["u8", "i4", "i4", "u8", ("u8", (_WORDS,)), "f8", "i4", "f4", "?"],
        "offsets": [0, 8, 12, 16, 24, 5024, 5040, 5048, 5052],
        "itemsize": STATE_BYTES,
    }
)  # fmt: skip

# dtype name -> PyTorch's scalar-type name, C++ name, and the digits a float holds exactly.
_TORCH_NAME = {
    "bool": "Bool", "uint8": "Byte", "int8": "Char", "int16": "Short", "int32": "Int", "int64": "Long",
    "uint16": "UInt16", "uint32": "UInt32", "uint64": "UInt64", "float16": "Half",
    "bfloat16": "BFloat16", "float32": "Float", "float64": "Double",
    "complex64": "ComplexFloat", "complex128": "ComplexDouble",
}  # fmt: skip
_C_NAME = {
    "bool": "bool", "uint8": "unsigned char", "int8": "signed char", "int16": "short int",
    "int32": "int", "int64": "long int", "uint16": "short unsigned int", "uint32": "unsigned int",
    "uint64": "long unsigned int", "float16": "c10::Half", "bfloat16": "c10::BFloat16",
    "float32": "float", "float64": "double",
}  # fmt: skip
_DIGITS = {"float16": 11, "bfloat16": 8, "float32": 24, "float64": 53}
_LARGEST = {
    "float16": 65504.0, "bfloat16": (2.0 - 2.0**-7) * 2.0**127,
    "float32": (2.0 - 2.0**-23) * 2.0**127, "float64": float(np.finfo(np.float64).max),
}  # fmt: skip
_INT64_MIN, _INT64_MAX = -(2**63), 2**63 - 1


# --------------------------------------------------------------------------- float arithmetic


def _is_reduced(dtype: np.dtype[Any]) -> bool:
    """True for float16 and bfloat16 (an `ml_dtypes` type), which PyTorch computes in float32."""
    return dtype.itemsize == 2 and dtype.name in ("float16", "bfloat16")


def _cast(x: Array, dtype: np.dtype[Any]) -> Array:
    """`x` as `dtype`; 16-bit floats go through float32, as C++'s conversions do (two roundings)."""
    if x.dtype == dtype:
        return x
    with np.errstate(over="ignore", invalid="ignore"):
        return x.astype(F32).astype(dtype) if _is_reduced(dtype) else x.astype(dtype)


def _libm(function: Callable[[float], float], x: Array) -> Array:
    """The C library's `function` at each float64 of `x`.

    NumPy's own float64 loops are vectorised and differ from the C library in the last bit for up
    to 8% of arguments, PyTorch calls the C library, and `math` is the one way to it from Python.
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
    """a * b + c with one rounding, in float64, without a hardware FMA reachable from NumPy.

    The product is split exactly (Dekker) and the three terms summed with round-to-odd.
    Source: Boldo & Melquiond 2008, algorithm Fma; exact barring overflow and underflow.
    """
    product = a * b
    if c == 0.0 or not (math.isfinite(b) and math.isfinite(c) and abs(b) < 1e290):
        return product + c
    a1, a2 = _split(a)
    b1, b2 = (float(v) for v in _split(np.asarray(b, F64)))
    low = ((a1 * b1 - product) + a1 * b2 + a2 * b1) + a2 * b2
    t, t_low = _two_sum(low, c)
    v, v_low = _two_sum(product, t)
    z, error = _two_sum(t_low, v_low)
    return np.asarray(v + _round_to_odd(z, error))


def _fma32(a: Array, b: float, c: float) -> Array:
    """a * b + c with one rounding to float32: `a` float32 or exact in float64, b and c float32 values.

    float64 holds the product exactly; the sum is double rounded only when it falls on a float32
    midpoint, which is repaired there.
    """
    product = np.multiply(a, b, dtype=F64)
    s = product + c
    if c != 0.0:
        midpoint = (s.view(np.int64) & 0x1FFFFFFF) == 0x10000000
        if midpoint.any():
            _, error = _two_sum(product, c)
            s = np.where(midpoint, _round_to_odd(s, error), s)
    return s.astype(F32)


# --------------------------------------------------- the float32 Box-Muller of PyTorch's AVX2 kernel
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
_BLOCK = 512  # groups of 16 in one pass: 4096 pairs keep every buffer in the level-2 cache


def _horner(y: Array, x: Array, coefficients: Sequence[float], t: Array) -> None:
    """y <- fma(y, x, c) for each c; y float32, x and the scratch t float64."""
    for c in coefficients:
        np.multiply(y, x, out=t)
        t += c
        y[...] = t


def _radius(u: Array) -> Array:
    """sqrt(-2 log u) for float32 u in (0, 1], shape kept.

    u = m 2**e with m in [sqrt(1/2), sqrt(2)), log u = e log 2 + log1p(m - 1), a polynomial.
    """
    m, exponent = np.frexp(u)
    low = m < _SQRT_HALF
    exponent -= low
    x = m - _ONE
    np.add(x, m, out=x, where=low)
    e = exponent.astype(F32)
    wide, y = x.astype(F64), np.empty_like(x)
    t = wide * _LOG[0]
    t += _LOG[1]
    y[...] = t
    _horner(y, wide, _LOG[2:], t)
    y *= x
    z = x * x
    np.multiply(y, z, out=t, dtype=F64)
    t += e * _LN2_LOW
    y[...] = t
    z *= _HALF
    y -= z
    x += y
    e *= _LN2_HIGH
    x += e
    x *= np.float32(-2)
    return np.sqrt(x, out=x)


def _cos_sin32(u: Array) -> tuple[Array, Array]:
    """cos and sin of 2 pi u for float32 u in [0, 1), shape kept.

    The angle is brought into [-pi/4, pi/4] by subtracting j pi/4 in three parts, j even.
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
    z = x * x
    np.multiply(x, x, out=wide, dtype=F32)
    c, s = _cos_part(z, wide, t), _sin_part(x, z, wide, t)
    swap = (j & 2).astype(np.bool_)
    cos, sin = np.where(swap, s, c), np.where(swap, c, s)
    _flip_sign(cos, j + 2)
    _flip_sign(sin, j)
    return cos, sin


def _cos_part(z: Array, wide: Array, t: Array) -> Array:
    """cos x from z = x*x (and the same as float64)."""
    c = np.empty_like(z)
    np.multiply(wide, _COS[0], out=t)
    t += _COS[1]
    c[...] = t
    _horner(c, wide, _COS[2:], t)
    c *= z
    np.multiply(c, wide, out=t)
    t -= z * _HALF
    c[...] = t
    c += _ONE
    return c


def _sin_part(x: Array, z: Array, wide: Array, t: Array) -> Array:
    """sin x from x and z = x*x (and z as float64)."""
    s = np.empty_like(z)
    np.multiply(wide, _SIN[0], out=t)
    t += _SIN[1]
    s[...] = t
    _horner(s, wide, _SIN[2:], t)
    s *= z
    np.multiply(s, x, out=t, dtype=F64)
    t += x
    s[...] = t
    return s


def _flip_sign(x: Array, j: Array) -> None:
    """Negate float32 x where bit 2 of j is set."""
    bits = j & 4
    bits <<= 29
    signs = x.view(np.int32)
    signs ^= bits


def _box_muller32(u: Array, mean: float, std: float) -> Array:
    """float32 normals from float32 uniforms, both of shape (groups, 16), block by block.

    In a group, uniform k and uniform k + 8 make normal k (cosine) and normal k + 8 (sine).
    """
    out = np.empty_like(u)
    for start in range(0, len(u), _BLOCK):
        block, result = u[start : start + _BLOCK], out[start : start + _BLOCK]
        radius = _radius(_ONE - block[:, :8])
        cos, sin = _cos_sin32(block[:, 8:])
        np.multiply(radius, cos, out=result[:, :8])
        np.multiply(radius, sin, out=result[:, 8:])
    return _scale32(out, mean, std)


def _scale32(x: Array, mean: float, std: float) -> Array:
    """fma(x, std, mean) in float32; the plain case only turns -0 into +0."""
    mean, std = float(np.float32(mean)), float(np.float32(std))
    if mean == 0.0 or std == 1.0:
        if std != 1.0:
            x *= np.float32(std)
        x += np.float32(mean)
        return x
    return _fma32(x, std, mean)


def _box_muller64(u: Array, mean: float, std: float) -> Array:
    """float64 normals from float64 uniforms of shape (groups, 16), with the C library's functions."""
    radius = np.sqrt(-2.0 * _libm(math.log, 1.0 - u[:, :8]))
    cos, sin = _cos_sin((2.0 * math.pi) * u[:, 8:])
    return _fma64(np.concatenate((radius * cos, radius * sin), axis=1), std, mean)


# --------------------------------------------------------------------------- errors


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise RuntimeError(message)


def _not_implemented(kernel: str, dtype: np.dtype[Any]) -> NotImplementedError:
    name = _TORCH_NAME.get(dtype.name, dtype.name)
    return NotImplementedError(f"\"{kernel}\" not implemented for '{name}'")


def _check_float(kernel: str, dtype: np.dtype[Any]) -> None:
    if dtype.name not in _DIGITS:
        raise _not_implemented(kernel, dtype)


def _check_uniform(low: float, high: float, dtype: np.dtype[Any]) -> None:
    """PyTorch's checks of `uniform_`, in its order."""
    _check_float("check_uniform_bounds", dtype)
    largest, name = _LARGEST[dtype.name], _C_NAME[dtype.name]
    _require(-largest <= low <= largest, f"from is out of bounds for {name}")
    _require(-largest <= high <= largest, f"to is out of bounds for {name}")
    _require(
        low <= high,
        f"uniform_ expects to return a [from, to) range, but found from={low:g} > to={high:g}",
    )
    _require(
        high - low <= largest,
        f"uniform_ expects to-from <= std::numeric_limits<{_TORCH_NAME[dtype.name]}>::max(), but found "
        f"to={high:g} and from={low:g} which result in to-from to exceed the limit",
    )


def _bounds(dtype: np.dtype[Any]) -> tuple[float, float]:
    """Smallest and largest value `random_` accepts for the dtype."""
    if dtype.name in _LARGEST:
        return -_LARGEST[dtype.name], _LARGEST[dtype.name]
    if dtype.kind not in "biu":
        raise RuntimeError(
            "check_random_bounds handles only integral, floating-point and boolean types"
        )
    if dtype.kind == "b":
        return 0, 1
    info = np.iinfo(dtype)
    return int(info.min), min(int(info.max), _INT64_MAX)


def _check_range(low: int, last: int, dtype: np.dtype[Any]) -> None:
    """[low, last] must fit the dtype; beyond a float's exact integers PyTorch only warns."""
    smallest, largest = _bounds(dtype)
    for value, name in ((low, "from"), (last, "to - 1")):
        _require(smallest <= value <= largest, f"{name} is out of bounds for {_C_NAME[dtype.name]}")
    digits = _DIGITS.get(dtype.name, 64)
    for value, name in ((low, "from"), (last, "to - 1")):
        if abs(value) > 1 << digits:
            warnings.warn(
                f"{name} is out of bounds [-(2^{digits}), 2^{digits}]. Due to precision limitations "
                f"{_C_NAME[dtype.name]} can support discrete uniform distribution only within this "
                "range. This warning will become an error in version 1.7 release, please fix the "
                "code in advance",
                UserWarning,
                stacklevel=4,
            )


def _as_float(value: int, dtype: np.dtype[Any]) -> int:
    """int -> dtype -> int, as the range checks of `random_` do (out of int64's range it wraps)."""
    rounded = float(_cast(np.array([value], I64), dtype)[0])
    return int(rounded) if -(2.0**63) <= rounded < 2.0**63 else _INT64_MIN


def _tightened_low(low: int, dtype: np.dtype[Any]) -> int:
    """`low` moved right to a value the float dtype has, so that no draw rounds below it."""
    above = _as_float(low + 1, dtype)
    if above >= low:
        return low
    return int(above + (1 << (abs(low + 1).bit_length() - _DIGITS[dtype.name])))


def _tightened_high(high: int, dtype: np.dtype[Any]) -> int:
    """`high` moved left, so that no draw below it rounds up to it."""
    below = _as_float(high - 1, dtype)
    if below < high:
        return high
    return int(below - (1 << (abs(high - 1).bit_length() - _DIGITS[dtype.name])))


def _check_seed(seed: object) -> int:
    """A seed as an unsigned 64-bit number; negative ones wrap, as PyTorch's do."""
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)):
        raise RuntimeError(f"manual_seed expected a long, but got {type(seed).__name__}")
    if not _INT64_MIN <= int(seed) < 2**64:
        raise ValueError(
            f"Overflow when unpacking long long\nseed: {seed}\nHint: a seed lies in [-2**63, 2**64)"
        )
    return int(seed) % 2**64


def memory_order(array: Array) -> Array:
    """A view of `array` with its axes sorted by decreasing stride.

    PyTorch's elementwise kernels visit a strided tensor in this order, so a transposed tensor is
    filled along memory, not along its own indices.
    """
    strides = array.strides
    return array.transpose(sorted(range(array.ndim), key=lambda axis: -abs(strides[axis])))


# --------------------------------------------------------------------------- the engine


class MersenneTwister:
    """mt19937 with PyTorch's seeding, state layout, caching and draws.

    Args:
        seed: any integer in [-2**63, 2**64); PyTorch's `torch.Generator()` starts at
            67280421310721, while its default generator starts at a nondeterministic `seed()`.

    Only the low 32 bits of a seed choose the sequence, as in PyTorch.

    Example:
        >>> MersenneTwister(0).rand((3,))
        array([0.49625659, 0.7682218 , 0.08847743], dtype=float32)
    """

    __slots__ = ("_bits", "_fresh", "_normal", "_normal32", "_seed")

    _bits: MT19937 | None
    _normal: float | None
    _normal32: float | None

    def __init__(self, seed: int = DEFAULT_SEED) -> None:
        self._bits = None
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
        self._fresh = True  # nothing drawn yet: the saved state tells it from a full block drawn
        if self._bits is not None:
            self._bits._legacy_seeding(self._seed & 0xFFFFFFFF)  # type: ignore[attr-defined]

    def initial_seed(self) -> int:
        """The seed last set, in [0, 2**64)."""
        return self._seed

    def seed(self) -> int:
        """Reseed from the operating system's entropy and return the new seed."""
        self.manual_seed(int.from_bytes(os.urandom(8), "little"))
        return self._seed

    def clone(self) -> MersenneTwister:
        """An independent engine in the same state."""
        other = MersenneTwister(self._seed)
        other.set_state(self.get_state())
        return other

    def get_state(self) -> NDArray[np.uint8]:
        """The state as 5056 bytes in PyTorch's layout (`torch.get_rng_state()`)."""
        inner: Any = self._generator().state["state"]
        position = 0 if self._fresh else int(inner["pos"])
        record = np.zeros(1, _STATE)
        record["seed"], record["seeded"] = self._seed, 1
        record["left"], record["next"] = (1 if self._fresh else _WORDS + 1 - position), position
        record["key"] = inner["key"]
        record["normal"], record["has_normal"] = self._normal or 0.0, self._normal is not None
        record["normal32"], record["has_normal32"] = (
            self._normal32 or 0.0,
            self._normal32 is not None,
        )
        return record.view(np.uint8)

    def set_state(self, state: NDArray[np.uint8]) -> None:
        """Continue from a state saved here or by PyTorch.

        Raises:
            TypeError: not a uint8 array.
            RuntimeError: not contiguous, not 5056 bytes, or not a state.
        """
        if not isinstance(state, np.ndarray) or state.dtype != np.uint8:
            raise TypeError("RNG state must be a torch.ByteTensor")
        _require(state.flags.c_contiguous, "RNG state must be contiguous")
        _require(
            state.size == STATE_BYTES,
            f"Expected a CPUGeneratorImplState of size {STATE_BYTES} but found the input RNG state "
            f"size to be {state.size}",
        )
        record = np.frombuffer(state.tobytes(), _STATE)[0]
        left, position = int(record["left"]), int(record["next"])
        valid = record["seeded"] == 1 and 0 < left <= _WORDS and position <= _WORDS
        _require(bool(valid), "Invalid mt19937 state")
        self._seed, self._fresh = int(record["seed"]), left == 1 and position == 0
        self._normal = float(record["normal"]) if record["has_normal"] else None
        self._normal32 = float(record["normal32"]) if record["has_normal32"] else None
        key = record["key"].astype(np.uint32)
        position = _WORDS if left == 1 else position
        self._generator().state = {
            "bit_generator": "MT19937",
            "state": {"key": key, "pos": position},
        }

    # ------------------------------------------------------------------ words and uniforms

    def _generator(self) -> MT19937:
        """NumPy's generator, made at the first use: importing `numpy.random` costs milliseconds."""
        if self._bits is None:
            from numpy.random import MT19937

            self._bits = MT19937(0)
            self._bits._legacy_seeding(self._seed & 0xFFFFFFFF)  # type: ignore[attr-defined]
        return self._bits

    def _words(self, n: int) -> NDArray[np.uint64]:
        """The next n 32-bit words."""
        bits = self._bits or self._generator()
        if n:
            self._fresh = False
        return bits.random_raw(n)  # type: ignore[return-value]

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
        pairs = self._words(2 * n).reshape(n, 2)
        words = pairs[:, 0] & np.uint64(0x1FFFFF)
        words <<= np.uint64(32)
        words |= pairs[:, 1]
        u = words.view(np.int64).astype(F64)
        u *= 2.0**-53
        return u

    def _double(self) -> float:
        """One float64 uniform as a Python float."""
        bits = self._bits or self._generator()
        self._fresh = False
        high = bits.random_raw() & 0x1FFFFF  # type: ignore[operator]
        return (high << 32 | bits.random_raw()) * 2.0**-53  # type: ignore[operator, no-any-return]

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
        if dtype.kind == "c":
            return self._complex(self.uniform, shape, dtype, low, high)
        _check_uniform(low, high, dtype)
        if n == 0:
            return np.empty(shape, dtype)
        if dtype == F64:
            u = self._uniform53(n)
            if low != 0.0 or high != 1.0:
                u = _fma64(u, high - low, low)
                u[u == high] = low
            return u.reshape(shape)
        u = self._uniform24(n)
        if low != 0.0 or high != 1.0:
            from_, to = np.float32(low), np.float32(high)
            u = _fma32(u, float(to - from_), float(from_))
        if dtype == F32 and low == 0.0 and high == 1.0:
            return u.reshape(shape)
        u = _cast(u, dtype)
        ends = _cast(np.array([low, high], F64), dtype)
        u[u == ends[1]] = ends[0]  # rounding may have reached the excluded end
        return u.reshape(shape)

    def _complex(
        self, draw: Callable[..., Array], shape: Shape, dtype: np.dtype[Any], *args: Any
    ) -> Array:
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
        """
        dtype, n = np.dtype(dtype), math.prod(shape)
        if not std >= 0.0:
            raise RuntimeError(f"normal expects std >= 0.0, but found std {std:g}")
        if dtype.kind == "c":
            return self._complex(self.normal, shape, dtype, mean, std / math.sqrt(2), contiguous)
        if n == 0:
            return np.empty(shape, dtype)
        _check_float("normal_kernel_cpu", dtype)
        if n < 16 or not contiguous:
            return _cast(self._pairwise(n, mean, std), dtype).reshape(shape)
        if _is_reduced(dtype):
            return _cast(self._grouped_reduced(n, mean, std), dtype).reshape(shape)
        return self._grouped(n, dtype, mean, std).reshape(shape)

    def _grouped(self, n: int, dtype: np.dtype[Any], mean: float, std: float) -> Array:
        """n >= 16 normals of float32 or float64: all n uniforms first, then 16 for the tail."""
        uniform, transform = (
            (self._uniform53, _box_muller64)
            if dtype == F64
            else (
                self._uniform24,
                _box_muller32,
            )
        )
        if n % 16 == 0:
            return transform(uniform(n).reshape(-1, 16), mean, std).ravel()
        whole = n - n % 16
        u = uniform(n + 16)
        groups = np.concatenate((u[:whole], u[n:])).reshape(-1, 16)
        x = transform(groups, mean, std).ravel()
        return np.concatenate((x[: n - 16], x[whole:]))

    def _grouped_reduced(self, n: int, mean: float, std: float) -> Array:
        """n >= 16 normals for 16-bit floats, in float32: group by group, no uniforms left over."""
        whole = n - n % 16
        groups = self._uniform24(whole + (16 if n > whole else 0)).reshape(-1, 16)
        x = _box_muller32(groups, mean, std).ravel()
        return x if n == whole else np.concatenate((x[: n - 16], x[whole:]))

    def _pairwise(self, n: int, mean: float, std: float) -> Array:
        """n float64 normals, starting with the cached one and caching a spare one."""
        x = np.empty(n, F64)
        cached = self._normal is not None
        if cached:
            x[0], self._normal = self._normal, None
        need = n - cached
        if need:
            pairs = self._pairs(need + need % 2 >> 1)
            x[cached:] = pairs[:need]
            if need % 2:
                self._normal = float(pairs[-1])
        return x if mean == 0.0 and std == 1.0 else _fma64(x, std, mean)

    def _pairs(self, n: int) -> Array:
        """2n standard normals: r cos, r sin with r = sqrt(-2 log1p(-u2)), angle 2 pi u1."""
        x = np.empty((n, 2), F64)
        u = self._uniform53(2 * n).reshape(n, 2)
        if n <= 8:  # Python floats beat ufunc calls here
            for row, (u1, u2) in enumerate(u.tolist()):
                radius, angle = math.sqrt(-2.0 * math.log1p(-u2)), 2.0 * math.pi * u1
                x[row] = radius * math.cos(angle), radius * math.sin(angle)
            return x.ravel()
        radius = np.sqrt(-2.0 * _libm(math.log1p, -u[:, 1]))
        cos, sin = _cos_sin((2.0 * math.pi) * u[:, 0])
        np.multiply(radius, cos, out=x[:, 0])
        np.multiply(radius, sin, out=x[:, 1])
        return x.ravel()

    def normal_tensors(self, mean: Array | float, std: Array | float) -> Array:
        """`torch.normal` with a tensor mean, a tensor std or both, broadcast together.

        The dtype is that of `mean` when it is an array, else that of `std`.
        """
        tensor_std = isinstance(std, np.ndarray)
        if tensor_std:
            _require(std.dtype.kind != "c", "normal expects standard deviation to be non-complex")
            _require(
                std.size == 0 or bool((std >= 0).all()),
                "normal expects all elements of std >= 0.0",
            )
        model = mean if isinstance(mean, np.ndarray) else np.asarray(std)
        shape = np.broadcast_shapes(np.shape(mean), np.shape(std))
        out = self.normal(shape, model.dtype, 0.0, 1.0 if tensor_std else float(std))
        if tensor_std:
            out = _arithmetic(np.multiply, out, std)
        return _arithmetic(np.add, out, mean)

    # ------------------------------------------------------------------ integers

    def randint(self, shape: Shape, dtype: DTypeLike = I64, low: int = 0, high: int = 1) -> Array:
        """Integers of [low, high), any real dtype: word % (high - low) + low.

        From a range of 2**28 on, a 64-bit word is used for each number, below a 32-bit word.

        Raises:
            RuntimeError: low >= high, or a bound does not fit the dtype.
        """
        dtype = np.dtype(dtype)
        _require(
            low < high,
            f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}",
        )
        if dtype.name in _DIGITS:
            low, high = _tightened_low(low, dtype), _tightened_high(high, dtype)
            _require(
                low < high,
                "random_ expects 'from' casted to dtype to be less than 'to' casted to dtype, "
                f"but got from={low} >= to={high}",
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
        last = int(_bounds(dtype)[1]) if dtype.name not in _DIGITS else 1 << _DIGITS[dtype.name]
        if dtype.name in _DIGITS:
            low = _tightened_low(low, dtype)
            _require(
                low < last,
                "random_ expects 'from' casted to dtype to be less than or equal to 'to_inc' "
                f"casted to dtype, but got from={low} > to_inc={last}",
            )
        elif dtype == np.uint64:
            last = -1  # PyTorch casts the largest uint64 to int64, and refuses it below
        _check_range(low, last, dtype)
        return self._from_to(shape, dtype, low, last - low + 1)

    def _from_to(self, shape: Shape, dtype: np.dtype[Any], low: int, span: int) -> Array:
        """(word % span + low) wrapped to int64, then cast."""
        n = math.prod(shape)
        if span >= 1 << 28:
            value = self._words64(n)
            value %= np.uint64(span)
            signed = value.view(np.int64)
        else:
            words = self._words(n).astype(np.uint32)
            words %= np.uint32(span)
            signed = words.astype(np.int64)
        if low:
            signed += low
        return _cast(signed, dtype).reshape(shape)

    def _unbounded(self, shape: Shape, dtype: np.dtype[Any]) -> Array:
        """`random_()`: the value range depends on the dtype alone."""
        n = math.prod(shape)
        if n == 0:
            return np.empty(shape, dtype)
        if dtype in (I64, F64):
            words = self._words64(n)
            words %= np.uint64(2**63 if dtype == I64 else 2**53 + 1)
        elif dtype.name in _DIGITS:
            words = self._words(n) % np.uint64((1 << _DIGITS[dtype.name]) + 1)
        elif dtype.name in ("bool", "uint8", "int8", "int16", "int32"):
            words = self._words(n) & np.uint64(_bounds(dtype)[1])
        else:
            raise _not_implemented("random_kernel_cpu", dtype)
        return _cast(words.view(np.int64), dtype).reshape(shape)

    def _full64(self, shape: Shape, dtype: np.dtype[Any]) -> Array:
        """`random_(-2**63, None)`: any of the 2**64 values of int64, cast."""
        n = math.prod(shape)
        if n and dtype.name in ("bool", "float16", "uint16", "uint32", "uint64"):
            raise _not_implemented("random_full_64_bits_range_kernel_cpu", dtype)
        _require(
            n == 0 or dtype.name in ("int64", "float64", "float32", "bfloat16"),
            "random_full_64_bits_range_kernel_cpu handles only int64, double, float and bfloat16",
        )
        return _cast(self._words64(n).view(np.int64), dtype).reshape(shape)

    def randperm(self, n: int, dtype: DTypeLike = I64) -> Array:
        """A permutation of 0..n-1 by Fisher-Yates, of shape (n,).

        The swaps depend on each other, so they run over a Python list (about 50 ns each).

        Raises:
            RuntimeError: n is negative or the dtype cannot hold n - 1.
        """
        dtype = np.dtype(dtype)
        _check_randperm(n, dtype)
        items = list(range(n))
        if n < (2**32 - 1) // 20:
            left = np.arange(n, 1, -1, dtype=np.uint64)
            jumps = self._words(max(n - 1, 0))
            jumps %= left
            jumps += np.arange(len(left), dtype=np.uint64)
            for i, j in enumerate(jumps.tolist()):
                items[i], items[j] = items[j], items[i]
        else:  # so long that 32 bits are biased: 64-bit words, the "inside-out" form
            jumps = self._words64(n)
            jumps %= np.arange(1, n + 1, dtype=np.uint64)
            for i, j in enumerate(jumps.tolist()):
                items[i] = items[j]
                items[j] = i
        return _cast(np.array(items, I64), dtype)

    # ------------------------------------------------------------------ choices

    def bernoulli(
        self, shape: Shape, dtype: DTypeLike = F32, p: float | Array = 0.5, kernel: str = ""
    ) -> Array:
        """1 where u < p, else 0, as `dtype` (any real dtype).

        A Python number `p` and a float64 array are compared with 53-bit uniforms; an array of
        another float dtype, broadcast to `shape`, with 24-bit ones.

        Raises:
            RuntimeError: p outside [0, 1].
            NotImplementedError: `p` is an array of integers.
        """
        dtype, n = np.dtype(dtype), math.prod(shape)
        if not isinstance(p, np.ndarray):
            _require(0 <= p <= 1, f"bernoulli_ expects p to be in [0, 1], but got p={p:g}")
            return _cast(self._uniform53(n) < p, dtype).reshape(shape)
        if n == 0:
            return np.empty(shape, dtype)
        _check_float("bernoulli_tensor_cpu_p_", p.dtype)
        _require(
            bool(((p >= 0) & (p <= 1)).all()),
            "Expected p_in >= 0 && p_in <= 1 to be true, but got false.  (Could this error message "
            "be improved?  If so, please report an enhancement request to PyTorch.)",
        )
        wide = p.dtype == F64
        u = self._uniform53(n) if wide else self._uniform24(n)
        return _cast(u.reshape(shape) < (p if wide else p.astype(F32)), dtype)

    def dropout(self, shape: Shape, dtype: DTypeLike = F32, p: float = 0.5) -> Array:
        """The factors F.dropout multiplies by: bernoulli(1 - p) / (1 - p).

        With p == 1 all zeros, and nothing is drawn; F.dropout draws nothing for p == 0 either,
        but then it does not ask for factors.
        """
        dtype = np.dtype(dtype)
        if not 0 <= p <= 1:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        if p == 1:
            return np.zeros(shape, dtype)
        noise = self.bernoulli(shape, F32 if _is_reduced(dtype) else dtype, 1 - p)
        noise /= noise.dtype.type(1 - p)
        return _cast(noise, dtype)

    def multinomial(self, weights: Array, n: int, replacement: bool = False) -> NDArray[np.int64]:
        """Indices drawn with probability proportional to the rows of `weights`.

        With replacement: a binary search of 53-bit uniforms in the row's cumulative sum.
        Without: the n largest of weights / exponential, largest first (Gumbel top-k, exponentiated).

        Args:
            weights: (categories,) or (rows, categories), non-negative floats.

        Returns:
            int64 of shape (n,) or (rows, n).

        Differs from PyTorch: ties of weights / exponential (only zero weights, in practice) come
        in index order.
        """
        weights = np.asarray(weights)
        _check_multinomial(weights, n, replacement)
        shape = (*weights.shape[:-1], n)
        if math.prod(shape) == 0:
            return np.empty(shape, np.int64)
        if replacement:
            return self._with_replacement(weights.reshape(-1, weights.shape[-1]), n).reshape(shape)
        _check_weights(weights)
        waits = np.empty_like(weights)
        self.fill(waits, "exponential")
        with np.errstate(divide="ignore", over="ignore"):
            scores = _cast(np.divide(weights, waits), weights.dtype)
        if _is_reduced(scores.dtype):
            scores = scores.astype(F32)
        if n == 1:
            return scores.argmax(-1, keepdims=True)
        return np.argsort(-scores, axis=-1, kind="stable")[..., :n].copy()

    def _with_replacement(self, rows: Array, n: int) -> NDArray[np.int64]:
        """One row after the other: cumulative sums in the row's precision, then search."""
        if _is_reduced(rows.dtype):
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
        _require(lambd > 0.0, f"exponential_ expects lambda > 0.0, but found lambda={lambd:g}")
        if n == 0:
            return np.empty(shape, dtype)
        _require(
            dtype.name in _DIGITS,
            "Exponential distribution is a continuous probability distribution. dtype must be a "
            f"floating point but you specified {_TORCH_NAME.get(dtype.name, dtype.name)}",
        )
        x = _libm(math.log1p, -self._uniform53(n))
        x *= -1.0 / lambd
        return _cast(x, dtype).reshape(shape)

    def geometric(self, shape: Shape, dtype: DTypeLike = F32, p: float = 0.5) -> Array:
        """Number of trials to the first success: ceil(log u / log1p(-p)), in float64."""
        dtype, n = np.dtype(dtype), math.prod(shape)
        _require(0 < p < 1, f"geometric_ expects p to be in (0, 1), but got p={p:g}")
        if n and (dtype.kind in "bc" or dtype.name in ("uint16", "uint32", "uint64")):
            raise _not_implemented("geometric_cpu", dtype)
        x = _libm(_log, self._uniform53(n))
        x /= math.log1p(-p)
        return _cast(np.ceil(x, out=x), dtype).reshape(shape)

    def cauchy(
        self, shape: Shape, dtype: DTypeLike = F32, median: float = 0.0, sigma: float = 1.0
    ) -> Array:
        """Cauchy: median + sigma tan(pi (u - 1/2)), in float64."""
        dtype, n = np.dtype(dtype), math.prod(shape)
        _require(sigma > 0.0, f"cauchy_ expects sigma > 0.0, but found sigma={sigma:g}")
        _require(
            dtype.name in _DIGITS,
            "Cauchy distribution is a continuous probability distribution. dtype must be a "
            f"floating point but you specified {_C_NAME.get(dtype.name, dtype.name)}",
        )
        x = _libm(math.tan, math.pi * (self._uniform53(n) - 0.5))
        return _cast(_fma64(x, sigma, median), dtype).reshape(shape)

    def log_normal(
        self, shape: Shape, dtype: DTypeLike = F32, mean: float = 1.0, std: float = 2.0
    ) -> Array:
        """exp of a float64 normal of the pairwise path (it shares that path's cached sample)."""
        dtype, n = np.dtype(dtype), math.prod(shape)
        _require(std > 0.0, f"log_normal_ expects std > 0.0, but found std={std:g}")
        if n == 0:
            return np.empty(shape, dtype)
        _check_float("log_normal_cpu", dtype)
        return _cast(_libm(_exp, self._pairwise(n, mean, std)), dtype).reshape(shape)

    def poisson(self, rates: Array) -> Array:
        """Poisson counts of each rate, in the dtype of `rates`.

        A count uses as many uniforms as it needs, so the numbers are drawn one by one (about 2 us
        each). Below rate 10 uniforms are multiplied up; from 10 on, transformed rejection.
        Source: W. Hoermann, "The transformed rejection method for generating Poisson random
        variables", Insurance: Mathematics and Economics 12 (1993), algorithm PTRS.
        """
        rates = np.asarray(rates)
        if rates.size == 0:
            return rates.copy()
        _check_float("poisson_cpu", rates.dtype)
        counts = [self._poisson(rate) for rate in rates.astype(F64).ravel().tolist()]
        return _cast(np.array(counts, F64), rates.dtype).reshape(rates.shape)

    def _poisson(self, rate: float) -> int:
        _require(rate >= 0, "invalid Poisson rate, expected rate to be non-negative")
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
        inverse_alpha, v_r = 1.1239 + 1.1328 / (b - 3.4), 0.9277 - 3.6224 / (b - 2)
        while True:
            u, v = self._double() - 0.5, self._double()
            us = 0.5 - abs(u)
            if us == 0.0:
                continue  # k would be minus infinity
            k = math.floor((2 * a / us + b) * u + rate + 0.43)
            if us >= 0.07 and v <= v_r:
                return k
            if k < 0 or (us < 0.013 and v > us):
                continue
            log_ratio = _log(v) + math.log(inverse_alpha) - math.log(a / (us * us) + b)
            if log_ratio <= -rate + k * log_rate - math.lgamma(k + 1.0):
                return k

    # ------------------------------------------------------------------ existing arrays

    def fill(self, out: Array, kind: str, *args: Any) -> None:
        """Draw `kind` (a method's name) into `out`, any strides, as PyTorch's in-place methods do.

        `engine.fill(x, "normal", 0.0, 0.02)` is `x.normal_(0.0, 0.02)`.
        """
        if out.flags.c_contiguous:
            out[...] = getattr(self, kind)(out.shape, out.dtype, *args)
            return
        view = memory_order(out)
        arrays = tuple(_along(out, a) if isinstance(a, np.ndarray) else a for a in args)
        if kind == "normal":
            mean, std = (*arrays, *(0.0, 1.0)[len(arrays) :])
            arrays = (mean, std, False)
        view[...] = getattr(self, kind)(view.shape, out.dtype, *arrays)


def _along(out: Array, array: Array) -> Array:
    """`array` broadcast to `out` and with its axes in `out`'s memory order."""
    strides = out.strides
    order = sorted(range(out.ndim), key=lambda axis: -abs(strides[axis]))
    return np.broadcast_to(array, out.shape).transpose(order)


def _arithmetic(operation: np.ufunc, out: Array, other: Array | float) -> Array:
    """`out` (op) `other` rounded to out's dtype; PyTorch's promotion, where numbers are weak."""
    if not isinstance(other, np.ndarray) or (other.ndim == 0 < out.ndim):
        other = np.asarray(other).astype(out.dtype)
    elif other.dtype.kind in "biu":
        other = other.astype(out.dtype)
    return np.asarray(_cast(np.asarray(operation(out, other)), out.dtype))


def _check_randperm(n: int, dtype: np.dtype[Any]) -> None:
    _require(
        n >= 0,
        f"Trying to create tensor with negative dimension {n}: [{n}]",
    )
    name = dtype.name
    if dtype.kind in "bc" or name in ("uint16", "uint32", "uint64"):
        raise _not_implemented("randperm", dtype)
    if name in _DIGITS:
        limit = {"float32": "2^24+1", "float64": "2^53+1"}.get(name, str(2 ** _DIGITS[name] + 1))
        _require(
            n <= 2 ** _DIGITS[name] + 1,
            f"n cannot be greater than {limit} for {_TORCH_NAME[name]} type.",
        )
        return
    _require(
        n - 1 <= np.iinfo(dtype).max, f"value cannot be converted to type {name}_t without overflow"
    )


def _check_multinomial(weights: Array, n: int, replacement: bool) -> None:
    _require(weights.ndim in (1, 2), "prob_dist must be 1 or 2 dim")
    name = weights.dtype.name
    _require(
        name in _DIGITS,
        f"multinomial only supports floating-point dtypes for input, got: {_TORCH_NAME.get(name, name)}",
    )
    _require(n > 0, "cannot sample n_sample <= 0 samples")
    categories = weights.shape[-1]
    _require(
        replacement or n <= categories,
        "cannot sample n_sample > prob_dist.size(-1) samples without replacement",
    )
    _require(categories <= 2**24, "number of categories cannot exceed 2^24")


def _check_weights(weights: Array) -> None:
    """The checks of sampling without replacement."""
    _require(
        bool(((weights >= 0) & (weights < np.inf)).all()),
        "probability tensor contains either `inf`, `nan` or element < 0",
    )
    _require(
        bool((weights != 0).any(-1).all()),
        "invalid multinomial distribution (sum of probabilities <= 0)",
    )


def _check_rows(rows: Array) -> Array:
    """The checks of sampling with replacement; returns the rows' cumulative sums."""
    start = "invalid multinomial distribution"
    _require(bool((rows >= 0).all()), f"{start} (encountering probability entry < 0)")
    _require(
        bool(np.isfinite(rows).all()), f"{start} (encountering probability entry = infinity or NaN)"
    )
    sums = np.cumsum(rows, axis=1, dtype=rows.dtype)
    _require(bool((sums[:, -1] > 0).all()), f"{start} (sum of probabilities <= 0)")
    return sums
