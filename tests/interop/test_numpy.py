"""NumPy and tensors: memory, conversions, NumPy's functions on tensors, DLPack, buffers."""

from __future__ import annotations

import array
import copy
import hashlib
import pickle
import sys
from typing import Any

import numpy as np
import pytest

import chainrule as torch


def leaf(*values: float, dtype: Any = torch.float64) -> Any:
    return torch.tensor(values, dtype=dtype, requires_grad=True)


# ---------------------------------------------------------------- memory


def test_numpy_and_from_numpy_share_memory_both_ways() -> None:
    a = np.zeros(3)
    t = torch.from_numpy(a)
    t[0] = 1
    a[1] = 2
    b = t.numpy()
    b[2] = 3
    assert t.tolist() == a.tolist() == [1, 2, 3]


def test_array_takes_dtype_and_copy() -> None:
    t = torch.ones(2)
    assert np.asarray(t, dtype="float64").dtype == np.float64
    assert np.shares_memory(np.asarray(t), t.numpy())
    assert not np.shares_memory(np.array(t, copy=True), t.numpy())
    assert np.shares_memory(np.asarray(t, copy=False), t.numpy())
    with pytest.raises(ValueError, match="Unable to avoid copy"):
        np.asarray(t, dtype="float64", copy=False)


def test_a_recorded_tensor_is_not_an_array() -> None:
    with pytest.raises(RuntimeError, match=r"Can't call numpy\(\) on Tensor that requires grad"):
        np.asarray(leaf(1.0))
    assert leaf(1.0).numpy(force=True).tolist() == [1]


def test_deepcopy_and_pickle_keep_values_grad_and_attributes() -> None:
    x = leaf(1.0, 2.0)
    x.grad = torch.ones(2, dtype=torch.float64)
    y = copy.deepcopy(x)
    assert y.requires_grad and y.grad.tolist() == [1, 1] and y is not x
    z = pickle.loads(pickle.dumps(x))
    assert z.tolist() == [1, 2] and z.requires_grad and z.dtype is torch.float64


def test_dlpack_both_ways() -> None:
    t = torch.arange(3)
    a = np.from_dlpack(t)
    t[0] = 7
    assert a.tolist() == [7, 1, 2]
    b = np.zeros(2)
    torch.from_dlpack(b).add_(1)
    assert b.tolist() == [1, 1]
    assert torch.from_dlpack(torch.to_dlpack(t)).tolist() == [7, 1, 2]
    assert t.__dlpack_device__() == (1, 0)
    with pytest.raises(BufferError, match="Can't export tensors that require gradient"):
        np.from_dlpack(leaf(1.0))
    with pytest.raises(RuntimeError, match="invalid capsule"):
        torch.from_dlpack(3)


def test_dlpack_versions_devices_and_copies() -> None:
    t = torch.arange(3.0)
    assert '"dltensor_versioned"' in repr(t.__dlpack__(max_version=(1, 0)))
    assert '"dltensor"' in repr(t.__dlpack__(max_version=(0, 8)))
    assert '"dltensor"' in repr(t.__dlpack__())
    copied = np.from_dlpack(t, copy=True)
    t[0] = 5.0
    assert copied[0] == 0 and np.from_dlpack(t)[0] == 5
    b = np.zeros(2)
    torch.from_dlpack(b, copy=True, device="cpu").add_(1)
    assert b.tolist() == [0, 0]
    assert np.from_dlpack(torch.ones(2, 3).t()).strides == (4, 12)
    for dtype in (torch.bool, torch.uint8, torch.complex64):
        made = torch.from_dlpack(np.from_dlpack(torch.ones(2).to(dtype)))
        assert made.dtype is dtype and made.tolist() == [1, 1]
    with pytest.raises(BufferError):
        t.__dlpack__(dl_device=(2, 0))


def test_a_capsule_is_consumed_once() -> None:
    capsule = torch.arange(3).__dlpack__()
    assert torch.from_dlpack(capsule).tolist() == [0, 1, 2]
    with pytest.raises(RuntimeError, match="capsules can be consumed only once"):
        torch.from_dlpack(capsule)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="classes have no buffers before 3.12")
def test_a_tensor_is_a_buffer() -> None:
    t = torch.arange(6.0).reshape(2, 3)
    view = memoryview(t)
    assert (view.format, view.shape, view.readonly) == ("f", (2, 3), False)
    view[1, 2] = 9.0
    assert t[1, 2] == 9 and bytes(t) == t.numpy().tobytes()
    assert torch.frombuffer(t, dtype=torch.float32).tolist() == t.flatten().tolist()
    assert memoryview(t.t()).strides == (4, 12) and memoryview(t.sum()).shape == ()
    with pytest.raises(BufferError, match="not C-contiguous"):
        hashlib.sha256(t.t())
    with pytest.raises(RuntimeError, match=r"Can't call numpy\(\) on Tensor that requires grad"):
        memoryview(leaf(1.0))
    with pytest.raises(RuntimeError, match="requires grad"):
        np.asarray(leaf(1.0))


def test_before_that_its_array_is_one() -> None:
    view = memoryview(torch.arange(6.0).reshape(2, 3).numpy())
    assert (view.format, view.shape) == ("f", (2, 3))


def test_buffers() -> None:
    memory = bytearray(8)
    t = torch.frombuffer(memory, dtype=torch.int32)
    t[1] = 1
    assert memory[4] == 1
    assert torch.asarray(array.array("d", [1.0, 2.0]), dtype=torch.float64).tolist() == [1, 2]
    assert torch.asarray(memoryview(bytearray(b"ab")), dtype=torch.uint8).tolist() == [97, 98]


@pytest.mark.filterwarnings("ignore:The given buffer is not writable")
@pytest.mark.parametrize(
    ("size", "options", "message"),
    [
        (0, {}, "both buffer length"),
        (6, {}, "must be a multiple of element size"),
        (8, {"count": 5}, "must not be greater than actual buffer length"),
        (8, {"offset": 9}, "must be non-negative and no greater than buffer length"),
    ],
)
def test_buffers_that_do_not_fit(size: int, options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        torch.frombuffer(bytearray(size), dtype=torch.float32, **options)


def test_asarray_copies_as_told() -> None:
    x = torch.ones(2)
    assert torch.asarray(x) is x
    assert torch.asarray(x, copy=True) is not x
    with pytest.raises(ValueError, match="can't alias tensor"):
        torch.asarray(x, dtype=torch.float64, copy=False)
    with pytest.raises(ValueError, match="can't alias arbitrary sequence"):
        torch.asarray([1, 2], copy=False)


# ---------------------------------------------------------------- functions


UNARY = "sin cos exp log sqrt tanh square arcsin absolute negative expm1 log1p".split()


@pytest.mark.parametrize("name", UNARY)
def test_ufuncs_are_recorded_and_right(name: str) -> None:
    x = leaf(0.3, 0.7)
    made = getattr(np, name)(x)
    made.sum().backward()
    step = 1e-6
    values = np.array([0.3, 0.7])
    slope = (getattr(np, name)(values + step) - getattr(np, name)(values - step)) / (2 * step)
    np.testing.assert_allclose(made.detach(), getattr(np, name)(values))
    np.testing.assert_allclose(x.grad, slope, rtol=1e-7)


BINARY = "add subtract multiply divide power maximum arctan2 hypot logaddexp fmod remainder"


@pytest.mark.parametrize("name", BINARY.split())
@pytest.mark.parametrize("side", [0, 1])
def test_binary_ufuncs_with_an_array_on_one_side(name: str, side: int) -> None:
    x, a = leaf(1.5, 2.5), np.array([0.5, 2.0])
    pair = (x, a) if side == 0 else (a, x)
    plain = (x.detach().numpy(), a) if side == 0 else (a, x.detach().numpy())
    made = getattr(np, name)(*pair)
    np.testing.assert_allclose(made.detach(), getattr(np, name)(*plain))
    made.sum().backward()
    assert x.grad is not None and bool(torch.isfinite(x.grad).all())


def test_operators_of_arrays_and_numpy_numbers() -> None:
    x = torch.ones(2, requires_grad=True)
    assert (np.ones(2, "float32") * x).dtype is torch.float32
    assert (np.ones(2) * x).dtype is torch.float64
    assert (np.float64(2) * x).dtype is torch.float32
    assert (np.float32(2) - x).grad_fn is not None
    assert (np.ones(2) == x).dtype is torch.bool
    assert (np.ones((2, 2), "float32") @ x).tolist() == [2, 2]


def test_integers_are_computed_as_numpy_does() -> None:
    i = torch.tensor([1, 2])
    assert np.sin(i).dtype is torch.float64
    assert np.maximum(torch.ones(2), i).dtype is torch.float64
    assert np.maximum(torch.ones(2, requires_grad=True), i).dtype is torch.float64


FUNCTIONS = {
    "sum": lambda xp, m: xp.sum(m, axis=0, keepdims=True), "mean": lambda xp, m: xp.mean(m),
    "prod": lambda xp, m: xp.prod(m, axis=1), "max": lambda xp, m: xp.max(m, axis=1),
    "std": lambda xp, m: xp.std(m), "var": lambda xp, m: xp.var(m, axis=0, ddof=1),
    "cumsum": lambda xp, m: xp.cumsum(m), "clip": lambda xp, m: xp.clip(m, 0.5, 2.5),
    "transpose": lambda xp, m: xp.transpose(m), "reshape": lambda xp, m: xp.reshape(m, (4,)),
    "concatenate": lambda xp, m: xp.concatenate([m, m], axis=1),
    "stack": lambda xp, m: xp.stack([m, m]), "dot": lambda xp, m: xp.dot(m, m),
    "where": lambda xp, m: xp.where(np.eye(2) > 0, m, 0.0),
    "einsum": lambda xp, m: xp.einsum("ij,jk->ik", m, m), "inv": lambda xp, m: xp.linalg.inv(m),
    "norm": lambda xp, m: xp.linalg.norm(m), "det": lambda xp, m: xp.linalg.det(m),
    "solve": lambda xp, m: xp.linalg.solve(m, np.ones((2, 1))),
    "outer": lambda xp, m: xp.outer(m[0], m[1]), "trace": lambda xp, m: xp.trace(m),
    "flip": lambda xp, m: xp.flip(m), "sort": lambda xp, m: xp.sort(m),
    "diff": lambda xp, m: xp.diff(m),
    "add.reduce": lambda xp, m: xp.add.reduce(m), "outer ufunc": lambda xp, m: xp.add.outer(m, m),
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_are_recorded_and_right(name: str) -> None:
    m = torch.tensor([[2.0, 1.0], [0.3, 3.0]], dtype=torch.float64, requires_grad=True)
    made = FUNCTIONS[name](np, m)
    assert made.grad_fn is not None
    np.testing.assert_allclose(made.detach(), FUNCTIONS[name](np, m.detach().numpy()))
    torch.autograd.gradcheck(lambda t: FUNCTIONS[name](np, t), (m,))


def test_functions_without_counterpart_refuse() -> None:
    x = leaf(1.0, 2.0)
    for call in (
        lambda: np.interp(x, [0, 1], [0, 1]),
        lambda: np.spacing(x),
        lambda: np.exp(x, out=np.zeros(2)),
        lambda: np.fft.fft(x),
    ):
        with pytest.raises(RuntimeError, match="Can't call numpy"):
            call()


def test_scipys_special_functions_are_recorded() -> None:
    special = pytest.importorskip("scipy.special")
    x = leaf(0.3, 0.6)
    torch.autograd.gradcheck(lambda t: special.expit(t) + special.erf(t), (x,))


def test_transforms_see_numpys_functions() -> None:
    x = torch.tensor([0.5, 1.0])
    torch.testing.assert_close(torch.func.grad(lambda t: np.sum(np.sin(t)))(x), x.cos())
    torch.testing.assert_close(torch.vmap(lambda t: np.exp(t) * 2)(x), 2 * x.exp())


# ---------------------------------------------------------------- Python's protocols


def test_contains_reversed_and_deletion() -> None:
    x = torch.tensor([[1, 2], [3, 4]])
    assert 3 in x and 5 not in x and torch.tensor([3, 4]) in x
    with pytest.raises(RuntimeError, match="only supports Tensor or scalar"):
        x.__contains__("a")
    assert x.__reversed__().tolist() == [[3, 4], [1, 2]]
    with pytest.raises(TypeError, match="does not support deleting items"):
        del x[0]


def test_old_methods() -> None:
    x = torch.ones(2, dtype=torch.float64)
    assert x.new([1, 2]).dtype is torch.float64 and x.new(2, 3).shape == (2, 3)
    assert x.share_memory_() is x and x.tolist() == [1, 1]
    assert x.to_dense() is x and x.to_device("cpu") is x
    assert x.grad_dtype is torch.float64


class Column:
    """A column of a data frame: what pandas and polars offer is `__array__`."""

    def __init__(self, values: list[float]) -> None:
        self.values = values

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.array(self.values, dtype)


def test_columns_of_data_frames() -> None:
    assert torch.tensor(Column([1.0, 2.0])).dtype is torch.float64
    assert torch.asarray(Column([1.0, 2.0]), dtype=torch.float32).tolist() == [1, 2]
