"""`torch.fft`: discrete Fourier transforms, their frequencies and shifts.

Three linear ops carry everything, `fft_c2c`, `fft_r2c`, `fft_c2r` (complex to complex, real to
complex, complex to real), with `fft_resize`, which cuts signals or pads them with zeros, and
`fft_weigh`, which weighs the coefficients of half a spectrum that stand for two. Their transposes
are each other, so the family is closed. The public functions (fft, irfft, hfftn, ...) check
arguments and compose them as PyTorch does. NumPy keeps single precision.

With numbers `normalization` says 0: no factor, 1: one over the root of the number of points, 2: one
over it, as in PyTorch's saved attributes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ... import errors
from ..._state import S, grad_enabled
from ...core.declare import linear, public
from ...core.lanes import one_lane
from ...core.primitive import cast, fill_out
from ...core.record import OPS
from ...core.tensor import Tensor, wrap
from ...kernels import fourier as kernels
from ..fast import T
from ..make.from_data import check_device, checked_dtype, finished

# ---------------------------------------------------------------- the closed family


def _c2c_transposed(xp: Any, g: Any, dim: Any, normalization: int, forward: bool) -> Any:
    return xp.fft_c2c(g, dim, normalization, not forward)


def _r2c_transposed(
    xp: Any, g: Any, x_shape: Any, dim: Any, normalization: int, onesided: bool
) -> Any:
    if not onesided:
        return xp.clone(xp.real(xp.fft_c2c(g, dim, normalization, False)))
    n = x_shape[dim[-1]]
    return xp.fft_c2r(xp.fft_weigh(g, dim[-1:], n, 0.5), dim, normalization, n)


def _c2r_transposed(xp: Any, g: Any, dim: Any, normalization: int, last_dim_size: int) -> Any:
    return xp.fft_weigh(xp.fft_r2c(g, dim, normalization, True), dim[-1:], last_dim_size, 2.0)


def _resize_transposed(xp: Any, g: Any, x_shape: Any, dim: Any) -> Any:
    return xp.fft_resize(g, dim, tuple([x_shape[d] for d in dim]))


_c2c = linear(
    "fft_c2c", kernels.c2c, _c2c_transposed, grad_fn="FftC2CBackward0", method=False,
    names=("_fft_c2c",),
    doc="The Fourier transform over `dim` of complex numbers, with exp(-i...) if `forward`.",
)  # fmt: skip
_r2c = linear(
    "fft_r2c", kernels.r2c, _r2c_transposed, grad_fn="FftR2CBackward0", method=False,
    names=("_fft_r2c",),
    doc="The forward transform of real numbers; `onesided`: without the half that mirrors it.",
)  # fmt: skip
_c2r = linear(
    "fft_c2r", kernels.c2r, _c2r_transposed, grad_fn="FftC2RBackward0", method=False,
    names=("_fft_c2r",),
    doc="The backward transform of half a spectrum whose signal is real.",
)  # fmt: skip
_resize = linear(
    "fft_resize", kernels.resize, _resize_transposed, grad_fn="ConstantPadNdBackward0",
    method=False, names=("_fft_resize",),
    doc="The first `sizes` elements along `dim`, with zeros where there are none.",
)  # fmt: skip
linear(
    "fft_weigh", kernels.weigh,
    lambda xp, g, dim, n, weight: xp.fft_weigh(g, dim, n, weight),
    method=False, names=("_fft_weigh",),
    doc="Half a spectrum of n points, times `weight` where a coefficient stands for two.",
)  # fmt: skip
_c2c_lane, _r2c_lane, _c2r_lane = (one_lane(f.prim) for f in (_c2c, _r2c, _c2r))


# ---------------------------------------------------------------- what the functions take


def _checked_input(name: str, input: Any) -> Tensor:
    if not isinstance(input, Tensor):
        raise errors.wrong_type(name, "input", 1, input)
    return input


def _need_int(name: str, argument: str, value: Any) -> None:
    errors.need_int(name, **{argument: value})


def _norm(name: str, norm: Any, forward: bool) -> int:
    """PyTorch's number of a normalization mode."""
    if norm is None:
        return 0 if forward else 2
    if not isinstance(norm, str):
        raise TypeError(f"{name}(): argument 'norm' must be str, not {errors.kind_name(norm)}")
    if norm not in ("backward", "forward", "ortho"):
        raise RuntimeError(
            errors.hinted(
                f'Invalid normalization mode: "{norm}"', hint='"backward", "ortho" or "forward"'
            )
        )
    if norm == "ortho":
        return 1
    return 2 if (norm == "forward") == forward else 0


def _dim(x: Tensor, dim: int) -> int:
    rank = x._data.ndim
    if dim == -1 and rank:
        return rank - 1
    if not rank:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    return errors.checked_dim(dim, rank)


def _check_points(n: int) -> None:
    if n < 1:
        raise RuntimeError(
            errors.hinted(
                f"Invalid number of data points ({n}) specified",
                hint="a transform needs at least one point",
            )
        )


def _title(x: Tensor) -> str:
    return errors.LEGACY[x.dtype.name]


def _promoted(x: Tensor, to_complex: bool) -> Tensor:
    """Integers become floats, and real numbers complex if asked; no half precision."""
    if x._data.dtype.char in ("FD" if to_complex else "fdFD"):
        return x
    dtype = x.dtype if x.dtype.category > 1 else S.default_dtype
    if dtype.np.itemsize == 2:
        raise RuntimeError(
            errors.hinted(
                f"Unsupported dtype {errors.LEGACY[dtype.name]}", hint="convert it with .float()"
            )
        )
    return cast(x, dtype.to_complex() if to_complex else dtype)


def _resized(x: Tensor, dims: Sequence[int], sizes: Sequence[int]) -> Tensor:
    """`x` with these sizes along `dims`."""
    for n in sizes:
        _check_points(n)
    shape = x._data.shape
    changed = [(d, n) for d, n in zip(dims, sizes, strict=True) if shape[d] != n]
    if not changed:
        return x
    return _resize.prim.call(
        x, params=(tuple([d for d, _ in changed]), tuple([n for _, n in changed]))
    )


def _listed(value: Any) -> Any:
    if value is True or value is False:
        raise errors.wrong_kind("fft", "s", "tuple of ints", value)
    return (value,) if hasattr(value, "__index__") else value


_LAST_TWO = (-2, -1)


def _shape_and_dims(x: Tensor, s: Any, dim: Any) -> tuple[Sequence[int], tuple[int, ...]]:
    """The number of points along each dimension that is transformed."""
    rank, shape = x._data.ndim, x._data.shape
    if s is None and 0 not in shape and rank > 1:
        if dim is _LAST_TWO:
            return shape[-2:], (rank - 2, rank - 1)
        if dim is None:
            return shape, tuple(range(rank))
    s, dim = _listed(s), _listed(dim)
    dims: tuple[int, ...]
    if dim is not None:
        dims = tuple([_dim(x, d) for d in dim])
        if len(set(dims)) != len(dims):
            raise RuntimeError("FFT dims must be unique")
    if s is None:
        dims = dims if dim is not None else tuple(range(rank))
        sizes = [shape[d] for d in dims]
    else:
        if dim is not None and len(dims) != len(s):
            raise RuntimeError(
                "When given, dim and shape arguments must have the same length\n"
                f"s: {tuple(s)}, dim: {tuple(dim)}"
            )
        if len(s) > rank:
            raise RuntimeError(
                f"Got shape with {len(s)} values but input tensor only has {rank} dimensions."
            )
        dims = dims if dim is not None else tuple(range(rank - len(s), rank))
        sizes = [shape[d] if n == -1 else int(n) for d, n in zip(dims, s, strict=True)]
    for n in sizes:
        _check_points(n)
    return sizes, dims


def _half_shape(name: str, x: Tensor, s: Any, dim: Any) -> tuple[list[int], tuple[int, ...], int]:
    """Sizes and dims of half a spectrum, and the number of points of its last dimension."""
    given, dims = _shape_and_dims(x, s, dim)
    _need_axis(name, dims)
    sizes, s = list(given), _listed(s)
    last = 2 * (x._data.shape[dims[-1]] - 1) if s is None or s[-1] == -1 else int(s[-1])
    _check_points(last)
    sizes[-1] = last // 2 + 1
    return sizes, dims, last


def _need_axis(name: str, dims: Sequence[int]) -> None:
    if not dims:
        raise RuntimeError(f"{name} must transform at least one axis")


def _given(name: str, made: Tensor, out: Any) -> Tensor:
    """The result, or `out` filled with it."""
    if out is None:
        return made
    if not isinstance(out, Tensor):
        raise errors.wrong_type(name, "out", 2, out)
    kind = made.dtype.is_complex
    if out.dtype.is_complex != kind:
        short, what = name.removeprefix("fft_"), "complex" if kind else "floating point"
        raise RuntimeError(f"{short} expects a {what} output tensor, but got {_title(out)}")
    fill_out(out, made)
    return out


# ---------------------------------------------------------------- one dimension


def _bare(x: Tensor) -> bool:
    """Whether nothing is recorded of a call and nobody looks at it."""
    unrecorded = x._node is None or not (S.grad or grad_enabled())
    return unrecorded and S.mode is None and type(x._data) is np.ndarray


def _fft_of(x: Tensor, dim: int, normalization: int, forward: bool) -> Tensor:
    """Complex to complex; a real signal by r2c, backward as the conjugate of forward."""
    if x._data.dtype.kind == "c":
        return _c2c_lane(x, ((dim,), normalization, forward))
    return _half_of(x, dim, normalization, forward, False)


def _half_of(x: Tensor, dim: int, normalization: int, forward: bool, onesided: bool) -> Tensor:
    """The spectrum of a real signal, or half of it; backward its conjugate."""
    made = _r2c_lane(x, ((dim,), normalization, onesided))
    if forward:
        return made
    if made._node is None and S.mode is None:
        np.conjugate(made._data, made._data)
        return made
    return OPS.conj(made)


def _points(x: Tensor, dim: int, n: int | None) -> Tensor:
    """`x` with n points along a dimension."""
    size = x._data.shape[dim]
    return (
        x if (n is None or n == size) and size else _resized(x, (dim,), (size if n is None else n,))
    )


def _fft(x: Tensor, n: int | None, dim: int, name: str, norm: Any, forward: bool) -> Tensor:
    x = _promoted(x, False)
    d = _dim(x, dim)
    x = _points(x, d, n)
    return _fft_of(x, d, _norm(name, norm, forward), forward)


def _rfft(x: Tensor, n: int | None, dim: int, name: str, norm: Any, forward: bool) -> Tensor:
    if x._data.dtype.kind == "c":
        short = "rfft" if forward else "ihfft"
        raise RuntimeError(f"{short} expects a real input tensor, but got {_title(x)}")
    x = _promoted(x, False)
    d = _dim(x, dim)
    x = _points(x, d, n)
    return _half_of(x, d, _norm(name, norm, forward), forward, True)


def _irfft(x: Tensor, n: int | None, dim: int, name: str, norm: Any, forward: bool) -> Tensor:
    x = _promoted(x, True)
    d = _dim(x, dim)
    last = 2 * (x._data.shape[d] - 1) if n is None else n
    _check_points(last)
    x = _points(x, d, last // 2 + 1)
    if forward and _bare(x):
        x = wrap(np.conjugate(x._data))
    elif forward:
        x = OPS.conj(x)
    return _c2r_lane(x, ((d,), _norm(name, norm, forward), last))


def _one_dimensional(name: str, make: Callable[..., Tensor], forward: bool, doc: str) -> None:
    full = f"fft_{name}"

    def function(
        input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None, *,
        out: Tensor | None = None,
    ) -> Tensor:  # fmt: skip
        x = _checked_input(full, input)
        if n is not None and type(n) is not int:
            _need_int(full, "n", n)
        if type(dim) is not int:
            _need_int(full, "dim", dim)
        made = make(x, n, dim, full, norm, forward)
        return made if out is None else _given(full, made, out)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""{doc}

    Args:
        input: a tensor of at least one dimension.
        n: points of the transform; the input is cut or padded with zeros (default: as it is).
        dim: the dimension that is transformed.
        norm: "backward" (the inverse transform has the factor 1/n), "forward" (the forward one has
            it), "ortho" (both have its root).

    Raises:
        RuntimeError: no points; half precision.

    Example:
        >>> import chainrule as torch
        >>> torch.fft.{name}(torch.tensor([1.0, 2.0, 3.0])).shape
        torch.Size([{3 if make is _fft else 2 if make is _rfft else 4}])
    """
    public(f"fft.{name}")(function)


_one_dimensional("fft", _fft, True, "The discrete Fourier transform along `dim`.")
_one_dimensional("ifft", _fft, False, "The inverse discrete Fourier transform along `dim`.")
_one_dimensional(
    "rfft", _rfft, True, "The Fourier transform of a real signal: the n // 2 + 1 coefficients that "
    "determine it.",
)  # fmt: skip
_one_dimensional(
    "ihfft", _rfft, False, "The inverse of `hfft`: half the inverse transform of a real signal."
)
_one_dimensional("irfft", _irfft, False, "The inverse of `rfft`: a real signal of n points.")
_one_dimensional(
    "hfft", _irfft, True, "The transform of a signal whose negative times mirror it (Hermitian): "
    "real.",
)  # fmt: skip


# ---------------------------------------------------------------- several dimensions


def _fftn(name: str, x: Tensor, s: Any, dim: Any, norm: Any, forward: bool) -> Tensor:
    sizes, dims = _shape_and_dims(x, s, dim)
    if forward and dims and s is None and x._data.dtype.char in "fd" and _bare(x):
        return wrap(kernels.r2c(x._data, dims, _norm(name, norm, forward), False))
    x = _promoted(x, True)
    if s is not None:
        x = _resized(x, dims, sizes)
    return _c2c_lane(x, (dims, _norm(name, norm, forward), forward))


def _rfftn(name: str, x: Tensor, s: Any, dim: Any, norm: Any, forward: bool) -> Tensor:
    if x._data.dtype.kind == "c":
        raise RuntimeError(f"rfftn expects a real-valued input tensor, but got {_title(x)}")
    sizes, dims = _shape_and_dims(x, s, dim)
    _need_axis("rfftn", dims)
    x = _promoted(x, False)
    if s is not None:
        x = _resized(x, dims, sizes)
    return _r2c_lane(x, (dims, _norm(name, norm, forward), True))


def _irfftn(name: str, x: Tensor, s: Any, dim: Any, norm: Any, forward: bool) -> Tensor:
    sizes, dims, last = _half_shape("irfftn", x, s, dim)
    x = _resized(_promoted(x, True), dims, sizes)
    return _c2r_lane(x, (dims, _norm(name, norm, forward), last))


def _hfftn(name: str, x: Tensor, s: Any, dim: Any, norm: Any, forward: bool) -> Tensor:
    sizes, dims, last = _half_shape("hfftn", x, s, dim)
    x, mode = _resized(_promoted(x, True), dims, sizes), _norm(name, norm, forward)
    if len(dims) > 1:
        x = _c2c_lane(x, (dims[:-1], mode, True))
    return _c2r_lane(OPS.conj(x), (dims[-1:], mode, last))


def _ihfftn(name: str, x: Tensor, s: Any, dim: Any, norm: Any, forward: bool) -> Tensor:
    sizes, dims = _shape_and_dims(x, s, dim)
    _need_axis("ihfftn", dims)
    mode = _norm(name, norm, forward)
    if x.is_complex():
        raise RuntimeError(f"Only supports floating-point dtypes, but found: {_title(x)}")
    x = _resized(_promoted(x, False), dims, sizes)
    made = _r2c_lane(x, (dims[-1:], mode, True))
    if len(dims) == 1:
        return OPS.conj(made)
    return _c2c_lane(OPS.conj_physical(made), (dims[:-1], mode, False))


def _several_dimensional(name: str, make: Callable[..., Tensor], forward: bool, doc: str) -> None:
    def add(full: str, default: Any, where: str) -> None:
        def function(
            input: Tensor, s: Any = None, dim: Any = default, norm: str | None = None, *,
            out: Tensor | None = None,
        ) -> Tensor:  # fmt: skip
            x = _checked_input(full, input)
            if dim is None and default is not None:
                raise errors.wrong_kind(full, "dim", "tuple of ints", dim, 3)
            made = make(full, x, s, dim, norm, forward)
            return made if out is None else _given(full, made, out)

        function.__name__ = function.__qualname__ = full.removeprefix("fft_")
        function.__doc__ = f"""{doc}

    Args:
        input: a tensor.
        s: points of the transform along each of `dim`, -1 for as it is; the input is cut or padded
            with zeros.
        dim: the dimensions that are transformed (default: {where}).
        norm: "backward" (the inverse transform has the factor 1/n), "forward" (the forward one has
            it), "ortho" (both have its root).

    Raises:
        RuntimeError: no points; `s` and `dim` of different lengths; half precision.

    Example:
        >>> import chainrule as torch
        >>> torch.fft.{function.__name__}(torch.ones(2, 3)).shape
        torch.Size([2, {3 if make is _fftn else 2 if make in (_rfftn, _ihfftn) else 4}])
    """
        public(f"fft.{function.__name__}")(function)

    add(f"fft_{name}n", None, "all, or the last len(s)")
    add(f"fft_{name}2", _LAST_TWO, "the last two")


_several_dimensional("fft", _fftn, True, "The discrete Fourier transform over `dim`.")
_several_dimensional("ifft", _fftn, False, "The inverse discrete Fourier transform over `dim`.")
_several_dimensional(
    "rfft", _rfftn, True, "The Fourier transform of a real signal; along the last dimension half "
    "of it, which determines the rest.",
)  # fmt: skip
_several_dimensional("irfft", _irfftn, False, "The inverse of `rfftn`: a real signal.")
_several_dimensional(
    "hfft", _hfftn, True, "The transform of a signal that is Hermitian in the last dimension: real."
)
_several_dimensional("ihfft", _ihfftn, False, "The inverse of `hfftn`, of a real signal.")


# ---------------------------------------------------------------- frequencies and shifts


def _frequencies(
    op: str, counts: Any, n: Any, d: float, dtype: Any, requires_grad: bool, out: Any
) -> Tensor:
    _need_int(f"fft_{op}", "n", n)
    errors.need_number(f"fft_{op}", d=d)
    n, d = n.__index__(), d.item() if isinstance(d, Tensor) else d
    target = checked_dtype(op, dtype) or S.default_dtype.np
    if target.kind not in "fcV":
        raise RuntimeError(f"{op} requires a floating point or complex dtype")
    if target.kind == "c":
        title = "ComplexFloat" if target.itemsize == 8 else "ComplexDouble"
        raise NotImplementedError(f"\"arange_cpu\" not implemented for '{title}'")
    if n < 0:
        raise RuntimeError(f"Trying to create tensor with negative dimension {n}: [{n}]")
    scale = 1.0 / (n * d) if n * d else float("inf")
    made = finished((counts(n) * scale).astype(target), requires_grad)
    if out is None:
        return made
    fill_out(out, made)
    return out


def _all_counts(n: int) -> Any:
    half = (n + 1) // 2
    return np.concatenate([np.arange(half), np.arange(-(n // 2), 0)]).astype(np.float64)


@public("fft.fftfreq")
def fftfreq(
    n: int,
    d: float = 1.0,
    *,
    out: Tensor | None = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """The frequencies of the coefficients of `fft`: [0, 1, ..., -2, -1] / (n d).

    Args:
        n: points of the transform.
        d: the time between samples.

    Example:
        >>> import chainrule as torch
        >>> torch.fft.fftfreq(4)
        tensor([ 0.0000,  0.2500, -0.5000, -0.2500])
    """
    errors.check_option("fft_fftfreq", "pin_memory", pin_memory)
    errors.check_option("fft_fftfreq", "layout", layout)
    check_device(device)
    return _frequencies("fftfreq", _all_counts, n, d, dtype, requires_grad, out)


@public("fft.rfftfreq")
def rfftfreq(
    n: int,
    d: float = 1.0,
    *,
    out: Tensor | None = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """The frequencies of the coefficients of `rfft`: [0, 1, ..., n // 2] / (n d).

    Args:
        n: points of the transform.
        d: the time between samples.

    Example:
        >>> import chainrule as torch
        >>> torch.fft.rfftfreq(4)
        tensor([0.0000, 0.2500, 0.5000])
    """
    errors.check_option("fft_rfftfreq", "pin_memory", pin_memory)
    errors.check_option("fft_rfftfreq", "layout", layout)
    check_device(device)
    return _frequencies(
        "rfftfreq", lambda n: np.arange(n // 2 + 1.0), n, d, dtype, requires_grad, out
    )


def _shift(op: str, input: Any, dim: Any, up: int) -> Tensor:
    x = _checked_input(op, input)
    data = x._data
    if dim is None and data.ndim == 1 and data.size > 1 and _bare(x):
        at = len(data) - (len(data) + up) // 2
        return wrap(np.concatenate((data[at:], data[:at])))
    dims = range(x._data.ndim) if dim is None else _listed(dim)
    canonical = [errors.checked_dim(d, x._data.ndim) for d in dims]
    shifts = [(x._data.shape[d] + up) // 2 for d in canonical]
    if not shifts:
        raise RuntimeError("`shifts` required")
    return T.roll(x, tuple(shifts), tuple(canonical))


@public("fft.fftshift")
def fftshift(input: Tensor, dim: Any = None) -> Tensor:
    """The coefficients with frequency 0 in the middle, along `dim` (default: all).

    Example:
        >>> import chainrule as torch
        >>> torch.fft.fftshift(torch.tensor([0, 1, 2, -2, -1]))
        tensor([-2, -1,  0,  1,  2])
    """
    return _shift("fft_fftshift", input, dim, 0)


@public("fft.ifftshift")
def ifftshift(input: Tensor, dim: Any = None) -> Tensor:
    """The inverse of `fftshift`.

    Example:
        >>> import chainrule as torch
        >>> torch.fft.ifftshift(torch.tensor([-2, -1, 0, 1, 2]))
        tensor([ 0,  1,  2, -2, -1])
    """
    return _shift("fft_ifftshift", input, dim, 1)
