"""Record how PyTorch prints tensors, and compare with it at random.

Run with an interpreter that has torch, NumPy and ml_dtypes:

    python tools/record_printing.py                  writes tests/data/printing.json
    python tools/record_printing.py --fuzz 20000     compares, prints the number of mismatches
    python tools/record_printing.py --fuzz 20000 --seed 7

A case is a small dictionary: the recipe of an array, print options, and what else PyTorch prints.
The recipe names a dtype, a shape and a seed; `build` makes the numbers from it with integer and
correctly rounded arithmetic only, so that every machine gets the same array and no data are stored.
`tests/core/test_printing.py` loads this file for `build` and `ours`; torch is imported when needed.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "tests" / "data" / "printing.json"
NAN, INF = float("nan"), float("inf")

INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
FLOATS = ["float16", "bfloat16", "float32", "float64"]
FLOAT8 = ["float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz"]
COMPLEX = ["complex64", "complex128"]
GRADS = {"leaf": ["requires_grad=True"], "node": ["grad_fn=<CloneBackward0>"]}

Case = dict[str, Any]


def load_printing() -> ModuleType:
    """`chainrule.core.printing` by path: the module needs nothing else of the package."""
    path = ROOT / "src" / "chainrule" / "core" / "printing.py"
    spec = importlib.util.spec_from_file_location("_chainrule_printing", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


# ---- arrays from recipes -------------------------------------------------------------------------


def dtype_of(name: str) -> np.dtype[Any]:
    """A NumPy dtype; bfloat16 and float8 need ml_dtypes."""
    if "bfloat" in name or "float8" in name:
        import ml_dtypes

        name = getattr(ml_dtypes, name)
    return np.dtype(name)


def stream(seed: int) -> Iterator[float]:
    """Uniform numbers in [0, 1), the same everywhere (a 64-bit linear congruential generator)."""
    state = (seed * 2862933555777941757 + 3037000493) % 2**64
    while True:
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        yield (state >> 11) / 2**53


def number(recipe: Case, draw: Iterator[float]) -> float:
    """One number: `spread` gives powers of ten, `whole` rounds, `special` mixes in nan and such."""
    if next(draw) < recipe.get("special", 0):
        return [NAN, INF, -INF, 0.0, -0.0][int(next(draw) * 5)]
    value = next(draw) * 2 - 1
    if "spread" in recipe:
        low, high = recipe["spread"]
        value *= float(f"1e{low + int(next(draw) * (high - low + 1))}")
    value *= recipe.get("scale", 1)
    value = abs(value) if recipe.get("positive") else value
    return float(round(value)) if recipe.get("whole") and abs(value) < 1e300 else value


def numbers(recipe: Case, count: int) -> list[float]:
    """`count` numbers of a recipe, or those it lists."""
    if "values" in recipe:
        return list(recipe["values"])
    draw = stream(recipe["seed"])
    return [number(recipe, draw) for _ in range(count)]


def build(recipe: Case) -> np.ndarray:
    """The array of a recipe."""
    dtype, shape = dtype_of(recipe["dtype"]), tuple(recipe["shape"])
    count = int(np.prod(shape, dtype=np.int64))
    pairs = 2 if dtype.kind == "c" else 1
    raw: list[Any] = numbers(recipe, count * pairs)
    if dtype.kind in "iu":
        low, high = int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)
        raw = [min(max(int(v), low), high) if abs(v) < INF else 0 for v in raw]
        return np.array(raw, dtype).reshape(shape)
    if dtype.kind == "b":
        return np.array([v > 0 for v in raw], dtype).reshape(shape)
    with np.errstate(all="ignore"):
        real = np.array(raw, np.float64)
        whole = real.view(np.complex128) if pairs == 2 else real
        return whole.astype(dtype).reshape(shape)


# ---- one case, two printers ----------------------------------------------------------------------


def ours(case: Case, printing: ModuleType) -> str:
    """The text chainrule gives for a case."""
    printing.set_printoptions(profile="default")
    printing.set_printoptions(**case.get("options", {}))
    try:
        text: str = printing.tensor_repr(
            build(case["array"]),
            prefix=case.get("prefix", "tensor("),
            suffixes=GRADS.get(case.get("grad", ""), []),
            default_dtype=case.get("default_dtype", "float32"),
        )
        return text
    except Exception as error:
        return error_text(error)
    finally:
        printing.set_printoptions(profile="default")


def error_text(error: Exception) -> str:
    """Class and first line of an error."""
    return f"{type(error).__name__}: {str(error).splitlines()[0]}"


def to_torch(array: np.ndarray) -> Any:
    """A torch tensor with the bits of the array."""
    import torch

    if array.dtype.isbuiltin == 1:
        return torch.from_numpy(np.array(array))
    bits = torch.from_numpy(np.array(array).view(f"int{8 * array.dtype.itemsize}"))
    return bits.view(getattr(torch, array.dtype.name))


def tensor_of(case: Case) -> Any:
    """The torch tensor of a case: subclass, leaf or result."""
    import torch

    tensor = to_torch(build(case["array"]))
    if "prefix" in case:
        tensor = tensor.as_subclass(type(case["prefix"].rstrip("("), (torch.Tensor,), {}))
    if "grad" in case:
        tensor.requires_grad_()
    return tensor.clone() if case.get("grad") == "node" else tensor


def theirs(case: Case) -> str:
    """The text PyTorch gives for a case."""
    import torch

    tensor = tensor_of(case)
    torch.set_default_dtype(getattr(torch, case.get("default_dtype", "float32")))
    torch.set_printoptions(profile="default")
    torch.set_printoptions(**case.get("options", {}))
    try:
        return repr(tensor)
    except Exception as error:
        return error_text(error)
    finally:
        torch.set_printoptions(profile="default")
        torch.set_default_dtype(torch.float32)


# ---- random cases --------------------------------------------------------------------------------


def random_shape(rng: random.Random) -> list[int]:
    """Mostly small, sometimes long, sometimes empty."""
    rank = rng.choice([0, 1, 1, 1, 2, 2, 2, 3, 3, 4, 5])
    if rank == 1 and rng.random() < 0.1:
        return [rng.randrange(990, 1300)]
    if rank == 2 and rng.random() < 0.1:
        return rng.choice([[2, 600], [600, 2], [40, 40], [7, 150], [6, 200]])
    top = [0, 60, 12, 7, 4, 3][rank]
    return [rng.randrange(0 if rng.random() < 0.05 else 1, top + 1) for _ in range(rank)]


def random_recipe(rng: random.Random) -> Case:
    """An array of any dtype and magnitude."""
    kinds = [INTEGERS, FLOATS, FLOATS, FLOATS, COMPLEX, FLOAT8, ["bool"]]
    recipe: Case = {"dtype": rng.choice(rng.choice(kinds)), "shape": random_shape(rng)}
    recipe |= {"seed": rng.randrange(10**6), "scale": float(f"1e{rng.randrange(-6, 12)}")}
    if rng.random() < 0.4:
        recipe["scale"] = rng.choice([1, 1, 3, 10, 100, 1000, 2e5])
    if rng.random() < 0.3:
        low = rng.choice([-320, -45, -40, -8, -5, -4, -3, -1, 0, 0, 0])
        recipe["spread"] = [low, low + rng.choice([0, 1, 2, 3, 4, 8, 12, 400])]
    if rng.random() < 0.3:
        recipe["special"] = rng.choice([0.02, 0.2, 0.6, 1])
    for flag, chance in (("whole", 0.35), ("positive", 0.4)):
        if rng.random() < chance:
            recipe[flag] = True
    return recipe


def random_options(rng: random.Random) -> Case:
    """Nothing, one option or several."""
    choices: Case = {
        "precision": rng.randrange(0, 12),
        "threshold": rng.choice([0, 1, 5, 20, 60, INF, -1]),
        "edgeitems": rng.choice([0, 1, 2, 3, 4, 5, 6, -1]),
        "linewidth": rng.choice([1, 10, rng.randrange(1, 60), rng.randrange(20, 140), 1000]),
        "profile": rng.choice(["default", "short", "full"]),
        "sci_mode": rng.choice([True, False]),
    }
    if rng.random() < 0.4:
        return {}
    chance = rng.choice([0.2, 0.5])
    return {name: value for name, value in choices.items() if rng.random() < chance}


def random_case(rng: random.Random) -> Case:
    """A random array printed in a random way."""
    case: Case = {"array": random_recipe(rng), "options": random_options(rng)}
    kind = dtype_of(case["array"]["dtype"])
    if (kind.name in FLOATS or kind.kind == "c") and rng.random() < 0.4:
        case["grad"] = rng.choice(["leaf", "node"])
    if rng.random() < 0.2:
        case["default_dtype"] = rng.choice(["float64", "float64", "float16", "bfloat16"])
    if case.get("grad") != "node" and rng.random() < 0.1:
        case["prefix"] = rng.choice(["Named(", "ATensorOfAnotherSort("])
    return case


def fuzz(count: int, seed: int) -> int:
    """Compare `count` random cases; print the first mismatches; return their number."""
    printing, rng, wrong = load_printing(), random.Random(seed), 0
    for _ in range(count):
        case = random_case(rng)
        mine, torchs = ours(case, printing), theirs(case)
        if mine != torchs:
            wrong += 1
            if wrong <= 5:
                print(f"{case}\n-- chainrule\n{mine}\n-- PyTorch\n{torchs}\n")
    print(f"{count} random tensors (seed {seed}): {wrong} mismatches")
    return wrong


# ---- recorded cases ------------------------------------------------------------------------------


def listed(dtype: str, *values: float) -> Case:
    """A 1-d array of given numbers."""
    shape = [len(values) // 2 if dtype.startswith("complex") else len(values)]
    return {"array": {"dtype": dtype, "shape": shape, "values": list(values)}}


def value_cases() -> Iterator[Case]:
    """Numbers at the edges of the rules, in every float dtype and as parts of complex numbers."""
    rows: list[list[float]] = [
        [1, 2], [1, NAN], [NAN, NAN], [INF, -INF], [1, -INF], [10, -INF], [0, 0], [-0.0, 1],
        [-0.0, NAN, 1.25], [1.5, NAN, -INF], [1, 1000], [1, 1001], [1.5, 1500], [1.5, 1501],
        [1e8, 1e8], [1e8 + 8, 1e8], [1e-4, 1e-4], [1.1e-4, 9e-5], [0.99996, 1], [-1.5, 100],
        [12345, -0.5], [1e300, 1], [5e-324, 1e308], [65504, 65000], [0, 1e-9], [123.456, 0],
    ]  # fmt: skip
    for row, dtype in itertools.product(rows, [*FLOATS, "complex128"]):
        yield listed(dtype, *(row + row[::-1] if dtype == "complex128" else row))
    for row, dtype in itertools.product(rows[::3], FLOAT8):
        yield listed(dtype, *row)


def shape_cases() -> Iterator[Case]:
    """Every dtype in several shapes: 0-d, empty, nested, wrapped, shortened."""
    shapes = [
        [], [0], [1], [0, 3], [2, 0, 1], [13], [24], [2, 3], [3, 1, 2], [2, 2, 2, 2], [1001],
        [2, 501],
    ]  # fmt: skip
    dtypes = ["bool", "uint8", "int32", "int64", *FLOATS, *COMPLEX]
    for seed, (dtype, shape) in enumerate(itertools.product(dtypes, shapes)):
        recipe = {"dtype": dtype, "shape": shape, "seed": seed, "scale": 120, "special": 0.1}
        yield {"array": recipe}


def option_cases() -> Iterator[Case]:
    """Each option, alone and beside others."""
    options: list[Case] = [
        *({"precision": n} for n in (0, 1, 2, 8, 20)),
        *({"linewidth": n} for n in (1, 0, -5, 10, 30, 36, 37, 38, 39, 120)),
        *({"threshold": t, "edgeitems": e} for t in (-1, 0, 5) for e in (0, 1, 2, 4, -1)),
        *({"profile": p} for p in ("default", "short", "full", "none such")),
        *({"sci_mode": s} for s in (True, False)),
        *({"precision": p} for p in ("a", -1, 2.5)),
        {"threshold": "x"},
        {"linewidth": INF},
        {"profile": "short", "precision": 7},
    ]
    for seed, (chosen, dtype) in enumerate(itertools.product(options, ["float64", "int64"])):
        for shape in ([], [7], [3, 9], [0, 2]):
            recipe = {"dtype": dtype, "shape": shape, "seed": seed, "scale": 50}
            yield {"array": recipe, "options": chosen, "grad": "leaf" if dtype[0] == "f" else ""}


def fact_cases() -> Iterator[Case]:
    """Facts on the last line and on their own lines; default dtypes; subclasses."""
    for count, grad in itertools.product(range(13, 21), ["leaf", "node"]):
        for dtype in ("float32", "float64"):
            yield {"array": {"dtype": dtype, "shape": [count], "seed": count}, "grad": grad}
    for default, dtype in itertools.product(FLOATS, [*FLOATS, *COMPLEX, "int64", "bool"]):
        for shape in ([1], [0]):
            recipe = {"dtype": dtype, "shape": shape, "seed": 3}
            yield {"array": recipe, "default_dtype": default}
    for shape in ([], [30], [2, 12], [0, 1]):
        yield {"array": {"dtype": "float32", "shape": shape, "seed": 5}, "prefix": "Named("}


def printed_cases() -> list[Case]:
    """All recorded prints; the random ones keep clear of what PyTorch prints at length."""
    cases = [*value_cases(), *shape_cases(), *option_cases(), *fact_cases()]
    rng = random.Random(20)
    wild = [random_case(rng) for _ in range(400)]
    small = [case for case in wild if len(theirs(case)) < 900]
    return [drop_empty(case) for case in cases + small]


def drop_empty(case: Case) -> Case:
    """A case without the entries that say nothing."""
    return {name: value for name, value in case.items() if value}


def option_answers() -> list[Case]:
    """The options after a series of calls to `set_printoptions`."""
    import torch
    from torch._tensor_str import get_printoptions

    series: list[list[Case]] = [
        [], [{"precision": 2}], [{"sci_mode": True}], [{"sci_mode": True}, {"precision": 3}],
        [{"profile": "short"}], [{"profile": "full"}], [{"profile": "short"}, {"profile": "full"}],
        [{"profile": "short", "precision": 7}], [{"threshold": 5}, {"linewidth": 10}],
        [{"edgeitems": 1}, {"profile": "none such"}], [{"edgeitems": 1}, {"profile": "default"}],
        [{"profile": "SHORT"}], [{"precision": "a", "sci_mode": "x"}],
    ]  # fmt: skip
    answers = []
    for calls in series:
        for call in [{"profile": "default"}, *calls]:
            torch.set_printoptions(**call)
        answers.append({"calls": calls, "options": get_printoptions()})
    torch.set_printoptions(profile="default")
    return answers


def format_answers() -> list[Case]:
    """``format(tensor, spec)`` of numbers, of 1-d tensors and of a subclass."""
    import torch

    recipes = [
        listed("float32", 1 / 3),
        listed("int64", 3),
        listed("bool", 1),
        listed("uint8", 200),
    ]
    recipes += [listed("complex64", 1, 2), listed("float64", NAN), listed("bfloat16", 1.5)]
    recipes += [listed("float16", 0.1), listed("float32", 1e-9), listed("float8_e5m2", 0.75)]
    answers = []
    for case, spec in itertools.product(recipes, ["", ".3f", "05d", ">9", "q", "+.2e", ",", "zz"]):
        for shape, name in (([], "Tensor"), ([1], "Tensor"), ([], "Parameter")):
            array = {**case["array"], "shape": shape}
            tensor = to_torch(build(array))
            if name == "Parameter":
                tensor = torch.nn.Parameter(tensor, requires_grad=False)
            answers.append({"array": array, "spec": spec, "type": name, "text": said(tensor, spec)})
    return answers


def said(tensor: Any, spec: str) -> str:
    """``format(tensor, spec)``, or ``str`` where it is the tensor's own text, or the error."""
    try:
        text = format(tensor, spec)
    except Exception as error:
        return error_text(error)
    return "str" if text == str(tensor) else text


def record() -> None:
    """Write the data file, one case a line."""
    cases = printed_cases()
    prints = [{**case, "text": theirs(case)} for case in cases]
    parts = {"prints": prints, "options": option_answers(), "formats": format_answers()}
    blocks = []
    for name, items in parts.items():
        lines = ",\n".join(json.dumps(item, separators=(",", ":")) for item in items)
        blocks.append(f'"{name}": [\n{lines}\n]')
        print(f"{name}: {len(items)}")
    DATA.write_text("{\n" + ",\n".join(blocks) + "\n}\n")
    print(f"{DATA}: {DATA.stat().st_size} bytes")


def main() -> int:
    """Record, or compare at random."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fuzz", type=int, metavar="COUNT", help="compare random tensors")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    if args.fuzz:
        return 1 if fuzz(args.fuzz, args.seed) else 0
    record()
    return 0


if __name__ == "__main__":
    sys.exit(main())
