"""The declarations, one family a file; importing this room attaches every op to `Tensor`, once.

Lives here: what each op is (kernel, rule, names), and nothing of how ops are called, recorded or
differentiated (that is `core/`). Who may call: every room to the right. A value comes from
`core/primitive.py`, which calls the kernel named here, and from `core/engine.py`, which calls the
rule. To add an op, write one declaration in the file of its family; function, method, operator,
in-place form, node, tests and docs row follow. Families that few programs use
are loaded when one of their names is asked for (`late.py`).
"""

import importlib
from typing import Any

from ..core.primitive import PUBLIC
from .index import assign, indexing, rows, scatter
from .interop import subclasses
from .late import attach, later, load_all, promise_methods, promised
from .linalg import affine, einsum, products
from .make import create, facts, from_data, misc, random_fills
from .math import arithmetic, bits, compare, complexes, elementwise, select
from .nn import activation, classes, dropout, embedding, loss, norm, softmax
from .reduce import extremes, running, sort, sums, vector_norm
from .shape import arrange, diagonal, grids, join, order, regions, reshape

__all__ = [
    "bits",
    "compare",
    "complexes",
    "later",
    "load_all",
    "namespace",
    "promised",
    "select",
]

promise_methods()
attach()


def namespace(prefix: str) -> dict[str, Any]:
    """The public functions below `torch.<prefix>` (the top level for ""), by name."""
    start = prefix + "." if prefix else ""
    names = (path[len(start) :] for path in PUBLIC if path.startswith(start))
    return {name: PUBLIC[start + name] for name in names if "." not in name}


def __getattr__(name: str) -> Any:
    if name == "aten":  # PyTorch's names of single operations, for those who ask
        return importlib.import_module(".interop.aten", __name__)
    raise AttributeError(f"module 'torch.ops' has no attribute '{name}'", name=name)
