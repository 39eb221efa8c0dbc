"""The random engine against PyTorch's recorded numbers, bit for bit (tools/record_random.py)."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import subprocess
import sys
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chainrule.kernels import random
from chainrule.kernels.random import MersenneTwister, floats, permutation

RECORDED = json.loads((Path(__file__).parent.parent / "data" / "random_streams.json").read_text())
ARRAYS_FIRST = ("multinomial", "poisson", "normal_tensors")
Call = list[Any]


def dtype_of(name: str) -> np.dtype[Any]:
    if name == "bfloat16":
        return np.dtype(pytest.importorskip("ml_dtypes").bfloat16)
    return np.dtype(name)


def ramp(shape: list[int], dtype: np.dtype[Any], times: float = 1) -> np.ndarray[Any, Any]:
    unit = (np.arange(math.prod(shape)) * 7919 % 97 / 97).astype(np.float32).reshape(shape)
    values = unit.astype(dtype)
    if times == 1:
        return values
    with np.errstate(invalid="ignore"):
        wide = values.astype(np.float32) if dtype.itemsize == 2 else values
        return np.asarray((wide * wide.dtype.type(times)).astype(dtype))


def decode(parameter: Any) -> Any:
    if not isinstance(parameter, dict):
        return parameter
    return ramp(parameter["ramp"], dtype_of(parameter["dtype"]), parameter.get("times", 1))


def draw(engine: MersenneTwister, call: Call) -> np.ndarray[Any, Any]:
    kind, shape, name, *rest = call
    dtype, args = dtype_of(name), [decode(a) for a in rest]
    if kind in ARRAYS_FIRST:
        return np.asarray(getattr(engine, kind)(*args))
    if kind == "randperm":
        return engine.randperm(*shape, dtype)
    if kind == "fill":
        return fill(engine, shape, dtype, *args)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return np.asarray(getattr(engine, kind)(tuple(shape), dtype, *args))


def fill(
    engine: MersenneTwister, shape: list[int], dtype: np.dtype[Any], strides: list[int], *args: Any
) -> np.ndarray[Any, Any]:
    buffer = np.zeros(480, dtype)
    steps = [s * dtype.itemsize for s in strides]
    engine.fill(np.lib.stride_tricks.as_strided(buffer, shape, steps), *args)
    return buffer


def digest(x: np.ndarray[Any, Any]) -> str:
    data = x.tobytes()
    return data.hex() if x.size <= 16 else hashlib.sha256(data).hexdigest()[:32]


def state_digest(engine: MersenneTwister) -> str:
    return hashlib.sha256(engine.get_state().tobytes()).hexdigest()[:32]


def stream_name(stream: dict[str, Any]) -> str:
    kind, _, dtype, *args = stream["calls"][0]
    return f"{stream['seed']}-{kind}-{dtype}-{len(str(args))}"


@pytest.mark.parametrize("stream", RECORDED["streams"], ids=stream_name)
def test_stream_equals_pytorch_bit_for_bit(stream: dict[str, Any]) -> None:
    engine = MersenneTwister(stream["seed"])
    for call, expected in zip(stream["calls"], stream["results"], strict=True):
        x = draw(engine, call)
        assert x.flags.c_contiguous
        assert digest(x) == expected, (call, x)
    assert state_digest(engine) == stream["state"]


@pytest.mark.parametrize("case", RECORDED["errors"], ids=lambda c: str(c["call"])[:60])
def test_error_has_pytorchs_class_and_first_sentence(case: dict[str, Any]) -> None:
    with pytest.raises(Exception) as caught:
        draw(MersenneTwister(0), case["call"])
    assert type(caught.value).__name__ == case["error"]
    assert str(caught.value).split("\n")[0] == case["message"]


def test_state_saved_by_pytorch_continues_here() -> None:
    saved = RECORDED["saved_state"]
    state = np.frombuffer(zlib.decompress(base64.b64decode(saved["state"])), np.uint8)
    engine = MersenneTwister(9)
    engine.set_state(state)
    assert engine.initial_seed() == 123
    assert engine.get_state().tobytes() == state.tobytes()
    assert [digest(draw(engine, call)) for call in saved["calls"]] == saved["results"]


@pytest.mark.parametrize("drawn", [0, 1, 623, 624, 625, 1247, 1248])
def test_state_round_trip_and_clone(drawn: int) -> None:
    engine = MersenneTwister(5)
    engine.uniform((drawn,))
    engine.normal((3,))
    twin = engine.clone()
    assert twin.get_state().tobytes() == engine.get_state().tobytes()
    assert np.array_equal(twin.normal((700,)), engine.normal((700,)))
    assert np.array_equal(twin.normal((1,)), engine.normal((1,)))


def test_fresh_state_is_pytorchs() -> None:
    """Nothing drawn: left 1 and next 0, the key of the seed (words 1 and 624 of init_genrand)."""
    state = MersenneTwister(5489).get_state()
    assert state.shape == (5056,)
    assert state[:24].view(np.int32).tolist() == [5489, 0, 1, 1, 0, 0]
    assert state[24 : 24 + 624 * 8].view(np.uint64)[[0, 1]].tolist() == [5489, 1301868182]


@pytest.mark.parametrize(
    ("seed", "stored"),
    [(0, 0), (-1, 2**64 - 1), (2**64 - 1, 2**64 - 1), (-(2**63), 2**63), (np.int64(7), 7)],
)
def test_seed_range(seed: int, stored: int) -> None:
    engine = MersenneTwister()
    assert engine.initial_seed() == 67280421310721
    engine.manual_seed(seed)
    assert engine.initial_seed() == stored


@pytest.mark.parametrize(
    ("seed", "error", "message"),
    [
        (2**64, ValueError, "Overflow when unpacking long long"),
        (-(2**63) - 1, ValueError, "Overflow when unpacking long long"),
        (True, RuntimeError, "manual_seed expected a long, but got bool"),
        (3.0, RuntimeError, "manual_seed expected a long, but got float"),
        ("a", RuntimeError, "manual_seed expected a long, but got str"),
    ],
)
def test_bad_seed(seed: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        MersenneTwister(seed)


def test_reseeding_is_not_deterministic() -> None:
    engine = MersenneTwister()
    first = engine.seed()
    assert 0 <= first < 2**64 and engine.initial_seed() == first
    assert engine.seed() != first


def test_manual_seed_forgets_the_cached_normal() -> None:
    engine = MersenneTwister(1)
    first = engine.normal((1,))
    engine.manual_seed(1)
    assert np.array_equal(engine.normal((1,)), first)


@pytest.mark.parametrize(
    ("state", "error", "message"),
    [
        (np.zeros(5056, np.uint8), RuntimeError, "Invalid mt19937 state"),
        (np.zeros(5055, np.uint8), RuntimeError, "Expected a CPUGeneratorImplState of size 5056"),
        (np.zeros(10112, np.uint8)[::2], RuntimeError, "RNG state must be contiguous"),
        (np.zeros(5056, np.float32), TypeError, "RNG state must be a torch.ByteTensor"),
        (b"x" * 5056, TypeError, "RNG state must be a torch.ByteTensor"),
    ],
)
def test_bad_state(state: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        MersenneTwister(0).set_state(state)


def test_empty_draws_draw_nothing() -> None:
    engine = MersenneTwister(3)
    before = engine.get_state().tobytes()
    for kind in ("uniform", "normal", "exponential", "cauchy", "log_normal", "bernoulli", "random"):
        assert getattr(engine, kind)((2, 0), np.float32).shape == (2, 0)
    assert engine.randint((0,), np.int64, 0, 5).shape == (0,)
    assert engine.randperm(1).tolist() == [0]
    assert engine.dropout((3,), np.float32, 1.0).tolist() == [0, 0, 0]
    assert engine.get_state().tobytes() == before


def test_scalar_shape() -> None:
    engine = MersenneTwister(0)
    assert engine.rand(()).shape == () and engine.normal((), np.complex64).shape == ()


def test_wide_range_of_a_float_dtype_warns() -> None:
    with pytest.warns(UserWarning, match=r"to - 1 is out of bounds \[-\(2\^24\), 2\^24\]"):
        MersenneTwister(0).randint((2,), np.float32, 0, 2**40)


def test_ties_of_multinomial_come_in_index_order() -> None:
    weights = np.array([0.0, 2.0, 0.0, 1.0, 0.0])
    picked = MersenneTwister(0).multinomial(weights, 5)
    assert sorted(picked[:2].tolist()) == [1, 3] and picked[2:].tolist() == [0, 2, 4]


def test_without_replacement_permutes() -> None:
    picked = MersenneTwister(2).multinomial(np.ones((4, 9), np.float32), 9)
    assert (np.sort(picked) == np.arange(9)).all()


def test_poisson_of_extreme_rates() -> None:
    engine = MersenneTwister(0)
    assert engine.poisson(np.zeros(3)).tolist() == [0, 0, 0]
    assert engine.poisson(np.array([np.inf])).tolist() == [-(2.0**63)]  # as PyTorch answers
    with pytest.raises(RuntimeError, match="invalid Poisson rate"):
        engine.poisson(np.array([np.nan]))


@pytest.mark.parametrize("n", [2, 3, 10, 801, 5000])
def test_swaps_resolved_at_once_equal_the_loop(n: int) -> None:
    rng = np.random.default_rng(n)
    targets = np.array([rng.integers(i, n) for i in range(n)])
    items = list(range(n))
    for i, j in enumerate(targets.tolist()):
        items[i], items[j] = items[j], items[i]
    assert permutation.resolve_swaps(targets).tolist() == items


def test_fma64_rounds_once() -> None:
    """Against exact rational arithmetic, with sums that cancel and that tie."""
    from fractions import Fraction

    rng = np.random.default_rng(0)
    a = rng.standard_normal(2000) * 2.0 ** rng.integers(-40, 40, 2000)
    for b, c in ((0.1, 0.7), (3.0, -1e-17), (1e295, 1e290), (1 / 3, 2.0**-60), (-1.5, 1e20)):
        expected = [float(Fraction(x) * Fraction(b) + Fraction(c)) for x in a.tolist()]
        assert floats.fma64(a, b, c).tolist() == expected
    a = 1.0 + rng.integers(0, 2**52, 2000) * 2.0**-52
    b = 1.0 + 2.0**-52
    expected = [float(Fraction(x) * Fraction(b) - 1) for x in a.tolist()]
    assert floats.fma64(a, b, -1.0).tolist() == expected


def test_fma32_rounds_once_at_midpoints() -> None:
    """1 + 2**-24 + 2**-60 is above a midpoint; float64 alone would round to the midpoint first."""
    a = np.array([2.0**-30, 2.0**-30], np.float32)
    floats.fma32(a, 2.0**-30, 1.0)
    assert a.tolist() == [1.0, 1.0]
    x = np.float32(1 + 2.0**-12)
    a = np.array([x], np.float32)  # x*x = 1 + 2**-11 + 2**-24: a midpoint, plus a little
    floats.fma32(a, float(x), 2.0**-70)
    assert a[0] == np.float32(1 + 2.0**-11 + 2.0**-23)


def test_memory_order_sorts_axes_by_stride() -> None:
    x = np.zeros((2, 3, 4)).transpose(2, 0, 1)
    assert random.memory_order(x).strides == (96, 32, 8)


def test_import_does_not_load_numpy_random() -> None:
    code = "import sys, chainrule.kernels.random; sys.exit('numpy.random' in sys.modules)"
    before = "import sys, numpy; sys.exit('numpy.random' in sys.modules)"
    if subprocess.run([sys.executable, "-c", before], check=False).returncode:
        pytest.skip("this NumPy loads numpy.random itself")
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("n", [1, 2, 65, 801, 5000])
def test_lapack_swaps_as_the_forest_does(n: int) -> None:
    targets = np.arange(n) + np.random.default_rng(n).integers(0, n - np.arange(n))
    swapped = permutation.swapper()(targets)
    assert swapped.dtype == np.int64
    assert swapped.tolist() == permutation.resolve_swaps(targets).tolist()
