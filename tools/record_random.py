"""Record PyTorch's random numbers: writes tests/data/random_streams.json (needs torch, x86-64).

    python tools/record_random.py

Each stream is a seed and a list of calls `[kind, shape, dtype, *parameters]`, spelled as the
methods of `chainrule.kernels.random.MersenneTwister`; tests/kernels/test_random.py replays them.
A result is the hex of its bytes up to 16 numbers, else the first 32 digits of their SHA-256; each
stream ends with the SHA-256 of the generator's state. Parameters like {"ramp": shape, "dtype":
name} stand for the array both sides make by `ramp`. PyTorch picks the AVX2 normal kernel on any
x86-64 machine of the last ten years; without AVX2 and FMA it would give other last bits.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

OUT = Path(__file__).parent.parent / "tests" / "data" / "random_streams.json"
SIZES = (1, 2, 3, 5, 15, 16, 17, 31, 32, 33, 100, 1000)
FLOATS = ("float32", "float64", "float16", "bfloat16")
INTEGERS = ("uint8", "int8", "int16", "int32", "int64", "bool")
PARAMETERS: dict[str, list[list[Any]]] = {
    "uniform": [[], [-0.1, 0.1], [1000.0, 1001.0]],
    "normal": [[], [0.0, 0.02], [3.0, 0.3]],
    "exponential": [[], [2.5]],
    "cauchy": [[], [1.0, 0.1]],
    "log_normal": [[], [0.0, 0.25]],
    "geometric": [[0.3], [0.013]],
    "bernoulli": [[0.5], [0.1]],
    "random": [[], [5]],
}
Call = list[Any]


def ramp(shape: list[int], dtype: str) -> torch.Tensor:
    """Unordered numbers in [0, 1) that float32 holds, made the same way by the test."""
    n = math.prod(shape)
    values = (torch.arange(n, dtype=torch.float64) * 7919 % 97 / 97).to(torch.float32)
    return values.reshape(shape).to(getattr(torch, dtype))


def decode(parameter: Any) -> Any:
    if not isinstance(parameter, dict):
        return parameter
    return ramp(parameter["ramp"], parameter["dtype"]) * parameter.get("times", 1)


def draw(g: torch.Generator, call: Call) -> torch.Tensor:
    kind, shape, name, *rest = call
    dtype, args = getattr(torch, name), [decode(a) for a in rest]
    if kind in ("uniform", "normal", "exponential", "cauchy", "log_normal", "geometric"):
        x = torch.empty(shape, dtype=dtype)
        return getattr(x, kind + "_")(*args, generator=g)  # type: ignore[no-any-return]
    if kind == "bernoulli":
        return torch.empty(shape, dtype=dtype).bernoulli_(*args, generator=g)
    if kind == "randint":
        return torch.randint(*args, shape, dtype=dtype, generator=g)
    if kind == "random":
        return torch.empty(shape, dtype=dtype).random_(*args, *[None] * len(args), generator=g)
    if kind == "randperm":
        return torch.randperm(*shape, dtype=dtype, generator=g)
    if kind == "fill":
        return fill(g, shape, dtype, *args)
    if kind == "dropout":
        torch.set_rng_state(g.get_state())
        x = torch.nn.functional.dropout(torch.ones(shape, dtype=dtype), *args)
        g.set_state(torch.get_rng_state())
        return x
    if kind == "multinomial":
        return torch.multinomial(*args, generator=g)
    if kind == "poisson":
        return torch.poisson(*args, generator=g)
    if kind == "normal_tensors":
        return torch.normal(*args, generator=g)
    raise KeyError(kind)


def fill(
    g: torch.Generator,
    shape: list[int],
    dtype: torch.dtype,
    strides: list[int],
    kind: str,
    *args: Any,
) -> torch.Tensor:
    """The whole buffer after an in-place draw into a strided view of 480 zeros."""
    buffer = torch.zeros(480, dtype=dtype)
    getattr(buffer.as_strided(shape, strides), kind + "_")(*args, generator=g)
    return buffer


def digest(x: torch.Tensor) -> str:
    flat = x.clone(memory_format=torch.contiguous_format).reshape(-1)
    data = flat.view(torch.uint8).numpy().tobytes()
    return data.hex() if x.numel() <= 16 else hashlib.sha256(data).hexdigest()[:32]


def state_digest(g: torch.Generator) -> str:
    return hashlib.sha256(g.get_state().numpy().tobytes()).hexdigest()[:32]


def sized_streams() -> Iterator[tuple[int, list[Call]]]:
    """Every kind, dtype and parameter list over all sizes, in one stream each."""
    for seed, (kind, lists) in enumerate(PARAMETERS.items()):
        whole = kind in ("geometric", "bernoulli", "random")
        for dtype in FLOATS + (INTEGERS[:5] if kind == "geometric" else INTEGERS if whole else ()):
            for args in lists if dtype != "bool" else lists[:1]:
                yield seed, [[kind, [n], dtype, *args] for n in SIZES]
    for dtype in (*FLOATS, *INTEGERS[:5]):
        yield 20, [["randperm", [n], dtype] for n in (0, *SIZES) if n <= 100 or dtype == "int64"]
    for dtype in ("complex64", "complex128"):
        yield 21, [["normal", [n], dtype] for n in SIZES]
        yield 22, [["uniform", [n], dtype] for n in SIZES]
        yield 23, [["normal", [n], dtype, 2.0, 3.0] for n in SIZES]


def integer_streams() -> Iterator[tuple[int, list[Call]]]:
    ranges = {
        "uint8": [[0, 2], [3, 250]], "int8": [[-128, 128]], "int16": [[-5, 300]], "bool": [[0, 2]],
        "int32": [[0, 2**28 - 1], [0, 2**28], [-(2**31), 2**31 - 1]],
        "int64": [[0, 10], [-(2**62), 2**62], [-(2**63), 2**63 - 1], [2**53 + 1, 2**53 + 9]],
        "float32": [[0, 10], [-(2**24), 2**24]], "float64": [[-7, 2**40]], "float16": [[0, 2048]],
        "bfloat16": [[-200, 200]],
    }  # fmt: skip
    for dtype, bounds in ranges.items():
        for low, high in bounds:
            yield 31, [["randint", [n], dtype, low, high] for n in SIZES]
    yield 32, [["random", [n], "int64", -(2**63)] for n in SIZES]


def array_streams() -> Iterator[tuple[int, list[Call]]]:
    """Draws that take arrays."""
    for dtype in FLOATS:
        for n in (1, 16, 100):
            p = {"ramp": [n], "dtype": dtype}
            yield 41, [["bernoulli", [n], d, p] for d in ("float32", "int64", "bool")]
        for shape in ([5], [3, 7], [10, 200]):
            weights = {"ramp": shape, "dtype": dtype}
            counts = (1, 2, 4) if dtype in ("float32", "float64") else (1,)
            calls = [["multinomial", [], dtype, weights, n, False] for n in counts]
            yield 42, calls + [["multinomial", [], dtype, weights, n, True] for n in (1, 2, 50)]
        rates = [{"ramp": [8, 9], "dtype": dtype, "times": t} for t in (1, 9, 30, 500)]
        yield 43, [["poisson", [], dtype, rate] for rate in rates]
        mean, std = {"ramp": [4, 1], "dtype": dtype}, {"ramp": [1, 9], "dtype": "float32"}
        pairs = [[mean, std], [mean, 1.7], [0.3, {"ramp": [20], "dtype": dtype}]]
        pairs.append([{"ramp": [33], "dtype": dtype}, {"ramp": [], "dtype": "float64"}])
        yield 44, [["normal_tensors", [], dtype, *pair] for pair in pairs]
        yield 45, [["dropout", [n], dtype, p] for n in (1, 16, 1000) for p in (0.1, 0.5, 0.9, 1.0)]


def strided_streams() -> Iterator[tuple[int, list[Call]]]:
    """In-place draws into transposed, sliced and channels-last views."""
    views = [[[10, 8, 6], [1, 10, 80]], [[8, 6, 10], [10, 80, 1]], [[3, 8, 4], [160, 10, 3]],
             [[6, 8], [80, 10]], [[10, 8], [1, 10]], [[2], [5]], [[8], [10]],
             [[2, 3, 4, 5], [60, 1, 15, 3]]]  # fmt: skip
    kinds: list[list[Any]] = [["uniform"], ["normal"], ["normal", 1.0, 2.0], ["exponential"]]
    for dtype in ("float32", "float64"):
        for shape, strides in views:
            yield 51, [["fill", shape, dtype, strides, *kind] for kind in kinds]


def mixed_streams() -> Iterator[tuple[int, list[Call]]]:
    """Cached normals kept across other draws and dtypes, and large draws."""
    for seed in (0, 1, -1, 2**32, 2**32 + 1, -(2**63), 2**64 - 1, 67280421310721):
        yield seed, [
            ["normal", [3], "float32"], ["uniform", [5], "float32"], ["normal", [1], "float64"],
            ["normal", [3], "float16"], ["normal", [40], "float32"], ["log_normal", [2], "float32"],
            ["randperm", [9], "int64"], ["normal", [2, 2], "float64", 1.0, 2.0],
            ["bernoulli", [7], "float32", 0.3], ["normal", [1], "complex64"],
            ["exponential", [3], "float32"], ["normal", [5], "float32"],
            ["fill", [6, 4], "float32", [1, 6], "normal"], ["normal", [1], "float32"],
        ]  # fmt: skip
    for dtype in FLOATS:
        names = ("uniform", "normal", "exponential", "cauchy", "log_normal")
        calls: list[Call] = [[name, [100003], dtype] for name in names]
        yield (
            61,
            [*calls, ["normal", [100003], dtype, 0.1, 0.7], ["bernoulli", [100003], dtype, 0.3]],
        )
    yield 62, [["randperm", [n], "int64"] for n in (799, 800, 801, 802, 100003)]


def errors() -> list[dict[str, Any]]:
    """Calls that PyTorch refuses: class and first sentence."""
    calls: list[Call] = [
        ["uniform", [3], "float32", 2.0, 1.0], ["uniform", [3], "float32", -1e300, 1.0],
        ["uniform", [3], "float16", 0.0, 1e6], ["uniform", [3], "float32", -3e38, 3e38],
        ["uniform", [3], "int64"], ["normal", [3], "float32", 0.0, -1.0], ["normal", [3], "int64"],
        ["exponential", [3], "float32", 0.0], ["exponential", [3], "int64"],
        ["geometric", [3], "float32", 0.0], ["geometric", [3], "float32", 1.0],
        ["geometric", [3], "bool", 0.5], ["cauchy", [3], "float32", 0.0, 0.0],
        ["cauchy", [3], "int64"], ["log_normal", [3], "float32", 0.0, 0.0],
        ["log_normal", [3], "int32"], ["bernoulli", [3], "float32", 1.5],
        ["bernoulli", [3], "uint16", 0.5],
        ["bernoulli", [5], "float32", {"ramp": [5], "dtype": "float32", "times": 3}],
        ["bernoulli", [5], "float32", {"ramp": [5], "dtype": "int64"}],
        ["randint", [2], "int64", 5, 5], ["randint", [2], "uint8", 0, 257],
        ["randint", [2], "int8", -129, 3], ["randint", [2], "int32", 0, 2**40],
        ["randint", [2], "bool", 0, 3], ["randint", [2], "float16", 0, 10**6],
        ["randint", [2], "uint64", -1, 3], ["randint", [2], "complex64", 0, 3],
        ["random", [2], "uint16"], ["random", [2], "uint64", 5], ["random", [2], "int32", -(2**63)],
        ["random", [2], "float16", -(2**63)], ["random", [2], "float32", 2**30],
        ["randperm", [-1], "int64"], ["randperm", [300], "uint8"], ["randperm", [2050], "float16"],
        ["randperm", [3], "bool"], ["randperm", [3], "complex64"],
        ["dropout", [3], "float32", 1.5],
    ]  # fmt: skip
    weights = {"ramp": [5], "dtype": "float32"}
    for array, n, replacement in (
        (weights, 0, False), (weights, 6, False), ({**weights, "times": -1}, 2, False),
        ({**weights, "times": -1}, 2, True), ({**weights, "times": 0}, 2, False),
        ({**weights, "times": 0}, 2, True), ({**weights, "times": math.inf}, 2, False),
        ({**weights, "ramp": [1, 1, 5]}, 1, False), ({**weights, "dtype": "int64"}, 1, False),
        ({**weights, "ramp": [0]}, 1, True), ({**weights, "ramp": [0]}, 2, True),
    ):  # fmt: skip
        calls.append(["multinomial", [], "float32", array, n, replacement])
    negative, whole = {**weights, "times": -1}, {**weights, "dtype": "int64"}
    calls += [["poisson", [], "float32", a] for a in (negative, whole)]
    calls += [["normal_tensors", [], "float32", weights, s] for s in (negative, -1.0)]
    return [refused(call) for call in calls]


def refused(call: Call) -> dict[str, Any]:
    try:
        draw(torch.Generator().manual_seed(0), call)
    except Exception as error:
        return {
            "call": call,
            "error": type(error).__name__,
            "message": str(error).split("\n")[0],
        }
    raise AssertionError(f"PyTorch accepts {call}")


def record(seed: int, calls: list[Call]) -> dict[str, Any]:
    g = torch.Generator().manual_seed(seed)
    results = [digest(draw(g, call)) for call in calls]
    return {"seed": seed, "calls": calls, "results": results, "state": state_digest(g)}


def saved_state() -> dict[str, Any]:
    """A whole state with a cached normal in the middle of a block, and what follows it."""
    g = torch.Generator().manual_seed(123)
    torch.rand(1000, generator=g)
    torch.randn(3, generator=g)
    data = g.get_state().numpy().tobytes()
    calls: list[Call] = [["normal", [3], "float32"], ["uniform", [700], "float32"]]
    results = [digest(draw(g, call)) for call in calls]
    packed = base64.b64encode(zlib.compress(data, 9)).decode()
    return {"state": packed, "calls": calls, "results": results}


def main() -> None:
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    makers = (sized_streams, integer_streams, array_streams, strided_streams, mixed_streams)
    streams = [record(seed, calls) for maker in makers for seed, calls in maker()]
    content = {
        "torch": torch.__version__,
        "cpu": torch.backends.cpu.get_cpu_capability(),
        "saved_state": saved_state(),
        "errors": errors(),
    }
    lines = [f'"{key}": {json.dumps(value)}' for key, value in content.items()]
    lines.append('"streams": [\n' + ",\n".join(json.dumps(s) for s in streams) + "\n]")
    OUT.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(len(streams), "streams,", sum(len(s["calls"]) for s in streams), "draws ->", OUT)


if __name__ == "__main__":
    main()
