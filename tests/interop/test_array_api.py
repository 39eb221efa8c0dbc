"""The Array API standard: names, signatures and special cases (from the standard's text)."""

from __future__ import annotations

import inspect
import math
from pathlib import Path
from typing import Any

import pytest

import chainrule as torch
from chainrule import array_api as xp

SIGNATURES = (
    (Path(__file__).parents[1] / "data" / "array_api_signatures.txt")
    .read_text(encoding="utf-8")
    .split("\n")[:-1]
)
CONSTANTS = "e inf nan newaxis pi".split()
DTYPES = (
    "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float32 float64 complex64 complex128"
).split()
nan, inf = math.nan, math.inf


def found(path: str) -> Any:
    space: Any = xp
    for part in path.split("."):
        space = getattr(space, part)
    return space


def written(function: Any) -> str:
    signature = inspect.signature(function)
    plain = [p.replace(annotation=inspect.Parameter.empty) for p in signature.parameters.values()]
    return str(inspect.Signature(plain))


@pytest.mark.parametrize("line", SIGNATURES, ids=lambda s: s.partition("(")[0])
def test_functions_have_the_standards_signatures(line: str) -> None:
    name, _, rest = line.partition("(")
    if name in ("finfo", "iinfo"):
        assert callable(found(name))
    else:
        assert written(found(name)) == "(" + rest


@pytest.mark.parametrize("name", [*CONSTANTS, *DTYPES])
def test_constants_and_dtypes_are_there(name: str) -> None:
    assert hasattr(xp, name)


def test_namespace_of_an_array() -> None:
    x = xp.ones(2)
    assert x.__array_namespace__() is xp
    assert x.__array_namespace__(api_version="2023.12") is xp
    with pytest.raises(ValueError, match="unsupported version"):
        x.__array_namespace__(api_version="1900.01")
    assert x.to_device("cpu") is x and x.mT is not None if x.ndim > 1 else True


def test_info() -> None:
    info = xp.__array_namespace_info__()
    assert info.default_dtypes()["integral"] is xp.int64
    assert info.capabilities()["boolean indexing"] is True
    assert set(info.dtypes(kind="real floating")) == {"float32", "float64"}
    assert info.default_device() in info.devices()


UNARY_CASES = [  # the standard's "special cases"
    ("acos", 2.0, nan), ("acos", 1.0, 0.0), ("acosh", 0.5, nan), ("acosh", 1.0, 0.0),
    ("acosh", inf, inf), ("asin", 2.0, nan), ("asin", -0.0, -0.0), ("asinh", -inf, -inf),
    ("atan", inf, math.pi / 2), ("atanh", 1.0, inf), ("atanh", 2.0, nan), ("ceil", -inf, -inf),
    ("ceil", -0.5, -0.0), ("cos", inf, nan), ("cos", 0.0, 1.0), ("cosh", -inf, inf),
    ("exp", -inf, 0.0), ("exp", nan, nan), ("expm1", -inf, -1.0), ("expm1", -0.0, -0.0),
    ("floor", -0.0, -0.0), ("log", -1.0, nan), ("log", 0.0, -inf), ("log", 1.0, 0.0),
    ("log10", 0.0, -inf), ("log1p", -1.0, -inf), ("log1p", -2.0, nan), ("log1p", -0.0, -0.0),
    ("log2", 0.0, -inf), ("round", 0.5, 0.0), ("round", 1.5, 2.0), ("round", -0.5, -0.0),
    ("sign", -0.5, -1.0), ("sign", nan, nan), ("sin", inf, nan), ("sin", -0.0, -0.0),
    ("sinh", -inf, -inf), ("sqrt", -1.0, nan), ("sqrt", -0.0, -0.0), ("tan", inf, nan),
    ("tanh", inf, 1.0), ("tanh", -0.0, -0.0), ("trunc", -0.9, -0.0), ("trunc", inf, inf),
    ("abs", -inf, inf), ("abs", -0.0, 0.0), ("reciprocal", -0.0, -inf),
    ("acos", -2.0, nan), ("acosh", inf, inf), ("asin", -2.0, nan), ("asin", 0.0, 0.0),
    ("asinh", -0.0, -0.0), ("asinh", inf, inf), ("atan", -inf, -math.pi / 2),
    ("atan", -0.0, -0.0), ("atanh", -1.0, -inf), ("atanh", -0.0, -0.0), ("atanh", -2.0, nan),
    ("ceil", -0.0, -0.0), ("ceil", inf, inf), ("ceil", nan, nan), ("cos", -0.0, 1.0),
    ("cos", -inf, nan), ("cosh", 0.0, 1.0), ("cosh", -0.0, 1.0), ("exp", 0.0, 1.0),
    ("exp", -0.0, 1.0), ("exp", inf, inf), ("expm1", inf, inf), ("expm1", 0.0, 0.0),
    ("floor", inf, inf), ("floor", nan, nan), ("floor", 0.5, 0.0), ("log", inf, inf),
    ("log", -0.0, -inf), ("log10", 1.0, 0.0), ("log10", inf, inf), ("log10", -1.0, nan),
    ("log1p", 0.0, 0.0), ("log1p", inf, inf), ("log2", 1.0, 0.0), ("log2", -1.0, nan),
    ("log2", inf, inf), ("negative", 0.0, -0.0), ("positive", -0.0, -0.0),
    ("reciprocal", inf, 0.0), ("reciprocal", -inf, -0.0), ("reciprocal", 0.0, inf),
    ("round", 2.5, 2.0), ("round", -1.5, -2.0), ("round", inf, inf), ("round", -0.0, -0.0),
    ("sign", inf, 1.0), ("sign", 0.0, 0.0), ("sin", -inf, nan), ("sin", nan, nan),
    ("sinh", -0.0, -0.0), ("sinh", inf, inf), ("sqrt", inf, inf), ("sqrt", 0.0, 0.0),
    ("square", -inf, inf), ("square", -0.0, 0.0), ("tan", -0.0, -0.0), ("tanh", -inf, -1.0),
    ("trunc", -0.0, -0.0), ("trunc", 0.9, 0.0), ("trunc", nan, nan),
]  # fmt: skip
BINARY_CASES = [
    ("add", inf, -inf, nan), ("add", -0.0, -0.0, -0.0), ("subtract", inf, inf, nan),
    ("atan2", 0.0, -0.0, math.pi), ("atan2", -0.0, 1.0, -0.0), ("atan2", inf, inf, math.pi / 4),
    ("atan2", -0.0, -1.0, -math.pi), ("copysign", 1.0, -0.0, -1.0), ("divide", 1.0, 0.0, inf),
    ("divide", -1.0, 0.0, -inf), ("divide", 0.0, 0.0, nan), ("divide", inf, inf, nan),
    ("hypot", inf, nan, inf), ("logaddexp", inf, nan, nan), ("maximum", nan, 1.0, nan),
    ("minimum", 1.0, nan, nan), ("multiply", inf, 0.0, nan), ("multiply", -1.0, 0.0, -0.0),
    ("pow", nan, 0.0, 1.0), ("pow", 1.0, nan, 1.0), ("pow", -1.0, inf, 1.0),
    ("pow", 0.0, -1.0, inf), ("pow", -0.0, -1.0, -inf), ("pow", -0.0, 3.0, -0.0),
    ("pow", -8.0, 0.5, nan), ("pow", -inf, 3.0, -inf), ("pow", 0.5, inf, 0.0),
    ("remainder", 1.0, 0.0, nan), ("remainder", inf, 1.0, nan), ("remainder", -1.0, 3.0, 2.0),
    ("nextafter", 0.0, 1.0, 5e-324), ("floor_divide", 7.0, 2.0, 3.0),
    ("floor_divide", -7.0, 2.0, -4.0),
    ("add", inf, inf, inf), ("add", -0.0, 0.0, 0.0), ("add", nan, 1.0, nan),
    ("subtract", -0.0, 0.0, -0.0), ("subtract", -inf, inf, -inf),
    ("multiply", inf, -1.0, -inf), ("multiply", -0.0, -1.0, 0.0), ("multiply", -inf, -inf, inf),
    ("divide", -0.0, 1.0, -0.0), ("divide", 1.0, inf, 0.0), ("divide", -1.0, inf, -0.0),
    ("divide", inf, 0.0, inf), ("divide", 1.0, -0.0, -inf), ("divide", nan, 1.0, nan),
    ("atan2", 0.0, 0.0, 0.0), ("atan2", -0.0, -0.0, -math.pi), ("atan2", -0.0, 0.0, -0.0),
    ("atan2", 0.0, -1.0, math.pi), ("atan2", 1.0, 0.0, math.pi / 2),
    ("atan2", 1.0, -0.0, math.pi / 2), ("atan2", -1.0, 0.0, -math.pi / 2),
    ("atan2", 1.0, inf, 0.0), ("atan2", 1.0, -inf, math.pi), ("atan2", -1.0, inf, -0.0),
    ("atan2", -1.0, -inf, -math.pi), ("atan2", inf, 1.0, math.pi / 2),
    ("atan2", inf, -inf, 3 * math.pi / 4), ("atan2", -inf, inf, -math.pi / 4),
    ("atan2", -inf, -inf, -3 * math.pi / 4), ("atan2", nan, 1.0, nan),
    ("copysign", -1.0, 0.0, 1.0), ("copysign", 1.0, 1.0, 1.0), ("copysign", inf, -1.0, -inf),
    ("hypot", -inf, 1.0, inf), ("hypot", nan, 1.0, nan), ("hypot", 0.0, -0.0, 0.0),
    ("pow", 2.0, inf, inf), ("pow", 2.0, -inf, 0.0), ("pow", -1.0, -inf, 1.0),
    ("pow", 1.0, inf, 1.0), ("pow", 0.5, -inf, inf), ("pow", inf, 2.0, inf),
    ("pow", inf, -2.0, 0.0), ("pow", -inf, 2.0, inf), ("pow", -inf, -3.0, -0.0),
    ("pow", -inf, -2.0, 0.0), ("pow", 0.0, 2.0, 0.0), ("pow", -0.0, 2.0, 0.0),
    ("pow", -0.0, -2.0, inf), ("pow", 2.0, nan, nan), ("pow", inf, -0.0, 1.0),
    ("remainder", 0.0, 2.0, 0.0), ("remainder", -0.0, 2.0, 0.0), ("remainder", 0.0, -2.0, -0.0),
    ("remainder", -0.0, -2.0, -0.0), ("remainder", 1.0, inf, 1.0),
    ("remainder", -1.0, inf, inf), ("remainder", 1.0, -inf, -inf),
    ("remainder", -1.0, -inf, -1.0), ("remainder", nan, 1.0, nan),
    ("floor_divide", nan, 1.0, nan), ("floor_divide", inf, inf, nan),
    ("floor_divide", 0.0, 0.0, nan), ("floor_divide", 1.0, inf, 0.0),
    ("floor_divide", -1.0, inf, -1.0), ("floor_divide", 1.0, -inf, -1.0),
    ("floor_divide", -1.0, -inf, 0.0), ("floor_divide", -0.0, 2.0, -0.0),
    ("nextafter", 1.0, 1.0, 1.0), ("nextafter", nan, 1.0, nan), ("maximum", -inf, 1.0, 1.0),
    ("minimum", inf, nan, nan), ("logaddexp", -inf, -inf, -inf),
]  # fmt: skip


def same(a: float, b: float) -> bool:
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    close = a == b or math.isclose(a, b, rel_tol=1e-15, abs_tol=0.0)
    return close and math.copysign(1, a) == math.copysign(1, b)


@pytest.mark.parametrize(("name", "value", "expected"), UNARY_CASES)
def test_special_cases_of_one(name: str, value: float, expected: float) -> None:
    made = getattr(xp, name)(xp.asarray(value, dtype=xp.float64))
    assert same(made.item(), expected), made


@pytest.mark.parametrize(("name", "a", "b", "expected"), BINARY_CASES)
def test_special_cases_of_two(name: str, a: float, b: float, expected: float) -> None:
    x, y = (xp.asarray(v, dtype=xp.float64) for v in (a, b))
    made = getattr(xp, name)(x, y)
    assert same(made.item(), expected), made


def test_reductions_of_nothing() -> None:
    empty = xp.zeros(0, dtype=xp.float64)
    assert xp.sum(empty).item() == 0 and xp.prod(empty).item() == 1
    assert math.isnan(xp.mean(empty).item())
    assert bool(xp.all(empty)) and not bool(xp.any(empty))
    with pytest.raises(ValueError, match="zero-size array"):
        xp.max(empty)


def test_sums_of_integers_are_wide() -> None:
    assert xp.sum(xp.ones(2, dtype=xp.int8)).dtype is xp.int64
    assert xp.sum(xp.ones(2, dtype=xp.uint8)).dtype is xp.uint64
    assert xp.prod(xp.ones(2, dtype=xp.int32)).dtype is xp.int64
    assert xp.cumulative_sum(xp.ones(2, dtype=xp.int8)).dtype is xp.int64
    assert xp.sum(xp.ones(2, dtype=xp.float32)).dtype is xp.float32


def test_dtype_functions() -> None:
    assert xp.isdtype(xp.complex64, "numeric") and not xp.isdtype(xp.bool, "numeric")
    assert xp.isdtype(xp.uint8, ("bool", "unsigned integer"))
    assert xp.result_type(xp.int8, xp.int16) is xp.int16
    assert xp.result_type(xp.ones(1, dtype=xp.float32), 1.0) is xp.float32
    assert xp.result_type(xp.uint8, xp.int8) is xp.int16
    assert xp.can_cast(xp.uint8, xp.int16) and not xp.can_cast(xp.int64, xp.int8)
    assert xp.finfo(xp.float32).bits == 32 and xp.iinfo(xp.int8).max == 127
    with pytest.raises(ValueError, match="unrecognized data type kind"):
        xp.isdtype(xp.int8, "number")
    with pytest.raises(TypeError, match="complex array"):
        xp.astype(xp.ones(1, dtype=xp.complex64), xp.float32)


def test_creation() -> None:
    assert xp.arange(5, 2).shape == (0,)
    assert xp.linspace(0, 1, 4, endpoint=False).tolist() == [0, 0.25, 0.5, 0.75]
    assert xp.eye(2, 3, k=1).tolist() == [[0, 1, 0], [0, 0, 1]]
    assert xp.full(2, True).dtype is xp.bool and xp.full((), 1j).dtype is xp.complex64
    assert xp.meshgrid(xp.arange(2), xp.arange(3))[0].shape == (3, 2)
    assert xp.ones((2,), device="cpu").shape == (2,)


def test_manipulation() -> None:
    x = xp.reshape(xp.arange(6), (2, 3))
    assert xp.concat([x, x], axis=None).shape == (12,)
    assert xp.flip(x).tolist() == [[5, 4, 3], [2, 1, 0]]
    assert xp.roll(x, 1).tolist() == [[5, 0, 1], [2, 3, 4]]
    assert xp.repeat(xp.asarray([1, 2]), 2).tolist() == [1, 1, 2, 2]
    assert len(xp.unstack(x, axis=1)) == 3 and xp.tile(x, (2, 1)).shape == (4, 3)
    assert xp.squeeze(xp.ones((1, 2, 1)), (0, 2)).shape == (2,)
    with pytest.raises(ValueError, match="axis 1 has size 2"):
        xp.squeeze(xp.ones((1, 2)), 1)
    with pytest.raises(ValueError, match="a copy is needed"):
        xp.reshape(xp.matrix_transpose(x), (6,), copy=False)


def test_searching_and_sets() -> None:
    x = xp.asarray([3, 1, 3, 2])
    assert xp.argsort(x, descending=True).tolist() == [0, 2, 3, 1]
    assert xp.argmax(x).item() == 0 and xp.argmin(x, keepdims=True).tolist() == [1]
    assert xp.unique_counts(x).counts.tolist() == [1, 1, 2]
    every = xp.unique_all(x)
    assert every.indices.tolist() == [1, 3, 0] and every.inverse_indices.tolist() == [2, 0, 2, 1]
    assert xp.unique_values(xp.asarray([nan, nan])).shape == (2,)
    assert xp.take(x, xp.asarray([-1, 0])).tolist() == [2, 3]
    assert xp.count_nonzero(xp.asarray([[0, 1], [2, 3]]), axis=0, keepdims=True).tolist() == [
        [1, 2]
    ]
    assert xp.searchsorted(xp.asarray([1, 3]), xp.asarray([2])).tolist() == [1]


def test_numbers_beside_arrays() -> None:
    x = xp.asarray([1, 2])
    assert xp.add(x, 1).tolist() == [2, 3] and xp.subtract(1, x).tolist() == [0, -1]
    assert xp.where(x > 1, x, 0).tolist() == [0, 2]
    assert xp.clip(xp.asarray([1.0, 5.0]), 0, 2).tolist() == [1, 2]
    with pytest.raises(TypeError, match="Python float scalars"):
        xp.add(x, 1.5)


def test_linear_algebra() -> None:
    a = xp.asarray([[2.0, 0.0], [0.0, 3.0]], dtype=xp.float64)
    assert xp.linalg.eigh(a).eigenvalues.tolist() == [2, 3]
    assert xp.linalg.svd(a).S.tolist() == [3, 2]
    assert xp.linalg.solve(a, xp.asarray([2.0, 3.0], dtype=xp.float64)).tolist() == [1, 1]
    assert xp.linalg.trace(a).item() == 5 and xp.linalg.slogdet(a).sign.item() == 1
    assert xp.vecdot(xp.asarray([1, 2]), xp.asarray([3, 4])).item() == 11
    assert xp.linalg.vector_norm(a).item() == pytest.approx(math.sqrt(13))
    assert xp.linalg.matrix_norm(a, ord=2).item() == pytest.approx(3)


def test_fourier() -> None:
    x = xp.asarray([1.0, 2.0, 3.0, 4.0], dtype=xp.float64)
    torch.testing.assert_close(xp.fft.irfft(xp.fft.rfft(x)), x)
    assert xp.fft.fftshift(xp.fft.fftfreq(4)).tolist() == [-0.5, -0.25, 0, 0.25]


def test_everything_stays_differentiable() -> None:
    x = torch.tensor([0.5, 1.5], dtype=torch.float64, requires_grad=True)

    def f(t: Any) -> Any:
        space = t.__array_namespace__()
        return space.sum(space.sin(space.clip(t, 0.0, 1.0)) * space.concat([t[1:], t[:1]]))

    torch.autograd.gradcheck(f, (x,))
