"""`torch.func`: transforms of functions. `grad`, `vjp`, `jvp`, `vmap` and what is made of them.

What lives here: the public functions. Each enters one level (`core/reverse.py`, `core/forward.py`,
`core/batch.py`), calls the user's function on values of that level and takes the result out again;
because a level evaluates its work on ordinary ops one level down, transforms nest in any order and
to any depth. Who may call: users, `nn`, `compat`. A value comes from the arguments, is wrapped,
runs through the function, and comes back one level down.
"""

from ..core.vmap import vmap
from .jacobian import hessian, jacfwd, jacrev
from .linear import jvp, linearize, vjp
from .reverse import grad, grad_and_value
from .stateless import functional_call, stack_module_state

__all__ = [
    "functional_call",
    "grad",
    "grad_and_value",
    "hessian",
    "jacfwd",
    "jacrev",
    "jvp",
    "linearize",
    "stack_module_state",
    "vjp",
    "vmap",
]
