"""Number types as PyTorch has them: dtype objects, its promotion table, finfo/iinfo, devices and
layouts.

Lives here: `dtype` objects (`float32`, ...) that print as `torch.float32` and know their NumPy
dtype; `promote` for two types and `result_type_of` for operands of three ranks (tensors with
dimensions, 0-d tensors, Python numbers).
Who may call: everybody. It sees NumPy and `_state`, nothing else.
Why not NumPy's promotion: there int64 + float32 is float64 and a 0-d array is strong; in PyTorch
int64 + float32 is float32, and 0-d tensors and Python numbers only matter when their category (bool
< int < float < complex) is higher. bfloat16 comes from the optional package ml_dtypes, loaded when
the type is first used.
"""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np

from ._state import S

__all__ = [
    "DTYPES",
    "device",
    "dtype",
    "finfo",
    "from_numpy_dtype",
    "iinfo",
    "layout",
    "memory_format",
    "promote",
    "promote_types",
    "result_type_of",
    "scalar_type",
    "sparse_coo",
    "strided",
]


class dtype:
    """A number type of tensors.

    Attributes:
        name: PyTorch's name, as in `float32`.
        itemsize: bytes of one element.
        is_floating_point, is_complex, is_signed: what kind of number it is.

    Example:
        >>> import chainrule as torch
        >>> torch.float32, torch.float32.itemsize, torch.int8.is_floating_point
        (torch.float32, 4, False)
    """

    __slots__ = (
        "_np",
        "category",
        "is_complex",
        "is_floating_point",
        "is_signed",
        "itemsize",
        "name",
    )

    def __init__(self, name: str, itemsize: int, category: int, signed: bool = True) -> None:
        self.name, self.itemsize, self.category = name, itemsize, category
        self.is_floating_point, self.is_complex = category == 2, category == 3
        self.is_signed = signed
        self._np: np.dtype[Any] | None = (
            None if name in ("bfloat16", "complex32") else np.dtype(name)
        )

    @property
    def np(self) -> np.dtype[Any]:
        """The NumPy dtype of the arrays that hold it."""
        if self._np is None:
            self._np = _optional_numpy(self)
            _OF_NUMPY[self._np] = self
        return self._np

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> tuple[Any, ...]:
        return _by_name, (self.name,)

    def to_complex(self) -> dtype:
        """The complex type of the same precision (itself when complex)."""
        return (
            self if self.is_complex else {2: complex64, 4: complex64, 8: complex128}[self.itemsize]
        )

    def to_real(self) -> dtype:
        """The real type of the same precision (itself when real)."""
        return {8: float32, 16: float64}[self.itemsize] if self.is_complex else self


def _by_name(name: str) -> dtype:
    return DTYPES[name]


def _optional_numpy(d: dtype) -> np.dtype[Any]:
    if d.name == "bfloat16":
        try:
            import ml_dtypes
        except ImportError:
            raise ImportError(
                "torch.bfloat16 needs the optional package ml_dtypes, which is not installed\n"
                'Hint: pip install "chainrule[bfloat16]", or use torch.float32'
            ) from None
        found: np.dtype[Any] = np.dtype(ml_dtypes.bfloat16)
        return found
    raise NotImplementedError(f"torch.{d.name} has no NumPy type\nHint: use torch.complex64")


bool_ = dtype("bool", 1, 0, signed=False)
uint8 = dtype("uint8", 1, 1, signed=False)
int8 = dtype("int8", 1, 1)
int16 = dtype("int16", 2, 1)
int32 = dtype("int32", 4, 1)
int64 = dtype("int64", 8, 1)
uint16 = dtype("uint16", 2, 1, signed=False)
uint32 = dtype("uint32", 4, 1, signed=False)
uint64 = dtype("uint64", 8, 1, signed=False)
float16 = dtype("float16", 2, 2)
bfloat16 = dtype("bfloat16", 2, 2)
float32 = dtype("float32", 4, 2)
float64 = dtype("float64", 8, 2)
complex64 = dtype("complex64", 8, 3)
complex128 = dtype("complex128", 16, 3)

_ALL = (
    bool_,
    uint8,
    int8,
    int16,
    int32,
    int64,
    uint16,
    uint32,
    uint64,
    float16,
    bfloat16,
    float32,
    float64,
    complex64,
    complex128,
)
DTYPES: dict[str, dtype] = {d.name: d for d in _ALL}
_OF_NUMPY: dict[Any, dtype] = {d._np: d for d in _ALL if d._np is not None}
S.default_dtype, S.default_complex = float32, complex64


def from_numpy_dtype(d: np.dtype[Any]) -> dtype:
    """The dtype object of a NumPy dtype; TypeError in PyTorch's words for types that tensors cannot
    hold."""
    found = _OF_NUMPY.get(d)
    if found is None:
        if d.name == "bfloat16" and bfloat16.np == d:
            return bfloat16
        if d.isnative or d.newbyteorder("=") not in _OF_NUMPY:
            _unsupported(d)
        found = _OF_NUMPY[d.newbyteorder("=")]
    return found


def _unsupported(d: np.dtype[Any]) -> NoReturn:
    names = (
        "float64, float32, float16, complex64, complex128, int64, int32, int16, int8, uint64, "
        "uint32, uint16, uint8, and bool"
    )
    raise TypeError(
        f"can't convert np.ndarray of type numpy.{d.type.__name__}. The only supported types are: "
        f"{names}.\n"
        f"array dtype: {d}\n"
        "Hint: convert first, as in array.astype('float32')"
    )


# ---------------------------------------------------------------- promotion


def _promote_pair(a: dtype, b: dtype) -> dtype:
    if a is b:
        return a
    if a.category != b.category:
        low, high = (a, b) if a.category < b.category else (b, a)
        if high.is_complex and low is float64:
            return complex128
        return high
    if a.category == 1:
        return _promote_integers(a, b)
    if {a, b} == {float16, bfloat16}:
        return float32
    return a if a.itemsize > b.itemsize else b


def _promote_integers(a: dtype, b: dtype) -> dtype:
    if uint16 in (a, b) or uint32 in (a, b) or uint64 in (a, b):
        raise RuntimeError(
            "Promotion for uint16, uint32, uint64 types is not supported, "
            f"attempted to promote {a.name.replace('uint', 'UInt')} and "
            f"{b.name.replace('uint', 'UInt')}"
            "\nHint: convert one of them with .to(torch.int64)"
        )
    if a.is_signed == b.is_signed:
        return a if a.itemsize > b.itemsize else b
    signed = a if a.is_signed else b
    return int16 if signed is int8 else signed


_TABLE: dict[tuple[dtype, dtype], dtype] = {}


def promote(a: dtype, b: dtype) -> dtype:
    """The type that holds both, as PyTorch's table has it.

    Example:
        >>> promote(int64, float32), promote(uint8, int8), promote(float64, complex64)
        (torch.float32, torch.int16, torch.complex128)
    """
    found = _TABLE.get((a, b))
    if found is None:
        found = _TABLE[a, b] = _promote_pair(a, b)
    return found


promote_types = promote


def scalar_type(value: Any) -> dtype:
    """The dtype of a Python number: bool, int64, the default dtype, or the default complex
    dtype."""
    kind = type(value)
    if kind is float:
        return S.default_dtype  # type: ignore[no-any-return]
    if kind is bool:
        return bool_
    if kind is int:
        return int64
    if kind is complex:
        return S.default_complex  # type: ignore[no-any-return]
    if isinstance(value, np.generic):
        return from_numpy_dtype(value.dtype)
    for base in (bool, int, float, complex):
        if isinstance(value, base):
            return scalar_type(base(value))  # type: ignore[arg-type]  # such as IntEnum
    module = "numpy." if kind.__module__ == "numpy" else ""
    raise TypeError(f"expected a number, got {module}{kind.__name__}")


def _combine(higher: dtype | None, lower: dtype | None) -> dtype | None:
    """What a lower rank (0-d tensors, then numbers) may add to a higher one: only its category."""
    if higher is None or lower is None:
        return higher or lower
    if higher.category >= lower.category:
        return higher
    if higher.is_floating_point:
        return higher.to_complex()
    return promote(higher, lower)


def result_type_of(dims: list[dtype], zeros: list[dtype], numbers: list[dtype]) -> dtype:
    """The common type of operands: `dims` of tensors with dimensions, `zeros` of 0-d tensors,
    `numbers` of Python's.

    Source: PyTorch documentation, "Tensor Attributes", section torch.dtype (type promotion).

    Example:
        >>> result_type_of([int64], [float64], []), result_type_of([float32], [], [float64])
        (torch.float64, torch.float32)
    """
    result: dtype | None = None
    for rank in (dims, zeros, numbers):
        joined: dtype | None = None
        for d in rank:
            joined = d if joined is None else promote(joined, d)
        result = _combine(result, joined)
    assert result is not None
    return result


# ---------------------------------------------------------------- finfo, iinfo


class finfo:
    """Limits of a floating point type: bits, eps, max, min, tiny, smallest_normal, resolution.

    Example:
        >>> import chainrule as torch
        >>> torch.finfo(torch.float32).eps
        1.1920928955078125e-07
    """

    def __init__(self, type: dtype | None = None) -> None:
        d: dtype = S.default_dtype if type is None else type
        if not isinstance(d, dtype):
            raise TypeError(f"torch.finfo() requires a floating point input type, got {d!r}")
        if not (d.is_floating_point or d.is_complex):
            raise TypeError(
                "torch.finfo() requires a floating point input type. Use torch.iinfo to handle "
                f"'{d}'"
            )
        real = d.to_real()
        if real is bfloat16:
            import ml_dtypes

            info: Any = ml_dtypes.finfo(real.np)  # type: ignore[no-untyped-call]
        else:
            info = np.finfo(real.np)
        self.bits, self.dtype = int(info.bits), real.name
        self.eps, self.max, self.min = float(info.eps), float(info.max), float(info.min)
        self.tiny = self.smallest_normal = float(info.tiny)
        self.resolution = float(info.resolution)

    def __repr__(self) -> str:
        facts = {
            k: getattr(self, k)
            for k in ("resolution", "min", "max", "eps", "smallest_normal", "tiny")
        }
        return f"finfo({', '.join(f'{k}={v:g}' for k, v in facts.items())}, dtype={self.dtype})"


class iinfo:
    """Limits of an integer type: bits, max, min.

    Example:
        >>> import chainrule as torch
        >>> torch.iinfo(torch.int8).max
        127
    """

    def __init__(self, type: dtype) -> None:
        if not isinstance(type, dtype) or type.category > 1:
            raise TypeError(
                f"torch.iinfo() requires an integer input type. Use torch.finfo to handle '{type}'"
            )
        info = np.iinfo(type.np) if type is not bool_ else None
        self.bits, self.dtype = type.itemsize * 8, type.name
        self.max, self.min = (int(info.max), int(info.min)) if info else (1, 0)

    def __repr__(self) -> str:
        return f"iinfo(min={self.min:g}, max={self.max:g}, dtype={self.dtype})"


# ---------------------------------------------------------------- devices and layouts

_DEVICE_TYPES = (
    "cpu",
    "cuda",
    "ipu",
    "xpu",
    "mkldnn",
    "opengl",
    "opencl",
    "ideep",
    "hip",
    "ve",
    "fpga",
    "maia",
    "xla",
    "lazy",
    "vulkan",
    "mps",
    "meta",
    "hpu",
    "mtia",
    "privateuseone",
)


class device:
    """Where a tensor lives. chainrule computes on the CPU; other devices can be named but hold no
    tensor.

    Example:
        >>> import chainrule as torch
        >>> torch.device("cpu"), torch.device("cuda", 0).index
        (device(type='cpu'), 0)
    """

    __slots__ = ("index", "type")
    type: str
    index: int | None

    def __init__(self, type: str | device = "cpu", index: int | None = None) -> None:
        if isinstance(type, device):
            index = type.index if index is None else index
            type = type.type
        if not isinstance(type, str):
            raise TypeError(f"device(): argument 'type' must be str, not {type.__class__.__name__}")
        kind, _, number = type.partition(":")
        if kind not in _DEVICE_TYPES:
            expected = ", ".join(_DEVICE_TYPES)
            raise RuntimeError(
                f"Expected one of {expected} device type at start of device string: {kind}\nHint: "
                "use 'cpu'"
            )
        if number and (index is not None or not number.isdigit()):
            raise RuntimeError(
                f"Invalid device string: '{type}'\nHint: write it as in 'cpu' or 'cuda:0'"
            )
        self.type, self.index = kind, int(number) if number else index

    def __repr__(self) -> str:
        return f"device(type={self.type!r}" + (
            ")" if self.index is None else f", index={self.index})"
        )

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, device) and (self.type, self.index) == (other.type, other.index)

    def __hash__(self) -> int:
        return hash((self.type, self.index))

    def __reduce__(self) -> tuple[Any, ...]:
        return device, (str(self),)


class layout:
    """How a tensor's memory is laid out: `torch.strided`, or `torch.sparse_coo`: indices and
    values."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"torch.{self.name}"


class memory_format:
    """The order of dimensions in memory: `contiguous_format`, `preserve_format`,
    `channels_last`."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"torch.{self.name}"


strided = layout("strided")
sparse_coo = layout("sparse_coo")
contiguous_format, preserve_format = (
    memory_format("contiguous_format"),
    memory_format("preserve_format"),
)
channels_last, channels_last_3d = memory_format("channels_last"), memory_format("channels_last_3d")
