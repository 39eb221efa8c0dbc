"""Names around tensors: devices, settings, compilers that pass through, one process of many."""

from __future__ import annotations

import warnings
from collections import namedtuple
from typing import Any

import pytest

import chainrule as torch


@pytest.fixture(autouse=True)
def notes_pass() -> Any:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="torch.(compile|jit)")
        yield


# ---------------------------------------------------------------- devices


def test_there_is_no_cuda_and_questions_say_so() -> None:
    assert not torch.cuda.is_available() and torch.cuda.device_count() == 0
    assert not torch.backends.mps.is_available() and not torch.xpu.is_available()
    assert torch.accelerator.current_accelerator() is None
    torch.cuda.manual_seed_all(0)
    torch.cuda.empty_cache()


@pytest.mark.parametrize(
    "call",
    [
        lambda: torch.ones(1).cuda(),
        lambda: torch.ones(1).to("cuda"),
        lambda: torch.ones(1, device="cuda:0"),
        lambda: torch.cuda.current_device(),
        lambda: torch.cuda.synchronize(),
        lambda: torch.nn.Linear(1, 1).cuda(),
    ],
)
def test_using_cuda_is_refused_in_pytorchs_words(call: Any) -> None:
    with pytest.raises(AssertionError, match="Torch not compiled with CUDA enabled"):
        call()


def test_flags_are_kept_and_restored() -> None:
    cudnn = torch.backends.cudnn
    with cudnn.flags(enabled=False, benchmark=True):
        assert (cudnn.enabled, cudnn.benchmark) == (False, True)
    assert (cudnn.enabled, cudnn.benchmark) == (True, False)


# ---------------------------------------------------------------- legacy types and settings


def test_legacy_types() -> None:
    made = torch.FloatTensor(2, 3)
    assert type(made) is torch.Tensor and made.shape == (2, 3) and made.dtype is torch.float32
    assert torch.LongTensor([1, 2]).dtype is torch.int64
    assert isinstance(torch.ones(1), torch.FloatTensor)
    assert not isinstance(torch.ones(1), torch.DoubleTensor)
    assert not isinstance(torch.ones(1), torch.cuda.FloatTensor)
    with pytest.raises(TypeError, match=r"type torch.cuda.FloatTensor not available"):
        torch.cuda.FloatTensor(2)
    assert torch.ones(1).type(torch.DoubleTensor).dtype is torch.float64


def test_default_tensor_type() -> None:
    torch.set_default_tensor_type(torch.DoubleTensor)
    try:
        assert torch.tensor(1.0).dtype is torch.float64
    finally:
        torch.set_default_tensor_type("torch.FloatTensor")
    with pytest.raises(TypeError, match="only floating-point types"):
        torch.set_default_tensor_type(torch.LongTensor)


def test_determinism_is_kept() -> None:
    torch.set_deterministic_debug_mode("warn")
    assert torch.is_deterministic_algorithms_warn_only_enabled()
    assert torch.get_deterministic_debug_mode() == 1
    torch.use_deterministic_algorithms(False)
    with pytest.raises(RuntimeError, match="invalid value of debug_mode"):
        torch.set_deterministic_debug_mode("loud")


# ---------------------------------------------------------------- testing


def test_assert_close_says_where_and_by_how_much() -> None:
    with pytest.raises(AssertionError) as caught:
        torch.testing.assert_close(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.1]))
    assert str(caught.value) == (
        "Tensor-likes are not close!\n\nMismatched elements: 1 / 2 (50.0%)\n"
        "Greatest absolute difference: 0.09999990463256836 at index (1,) (up to 1e-05 allowed)\n"
        "Greatest relative difference: 0.04761900380253792 at index (1,) (up to 1.3e-06 allowed)"
    )


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (1, 2, "Scalars are not equal!"),
        ([1], [1, 2], "The length of the sequences mismatch: 1 != 2"),
        ({"a": 1}, {"b": 1}, "The keys of the mappings do not match"),
        (None, 1, "None mismatch: None is not 1"),
        (True, False, "Booleans mismatch: True is not False"),
        (torch.ones(2), torch.ones(3), "The values for attribute 'shape' do not match"),
        (torch.ones(1), torch.ones(1).double(), "The values for attribute 'dtype' do not match"),
        ({"a": [torch.ones(1)]}, {"a": [torch.zeros(1)]}, r"for item \['a'\]\[0\]"),
    ],
)
def test_assert_close_of_other_things(a: Any, b: Any, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int64, torch.float16,
                                   torch.float32, torch.complex64])  # fmt: skip
def test_make_tensor(dtype: Any) -> None:
    x = torch.testing.make_tensor((3, 4), dtype=dtype, device="cpu", noncontiguous=True)
    assert x.dtype is dtype and x.shape == (3, 4) and not x.is_contiguous()


# ---------------------------------------------------------------- autocast


def test_autocast_runs_products_in_bfloat16() -> None:
    pytest.importorskip("ml_dtypes")
    layer = torch.nn.Linear(3, 4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = layer(torch.ones(2, 3))
        z = y @ torch.ones(4, 2)
        assert (y.dtype, z.dtype) == (torch.bfloat16, torch.bfloat16)
        assert (torch.ones(2) + 1).dtype is torch.float32
        assert torch.prod(y).dtype is torch.float32
        with torch.autocast("cpu", enabled=False):
            assert (torch.ones(1, 1) @ torch.ones(1, 1)).dtype is torch.float32
    z.float().sum().backward()
    assert layer.weight.grad.dtype is torch.float32
    assert not torch.is_autocast_enabled("cpu")


def test_autocast_for_cuda_is_off() -> None:
    with pytest.warns(UserWarning, match="CUDA is not available"):
        context = torch.autocast("cuda")
    with context:
        assert (torch.ones(1, 1) @ torch.ones(1, 1)).dtype is torch.float32


def test_leaves_keep_requiring_grad_when_written_under_an_interpreter() -> None:
    x = torch.ones(2, requires_grad=True)
    with torch.autocast("cpu"), torch.no_grad():
        x.mul_(2)
    assert x.requires_grad and x.is_leaf


def test_grad_scaler_skips_bad_steps() -> None:
    w = torch.nn.Parameter(torch.ones(1))
    optimizer = torch.optim.SGD([w], lr=0.5)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0, growth_interval=1)
    scaler.scale((w * w).sum()).backward()
    scaler.unscale_(optimizer)
    assert w.grad.item() == 2
    with pytest.raises(RuntimeError, match="already been called"):
        scaler.unscale_(optimizer)
    scaler.step(optimizer)
    scaler.update()
    assert (w.item(), scaler.get_scale()) == (0.0, 8.0)
    w.grad = torch.tensor([float("inf")])
    scaler.step(optimizer)
    scaler.update()
    assert (w.item(), scaler.get_scale()) == (0.0, 4.0)


# ---------------------------------------------------------------- compilers


def test_compilers_pass_through() -> None:
    def f(x: Any) -> Any:
        return x + 1

    assert torch.compile(f) is f and torch.compile(mode="max-autotune")(f) is f
    assert torch.jit.script(f) is f and torch.jit.trace(f, torch.ones(1)) is f
    assert torch.jit.ignore(f) is f and torch.jit.unused(f) is f
    assert not torch.jit.is_scripting() and not torch.compiler.is_compiling()
    with pytest.raises(RuntimeError, match="Unrecognized mode"):
        torch.compile(f, mode="fast")
    with pytest.raises(NotImplementedError, match="no TorchScript"):
        torch.jit.save(f, "file")
    with pytest.raises(RuntimeError, match="no exporter"):
        torch.onnx.export(f, (), "file")
    with pytest.raises(NotImplementedError, match="fetches nothing"):
        torch.hub.load("repo", "model")


def test_compile_is_callable_after_its_room_is_loaded() -> None:
    import chainrule.compile as room

    assert room(abs) is abs


# ---------------------------------------------------------------- one process of many


def test_collectives_of_one_process() -> None:
    dist = torch.distributed
    with pytest.raises(ValueError, match="Default process group has not been initialized"):
        dist.get_rank()
    dist.init_process_group("gloo", world_size=1, rank=0)
    try:
        x, y = torch.tensor([1.0, 2.0]), torch.zeros(2)
        dist.all_reduce(x)
        dist.all_gather([y], x)
        assert x.tolist() == y.tolist() == [1, 2]
        objects = [None]
        dist.all_gather_object(objects, {"a": 1})
        assert objects == [{"a": 1}]
        assert dist.all_reduce(x, async_op=True).wait()
        with pytest.raises(RuntimeError, match="invalid root rank: 1"):
            dist.broadcast(x, 1)
        with pytest.raises(ValueError, match="no other process"):
            dist.send(x, 1)
        with pytest.raises(ValueError, match="twice"):
            dist.init_process_group("gloo")
    finally:
        dist.destroy_process_group()
    with pytest.raises(RuntimeError, match="one process only"):
        dist.init_process_group("gloo", world_size=2, rank=0)


# ---------------------------------------------------------------- trees


def test_pytree() -> None:
    from chainrule.utils import _pytree as pytree

    Pair = namedtuple("Pair", "a b")
    tree = {"x": [1, (2,)], "y": Pair(3, None)}
    leaves, spec = pytree.tree_flatten(tree)
    assert leaves == [1, 2, 3, None] and spec.unflatten(leaves) == tree
    assert pytree.tree_map(lambda v: v and v + 1, tree) == {"x": [2, (3,)], "y": Pair(4, None)}
    paths = [pytree.keystr(p) for p, _ in pytree.tree_leaves_with_path(tree)]
    assert paths[:2] == ["['x'][0]", "['x'][1][0]"]
    with pytest.raises(ValueError, match="has length 1 but the spec"):
        spec.unflatten([1])
    assert pytree.tree_map_only(int, lambda v: -v, [1, "a"]) == [-1, "a"]
    assert pytree.tree_map(lambda a, b: a + b, [1, 2], [3, 4]) == [4, 6]
