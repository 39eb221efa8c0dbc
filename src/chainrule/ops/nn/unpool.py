"""Pooling of other kinds: p-norms of windows, windows at random places, the way back of maxima."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from ... import errors
from ..._state import S
from ...core.primitive import F32, F64, PUBLIC
from ...core.record import OPS
from ...core.tensor import Tensor, wrap
from ..fast import T
from ..make.random import default_generator
from .pool import WINDOW, avg_pool_of, avg_pool_row, ints, need, publish, real_only
from .pool_ops import FRACTIONAL, UNPOOL

Ints = tuple[int, ...]


# ---------------------------------------------------------------- norms of windows


def _lp_pool(n: int, x: Any, p: Any, kernel: Any, stride: Any, ceil: bool) -> Any:
    need(f"lp_pool{n}d", x)
    for at, (name, given) in enumerate((("kernel_size", kernel), ("stride", stride))):
        if given is True or given is False:
            raise errors.wrong_kind(f"avg_pool{n}d", name, "tuple of ints", given, at + 2)
    if isinstance(p, float) and p == float("inf"):
        return PUBLIC[f"nn.functional.max_pool{n}d"](x, kernel, stride, 0, 1, ceil)
    count = 1
    for k in (kernel,) * n if isinstance(kernel, int) else kernel:
        count *= k
    if n == 1:
        mean = avg_pool_row(x.pow(p), kernel, stride, 0, ceil, True)
    else:
        mean = avg_pool_of(n, x.pow(p), kernel, stride, 0, ceil, True, None)
    return (T.sign(mean) * PUBLIC["nn.functional.relu"](T.abs(mean))).mul(count).pow(1.0 / p)


# ---------------------------------------------------------------- fractional windows


_FRACTIONAL_NAMES = {n: f"fractional_max_pool{n}d" for n in (2, 3)}


def _fractional(
    n: int, x: Any, kernel: Any, output_size: Any, output_ratio: Any, samples: Any
) -> tuple[Any, Any]:
    op = _FRACTIONAL_NAMES[n]
    if type(kernel) is bool:
        raise errors.wrong_kind(op, "kernel_size", "tuple of ints", kernel)
    if type(output_size) is bool:
        raise errors.wrong_kind(op, "output_size", "tuple of ints", output_size)
    if output_size is None and output_ratio is None:
        raise ValueError(f"{op} requires specifying either an output_size or an output_ratio")
    need(op, x)
    shape, rank = x._data.shape, x._data.ndim
    if rank <= n:
        errors.checked_dim(-n - 1, rank)
    if output_size is None:
        if len(output_ratio) > n:
            raise ValueError(f"{op} requires output_ratio to have {n} elements")
        output_size = tuple(int(shape[rank - n + d] * r) for d, r in enumerate(output_ratio))
    given = samples
    if samples is None:
        samples = _samples(x, (1 if rank == n + 1 else shape[0], shape[rank - n - 1], n))
    kernel = _fractional_ints(op, "kernel_size", kernel, n)
    size = _fractional_ints(op, "output_size", output_size, n)
    _check_fractional_windows(op, shape, n, kernel, size)
    if given is not None:
        _check_samples(op, n, samples, x)
    places = samples[0] if rank == n + 1 else samples
    return FRACTIONAL[n](x, (kernel, size), places)


def _fractional_ints(op: str, name: str, value: Any, n: int) -> Ints:
    if type(value) is int:
        return (value,) * n
    value = ints(op, name, value, 2)
    value = (value,) * n if isinstance(value, int) else value
    if len(value) != n:
        either = "either be a single Int or tuple of Ints" if n == 2 else (
            "either be a single Int or tuple of three Ints"
        )  # fmt: skip
        raise RuntimeError(f"{op}: {name} must {either}")
    return tuple(value)


def _samples(x: Tensor, size: Ints) -> Any:
    """Uniform numbers in the dtype of x, drawn as `rand` draws them."""
    dtype = x._data.dtype
    if S.mode is not None or not (dtype is F32 or dtype is F64):
        return T.rand(size, dtype=x.dtype)
    with default_generator._lock:
        return wrap(default_generator._engine.uniform(size, dtype))


def _check_samples(op: str, n: int, samples: Any, x: Tensor) -> None:
    shape, given = x._data.shape, samples._data.shape
    rank = len(shape)
    if samples._data.dtype is not x._data.dtype and samples._data.dtype != x._data.dtype:
        raise RuntimeError("Expect _random_samples to have the same dtype as input")
    if len(given) != 3:
        raise RuntimeError(f"Expect _random_samples to have 3 dimensions, got {len(given)}")
    batch = 1 if rank == n + 1 else shape[0]
    if given[0] < batch:
        raise RuntimeError("Expect _random_samples.size(0) no less then input batch size.")
    if given[1] != shape[rank - n - 1]:
        raise RuntimeError("Expect _random_samples.size(1) equals to input channel size.")
    if given[2] != n:
        raise RuntimeError(f"Expect _random_samples.size(2) equals to {n}; got {given[2]}.")


@lru_cache(maxsize=1024)
def _check_fractional_windows(op: str, shape: Ints, n: int, kernel: Ints, size: Ints) -> None:
    rank = len(shape)
    if rank not in (n + 1, n + 2):
        raise RuntimeError(f"{op}(): Expected {n + 1}D or {n + 2}D tensor, but got: {list(shape)}")
    for d in range(rank - n - 1, rank):
        if shape[d] == 0:
            raise RuntimeError(
                f"{op}(): Expected input to have non-zero size for non-batch dimensions, but got"
                f"{list(shape)} with dimension {d} being empty."
            )
    names = ("time", "height", "width")[-n:]
    where = op + ("_out()" if n == 3 else "()")
    for name, h, s, k in zip(names, shape[rank - n :], size, kernel, strict=True):
        if k <= 0:  # PyTorch gives -inf; the windows would hold nothing
            raise RuntimeError(f"{op}: kernel_size must be greater than 0, but got {k}")
        if s + k - 1 > h:
            raise RuntimeError(f"{where}: pool {name} {k} too large relative to input {name} {h}")


# ---------------------------------------------------------------- the way back


def _unpooled_size(
    x: Tensor, kernel: Ints, stride: Ints, padding: Ints, output_size: Any
) -> tuple[int, ...]:
    n = len(kernel)
    shape = x._data.shape
    usual = tuple((shape[-n + d] - 1) * stride[d] + kernel[d] - 2 * padding[d] for d in range(n))
    if output_size is None:
        return usual
    if len(output_size) == n + 2:
        output_size = output_size[2:]
    if len(output_size) != n:
        raise ValueError(
            f"output_size should be a sequence containing {n} or {n + 2} elements, but it has a "
            f"length of '{len(output_size)}'"
        )
    for d in range(n):
        low, high = usual[d] - stride[d], usual[d] + stride[d]
        if not low < output_size[d] < high:
            raise ValueError(
                f'invalid output_size "{output_size}" (dim {d} must be between {low} and {high})'
            )
    return tuple(output_size)


def _unpool(
    n: int, x: Any, indices: Any, kernel: Any, stride: Any, padding: Any, output_size: Any
) -> Any:
    op = f"max_unpool{n}d"
    need(op, x)
    kernel = _several(kernel, n)
    stride = kernel if stride is None else _several(stride, n)
    size = _unpooled_size(x, kernel, stride, _several(padding, n), output_size)
    if n == 1:
        values, places = OPS.unsqueeze(x, -1), OPS.unsqueeze(indices, -1)
        return OPS.squeeze(_placed_back(2, values, places, (*size, 1)), -1)
    return _placed_back(n, x, indices, size)


def _several(value: Any, n: int) -> Ints:
    return (value,) * n if isinstance(value, int) else tuple(value)


def _placed_back(n: int, x: Any, indices: Any, size: Ints) -> Any:
    shape, rank = x._data.shape, x._data.ndim
    if indices.dtype.name != "int64":
        got = f" but got: {errors.LEGACY.get(indices.dtype.name)}" if n == 2 else ""
        raise RuntimeError(f"elements in indices should be type int64{got}")
    if rank not in (n + 1, n + 2):
        raise RuntimeError(
            f"Input to max_unpooling{n}d should be a {n + 1}d or {n + 2}d Tensor, but got a tensor "
            f"with {rank} dimensions."
        )
    if indices._data.shape != shape:
        raise RuntimeError(
            f"Expected shape of indices to be same as that of the input tensor ({list(shape)}) but "
            f"got indices tensor with shape: {list(indices._data.shape)}"
        )
    for d in range(1, rank):
        if shape[d] == 0:
            raise RuntimeError(
                f"max_unpooling{n}d_forward_out_cpu(): Expected input to have non-zero size for "
                f"non-batch dimensions, but got {list(shape)} with dimension {d} being empty."
            )
    real_only(f"max_unpool{n}d", x)
    _check_places(indices, size)
    return UNPOOL[n].call(x, indices, params=(size,))


def _check_places(indices: Any, size: Ints) -> None:
    count = 1
    for s in size:
        count *= s
    while indices._wrapped:
        indices = indices._inner
    at = indices._data
    wrong = at[(at < 0) | (at >= count)]
    if wrong.size:
        volume = "x".join(map(str, size))
        raise RuntimeError(
            f"Found an invalid max index: {wrong.flat[0]} (output volumes are of size {volume})"
        )


# ---------------------------------------------------------------- public names


def _publish_others(n: int) -> None:
    def lp_pool(
        input: Any, norm_type: Any, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
    ) -> Any:
        return _lp_pool(n, input, norm_type, kernel_size, stride, ceil_mode)

    def max_unpool(
        input: Any,
        indices: Any,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        output_size: Any = None,
    ) -> Any:
        return _unpool(n, input, indices, kernel_size, stride, padding, output_size)

    args = "norm_type: p.\n" + WINDOW.format(more="").replace(", padding", "")
    words = ("The p-norm of each window: (sum of x^p)^(1/p).", args, "The norms.")
    sums = {1: "6.0", 2: "120.0", 3: "2016.0"}
    publish(lp_pool, f"lp_pool{n}d", n, words, (f"F.lp_pool{n}d(x, 1, 4).item()", sums[n]))
    words = (
        "The way back of max_pool: zeros, with the maxima where they were.",
        "indices: the places max_pool gave.\nkernel_size, stride, padding: those of max_pool.\n"
        "output_size: of the result, where several sizes are possible.",
        "The larger tensor.",
    )
    call = f"F.max_unpool{n}d(*F.max_pool{n}d(x, 4, return_indices=True), 4).shape"
    shape = ", ".join(["1", *["4"] * n])
    publish(max_unpool, f"max_unpool{n}d", n, words, (call, f"torch.Size([{shape}])"))


def _publish_fractional(n: int) -> None:
    def with_indices(
        input: Any,
        kernel_size: Any,
        output_size: Any = None,
        output_ratio: Any = None,
        return_indices: bool = False,
        _random_samples: Any = None,
    ) -> Any:
        return _fractional(n, input, kernel_size, output_size, output_ratio, _random_samples)

    def fractional_max_pool(
        input: Any,
        kernel_size: Any,
        output_size: Any = None,
        output_ratio: Any = None,
        return_indices: bool = False,
        _random_samples: Any = None,
    ) -> Any:
        made = _fractional(n, input, kernel_size, output_size, output_ratio, _random_samples)
        return made if return_indices else made[0]

    name, shape = f"fractional_max_pool{n}d", ", ".join(["1", *["2"] * n])
    args = """kernel_size: an int, or one for each dimension.
output_size, output_ratio: the size of the result, or its ratio to that of the input.
_random_samples: (n, c, dimensions) numbers in [0, 1); drawn if None."""
    what = "Maxima of windows at random places, as many as the result is to have"
    words = (
        what + ".",
        args + "\nreturn_indices: also places.",
        "The maxima, or (maxima, places).",
    )
    size = f"torch.Size([{shape}])"
    publish(fractional_max_pool, name, n, words, (f"F.{name}(x, 2, output_size=2).shape", size))
    name += "_with_indices"
    words = (what + ", and their places.", args, "(maxima, places in the flat input).")
    publish(with_indices, name, n, words, (f"F.{name}(x, 2, output_size=2)[1].shape", size))


for _n in (1, 2, 3):
    _publish_others(_n)
for _n in (2, 3):
    _publish_fractional(_n)
