"""Tables asked of two libraries: promotion of dtypes, names of nodes, dtypes of results.

Each function takes the module `torch` and gives plain data; see `asking.py`.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable
from typing import Any

from core.asking import raised

DTYPES = (
    "bool",
    "uint8",
    "int8",
    "int16",
    "int32",
    "int64",
    "float16",
    "bfloat16",
    "float32",
    "float64",
    "complex64",
    "complex128",
)
SCALARS = {"bool": True, "int": 3, "float": 2.5, "complex": 1j}


def name_or_error(f: Callable[..., Any], *operands: Any) -> str:
    """The dtype of what `f` gives, or the class of its error."""
    try:
        made = f(*operands)
    except Exception as error:
        return raised(error)["raises"]
    return str(made.dtype).rpartition(".")[2]


def promotion(torch: Any) -> dict[str, str]:
    """Addition of all dtypes in all ranks: tensors with dimensions, 0-d tensors, Python numbers."""
    ones = {
        f"{rank} {d}": torch.ones(shape, dtype=getattr(torch, d))
        for rank, shape in (("dim", (2,)), ("0-d", ()))
        for d in DTYPES
    }
    found = {}
    for (a, x), (b, y) in itertools.product(ones.items(), ones.items()):
        found[f"{a} + {b}"] = name_or_error(operator.add, x, y)
    for (a, x), (kind, number) in itertools.product(ones.items(), SCALARS.items()):
        found[f"{a} + {kind}"] = name_or_error(operator.add, x, number)
        found[f"{a} / {kind}"] = name_or_error(operator.truediv, x, number)
    for a, b in itertools.product(DTYPES, DTYPES):
        both = torch.promote_types(getattr(torch, a), getattr(torch, b))
        found[f"types {a} {b}"] = str(both).rpartition(".")[2]
    return found


UNARY_DTYPES = ("bool", "uint8", "int64", "float16", "bfloat16", "float32", "float64", "complex64")
BINARY_DTYPES = ("bool", "int64", "float16", "float32", "complex64")


def result_dtypes(torch: Any, names: list[str]) -> dict[str, str]:
    """The dtype that each named elementwise function gives for operands of one or two dtypes."""
    found = {}
    for name in names:
        f = _find(torch, name)
        if f is None:
            continue
        for x in UNARY_DTYPES:
            found[f"{name} {x}"] = name_or_error(f, torch.ones(2, dtype=getattr(torch, x)))
        if all(found[f"{name} {x}"] == "TypeError" for x in UNARY_DTYPES):
            for x in UNARY_DTYPES:
                del found[f"{name} {x}"]
            for x, y in itertools.product(BINARY_DTYPES, BINARY_DTYPES):
                operands = [torch.ones(2, dtype=getattr(torch, d)) for d in (x, y)]
                found[f"{name} {x} {y}"] = name_or_error(f, *operands)
    return found


def _find(torch: Any, path: str) -> Any:
    where = torch
    for part in path.split("."):
        where = getattr(where, part, None)
    return where


NODES: dict[str, Callable[[Any, Any, Any], Any]] = {
    "x + y": lambda torch, x, y: x + y,
    "x + 1": lambda torch, x, y: x + 1,
    "x - y": lambda torch, x, y: x - y,
    "1 - x": lambda torch, x, y: 1 - x,
    "x * y": lambda torch, x, y: x * y,
    "x * 2": lambda torch, x, y: x * 2,
    "x / y": lambda torch, x, y: x / y,
    "1 / x": lambda torch, x, y: 1 / x,
    "-x": lambda torch, x, y: -x,
    "x ** 2": lambda torch, x, y: x**2,
    "x ** y": lambda torch, x, y: x**y,
    "2 ** x": lambda torch, x, y: 2**x,
    "x @ y": lambda torch, x, y: x @ y,
    "vector @ vector": lambda torch, x, y: x[0] @ y[0],
    "matrix @ vector": lambda torch, x, y: x @ y[0],
    "x.sum()": lambda torch, x, y: x.sum(),
    "x.sum(0)": lambda torch, x, y: x.sum(0),
    "x.mean()": lambda torch, x, y: x.mean(),
    "x.mean(0)": lambda torch, x, y: x.mean(0),
    "x.max()": lambda torch, x, y: x.max(),
    "x.max(0)": lambda torch, x, y: x.max(0)[0],
    "x.prod()": lambda torch, x, y: x.prod(),
    "x.std()": lambda torch, x, y: x.std(),
    "x.norm()": lambda torch, x, y: x.norm(),
    "x.reshape(4)": lambda torch, x, y: x.reshape(4),
    "x.t()": lambda torch, x, y: x.t(),
    "x.T": lambda torch, x, y: x.T,
    "x.transpose(0, 1)": lambda torch, x, y: x.transpose(0, 1),
    "x.permute(1, 0)": lambda torch, x, y: x.permute(1, 0),
    "x.unsqueeze(0)": lambda torch, x, y: x.unsqueeze(0),
    "x.expand(3, 2, 2)": lambda torch, x, y: x.expand(3, 2, 2),
    "x[0]": lambda torch, x, y: x[0],
    "x[:, 1:]": lambda torch, x, y: x[:, 1:],
    "x[[0, 1]]": lambda torch, x, y: x[[0, 1]],
    "x[x > 0]": lambda torch, x, y: x[x > 0],
    "cat": lambda torch, x, y: torch.cat([x, y]),
    "stack": lambda torch, x, y: torch.stack([x, y]),
    "where": lambda torch, x, y: torch.where(x > 0, x, y),
    "clone": lambda torch, x, y: x.clone(),
    "double": lambda torch, x, y: x.double(),
    "relu": lambda torch, x, y: x.relu(),
    "sigmoid": lambda torch, x, y: x.sigmoid(),
    "tanh": lambda torch, x, y: x.tanh(),
    "softmax": lambda torch, x, y: x.softmax(0),
    "log_softmax": lambda torch, x, y: x.log_softmax(0),
    "logsumexp": lambda torch, x, y: x.logsumexp(0),
    "clamp": lambda torch, x, y: x.clamp(0, 1),
    "abs": lambda torch, x, y: abs(x),
    "cumsum": lambda torch, x, y: x.cumsum(0),
    "maximum": lambda torch, x, y: torch.maximum(x, y),
    "x.clone().add_(y)": lambda torch, x, y: x.clone().add_(y),
    "x.clone().mul_(2)": lambda torch, x, y: x.clone().mul_(2),
    "written view": lambda torch, x, y: _written(x),
    "view of what was written": lambda torch, x, y: _written(x, view=True),
}


def _written(x: Any, view: bool = False) -> Any:
    made = x.clone()
    part = made[0]
    part.mul_(2)
    return part if view else made


def nodes(torch: Any) -> dict[str, Any]:
    """For each expression the name of its node, and the names of the nodes before it with output
    numbers."""
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    y = torch.tensor([[1.0, -2.0], [0.5, 4.0]], requires_grad=True)
    found = {}
    for key, f in NODES.items():
        node = f(torch, x, y).grad_fn
        before = [[None if n is None else type(n).__name__, i] for n, i in node.next_functions]
        found[key] = [type(node).__name__, before]
    return found
