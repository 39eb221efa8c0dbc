"""`torch.func`: transforms of functions. `grad`, `vjp`, `jvp`, `vmap` and what is made of them.

What lives here: the public functions. Each enters one level (`core/reverse.py`, `core/forward.py`,
`core/batch.py`), calls the user's function on values of that level and takes the result out again;
because a level evaluates its work on ordinary ops one level down, transforms nest in any order and
to any depth. Who may call: users, `nn`, `compat`. A value comes from the arguments, is wrapped,
runs through the function, and comes back one level down.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ..core.vmap import vmap
from .arguments import debug_unwrap
from .jacobian import hessian, jacfwd, jacrev
from .linear import jvp, linearize, vjp
from .pure import functionalize
from .reverse import grad, grad_and_value
from .stateless import (
    functional_call,
    replace_all_batch_norm_modules_,
    stack_module_state,
)

if TYPE_CHECKING:
    from .patterns import rearrange
    from .sparse import hessian_sparse, jacobian_sparse

__all__ = [
    "debug_unwrap",
    "functional_call",
    "functionalize",
    "grad",
    "grad_and_value",
    "hessian",
    "hessian_sparse",
    "jacfwd",
    "jacobian_sparse",
    "jacrev",
    "jvp",
    "linearize",
    "rearrange",
    "replace_all_batch_norm_modules_",
    "stack_module_state",
    "vjp",
    "vmap",
]

# What few programs use is loaded when it is named.
_LOADED_WHEN_NAMED = {
    "hessian_sparse": "sparse",
    "jacobian_sparse": "sparse",
    "rearrange": "patterns",
}


def __getattr__(name: str) -> Any:
    file = _LOADED_WHEN_NAMED.get(name)
    if file is None:
        raise AttributeError(f"module 'torch.func' has no attribute '{name}'", name=name)
    found = globals()[name] = getattr(importlib.import_module("." + file, __name__), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
