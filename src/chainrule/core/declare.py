"""The kinds of ops: one call of a function here declares an op, and everything else follows.

`elementwise`, `linear`, `bilinear`, `reduction`, `movement` and `general` make the primitive, put
its kernel into `RAW` and its public function into `OPS`, and note which methods, operators,
in-place forms and public names it has (`METHODS`, `PUBLIC`; attached once by `ops/__init__`).
`spelled` replaces the public function of an op by one that accepts PyTorch's spellings (`x.sum(0,
1)`, `dim` or `axis`) and calls the primitive with canonical parameters.
The kind tells forward mode and batching how to treat the op: elementwise rules are their own jvp,
linear ops map tangents by themselves, bilinear ones twice, a reduction's jvp is the sum of its
weighted tangents.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from types import CellType, FunctionType
from typing import Any

import numpy as np

from ..errors import wrong_type
from .blame import (
    FILLED,
    LAX,
    bare,
    check_flags,
    check_respelled,
    explained,
    respelled,
    wants_no_out,
    wrong_parameter,
)
from .callers import paths_of
from .lanes import binary_lane, compare_lane, unary_lane
from .primitive import METHODS, NONE, PUBLIC, SAME, TO_FLOAT, Primitive, given_out
from .record import OPS, RAW, parameters_of
from .tensor import Tensor
from .views import inplace, inplace_method

__all__ = [
    "METHODS",
    "NONE",
    "SAME",
    "TO_FLOAT",
    "bilinear",
    "elementwise",
    "general",
    "guarded",
    "linear",
    "movement",
    "public",
    "reduction",
    "spelled",
    "take_no_out",
    "unreduced",
    "without_out",
]

REALS, POSITIVE, UNIT, ABOVE_ONE = (-3.0, 3.0), (0.2, 3.0), (-0.9, 0.9), (1.2, 3.0)


def elementwise(
    name: str,
    kernel: Callable[..., Any],
    rule: Callable[..., Any] | None = None,
    *,
    promote: str = SAME,
    domain: tuple[float, float] = REALS,
    grad_fn: str | None = None,
    number_grad_fn: str | None = None,
    check: Callable[..., None] | None = None,
    lane: bool = True,
    numbers: bool = True,
    operator: str | None = None,
    inplace_ufunc: Any = None,
    has_inplace: bool = True,
    constants: bool = False,
    method: bool = True,
    names: Sequence[str] = (),
    aliases: Sequence[str] = (),
    means: Callable[..., Any] | None = None,
    product: bool = False,
    number_as_tensor: bool = False,
    doc: str = "",
    **rules: Callable[..., Any] | None,
) -> Any:
    """Declare an op that maps elements: `rule` for one operand, `a=..., b=...` for two (None: no
    derivative).

    Args:
        kernel: arrays or NumPy scalars in, the same out.
        rule: `rule(xp, g, ...)`, linear in g; it is the vjp and the jvp.
        promote: what happens to operands of other dtypes.
        domain: (low, high) where the tests may draw operands.
        number_grad_fn: name of the node when the last operand is a number, if PyTorch has another.
        check: sees the promoted operands and those given, off the fast lane; raises if the op
            refuses them.
        lane: whether float32 and float64 may take the fast lane, past `check`.
        numbers: whether operands after the first may be Python numbers.
        operator: name of the special method (`__add__`).
        constants: a Python number may reach the kernel as a cached 0-d array.
        names: public names below `torch` (default: its own).
        aliases: further names, functions and methods.
        means: of a fused op: the same in operators, for formulas.
        product: it is a * b; what is summed of it may be computed as an inner product.
        number_as_tensor: PyTorch makes a tensor of a number, so its node shows two inputs.

    Returns:
        The public function; `.prim` is the primitive.
    """
    args = tuple(rules) or ("x",)
    prim = Primitive(
        name,
        "elementwise",
        kernel,
        args,
        tuple(rules.values()) or (rule,),
        params=_params(kernel, len(args)),
        promote=promote,
        grad_fn=grad_fn,
        number_grad_fn=number_grad_fn,
        check=check,
        broadcasts=len(args) > 1,
        holomorphic=True,
        numbers=numbers and len(args) > 1,
        domain=domain,
        doc=doc,
    )
    prim.means, prim.product, prim.number_as_tensor = means, product, number_as_tensor
    lane = lane and not prim.params
    function = _elementwise_function(prim, constants) if lane else _plain(prim)
    _publish(prim, function, names, aliases, method)
    if operator is not None:
        METHODS[operator] = _operator(prim, constants) if lane else _plain_operator(prim)
    if has_inplace:
        _publish_inplace(prim, inplace_ufunc, operator, (name, *aliases), lane)
    return function


def _elementwise_function(prim: Primitive, constants: bool) -> Callable[..., Any]:
    if len(prim.args) == 1:
        return unary_lane(prim)
    if len(prim.args) > 2:
        return _plain(prim)
    if prim.differentiable:
        return binary_lane(prim, constants=constants, dunder=False)
    return compare_lane(prim, dunder=False)


def _operator(prim: Primitive, constants: bool) -> Callable[..., Any]:
    if len(prim.args) == 1:
        return prim.public
    if prim.differentiable:
        return binary_lane(prim, constants=constants, dunder=True)
    return compare_lane(prim, dunder=True)


def _plain_operator(prim: Primitive) -> Callable[..., Any]:
    """The operator of an op without lane; with two operands it answers NotImplemented to
    strangers."""

    def operator(self: Tensor, *other: Any) -> Any:
        if other and not isinstance(other[0], (Tensor, int, float, bool, complex, np.generic)):
            return NotImplemented
        return prim.public(self, *other)

    return operator


def _publish_inplace(
    prim: Primitive, ufunc: Any, operator: str | None, names: Sequence[str], lane: bool
) -> None:
    method: Callable[..., Any]
    if not lane:
        method = _plain_inplace(prim)
    elif len(prim.args) == 2:
        method = inplace_method(prim, ufunc)
    elif len(prim.args) == 1 and not prim.params:

        def method(self: Tensor) -> Tensor:
            return inplace(prim, self)

    else:

        def method(self: Tensor, *rest: Any) -> Tensor:
            return inplace(prim, self, *rest)

    for n in names:
        METHODS.setdefault(n + "_", method)
    if operator is not None and len(prim.args) == 2:
        METHODS["__i" + operator[2:]] = inplace_method(prim, ufunc, dunder=True) if lane else method


def _publish(
    prim: Primitive,
    function: Callable[..., Any],
    names: Sequence[str],
    aliases: Sequence[str],
    method: bool,
) -> None:
    function.__name__ = function.__qualname__ = prim.name
    function.__doc__ = prim.doc
    function.prim = prim  # type: ignore[attr-defined]
    function.__module__ = "chainrule"
    prim.public = function
    setattr(RAW, prim.name, prim.kernel)
    setattr(OPS, prim.name, function)
    places: list[tuple[dict[str, Any], str]] = []
    for path in (*(names or (prim.name,)), *aliases):
        PUBLIC[path] = function
        places.append((PUBLIC, path))
    for n in (prim.name, *aliases) if method else ():
        if METHODS.setdefault(n, function) is function:
            places.append((METHODS, n))
    function.places = places  # type: ignore[attr-defined]  # where `spelled` puts its replacement


def _plain(prim: Primitive) -> Callable[..., Any]:
    """Operands, then the static parameters by position or name, then `out`."""
    first, defaults, names = len(prim.args), prim.defaults, prim.params
    known = (*(prim._public_name(i) for i in range(first)), *names)
    most = first + len(names)
    seen: set[tuple[type, ...]] = set()  # types of static parameters that passed

    def function(*args: Any, out: Any = None, **kwargs: Any) -> Any:
        if kwargs or not first <= len(args) <= most:
            args = _bind(prim.name, known, defaults, args, kwargs)
        params = args[first:]
        if params and tuple(map(type, params)) not in seen:
            _check_types(prim, params, seen)
        try:
            return prim.call(*args[:first], params=params + defaults[len(params) :], out=out)
        except BARE as error:
            better = explained(function, args, {}, error, paths_of(function))
            if better is None:
                raise
            raise better from None

    def canonical(*args: Any) -> Any:
        params = args[first:]
        return prim.call(*args[:first], params=params + defaults[len(params) :])

    function.canonical = canonical  # type: ignore[attr-defined]  # for rules: record.Canonical
    return function


def _check_types(prim: Primitive, params: tuple[Any, ...], seen: set[tuple[type, ...]]) -> None:
    """TypeError for a static parameter of a wrong type; the types that passed are noted in
    `seen`."""
    wrong = wrong_parameter(prim, params)
    if wrong is not None:
        raise wrong
    if not any(isinstance(p, (Tensor, list, tuple)) for p in params):
        seen.add(tuple(map(type, params)))


def _bind(
    op: str, known: Sequence[str], defaults: Sequence[Any], args: Any, kwargs: dict[str, Any]
) -> Any:
    values = dict(zip(known[len(known) - len(defaults) :], defaults, strict=True))
    values.update(zip(known, args, strict=False))
    for name, value in kwargs.items():
        if name not in known:
            raise TypeError(
                f"{op}() got an unexpected keyword argument '{name}'\nHint: it takes "
                f"{', '.join(known)}"
            )
        values[name] = value
    missing = [n for n in known if n not in values]
    if missing or len(args) > len(known):
        what = (
            f"missing argument '{missing[0]}'"
            if missing
            else f"takes {len(known)} arguments, {len(args)} given"
        )
        raise TypeError(f"{op}(): {what}\nHint: it takes {', '.join(known)}")
    return tuple(values[n] for n in known)


def _declare(
    name: str,
    kind: str,
    kernel: Callable[..., Any],
    args: Sequence[str],
    rules: Any,
    **options: Any,
) -> Any:
    public_options = {
        k: options.pop(k, d) for k, d in (("names", ()), ("aliases", ()), ("method", True))
    }
    has_inplace = options.pop("has_inplace", False)
    prim = Primitive(name, kind, kernel, args, rules, params=_params(kernel, len(args)), **options)
    function = _plain(prim)
    _publish(prim, function, **public_options)
    if has_inplace:
        METHODS[name + "_"] = _plain_inplace(prim)
    return function


def _plain_inplace(prim: Primitive) -> Callable[..., Any]:
    first = len(prim.args)
    known = (*(prim._public_name(i) for i in range(first)), *prim.params)
    most = len(known)
    seen: set[tuple[type, ...]] = set()

    def method(*args: Any, **kwargs: Any) -> Tensor:
        bound = (
            _bind(prim.name + "_", known, prim.defaults, args, kwargs)
            if kwargs or not first <= len(args) <= most
            else args
        )
        if not isinstance(bound[0], Tensor):
            raise wrong_type(prim.name + "_", "input", 1, bound[0])
        params = bound[first:]
        if params and tuple(map(type, params)) not in seen:
            _check_types(prim, params, seen)
        try:
            return inplace(prim, *bound[:first], params=params + prim.defaults[len(params) :])
        except BARE as error:
            better = explained(method, args, kwargs, error, paths_of(method))
            if better is None:
                raise
            raise better from None

    method.__name__ = prim.name + "_"
    return method


REQUIRED: Any = object()  # stands where a static parameter has no default


def _params(kernel: Callable[..., Any], first: int) -> dict[str, Any]:
    """Static parameters: what the kernel takes after its operands."""
    while hasattr(kernel, "__wrapped__"):
        kernel = kernel.__wrapped__
    if not isinstance(kernel, FunctionType):
        return {}
    code = (
        kernel.__code__
    )  # inspect.signature would take a tenth of the time of importing chainrule
    names = code.co_varnames[: code.co_argcount]
    defaults = kernel.__defaults__ or ()
    values = dict(zip(names[len(names) - len(defaults) :], defaults, strict=True))
    return {n: values.get(n, REQUIRED) for n in names[first:]}


def linear(
    name: str, kernel: Callable[..., Any], transpose: Callable[..., Any], **options: Any
) -> Any:
    """Declare an op linear in its one operand `x`: its jvp is itself; `transpose(xp, g, ...)` is
    its vjp."""
    return _declare(name, "linear", kernel, ("x",), (transpose,), **options)


def movement(
    name: str, kernel: Callable[..., Any], transpose: Callable[..., Any], **options: Any
) -> Any:
    """Declare an op that moves, repeats or drops elements; with `view=True` its output may share
    memory."""
    return _declare(name, "movement", kernel, ("x",), (transpose,), **options)


def bilinear(
    name: str,
    kernel: Callable[..., Any],
    a: Callable[..., Any],
    b: Callable[..., Any],
    **options: Any,
) -> Any:
    """Declare an op linear in each of two operands; `a` and `b` are the vjps, conjugated by the
    machine."""
    return _declare(name, "bilinear", kernel, ("a", "b"), (a, b), holomorphic=True, **options)


def unreduced(xp: Any, v: Any, x_shape: tuple[int, ...], dim: Any, keepdim: bool) -> Any:
    """A reduced value with its dimensions of size 1 put back, so that it broadcasts against the
    operand."""
    if keepdim or not x_shape:
        return v
    dims = range(len(x_shape)) if dim is None else (dim,) if isinstance(dim, int) else dim
    return xp.reshape(v, tuple(1 if i in dims else n for i, n in enumerate(x_shape)))


def reduction(
    name: str, kernel: Callable[..., Any], rule: Callable[..., Any], **options: Any
) -> Any:
    """Declare a reduction over `dim` whose vjp multiplies the cotangent by a weight for every
    element.

    `rule(xp, g, ...)` sees `g` and `out` with the reduced dimensions put back (size 1), so it is
    written elementwise; the kernel takes (x, dim, keepdim, ...).
    """
    wanted = parameters_of(rule)[2:]
    # what the machine needs besides the rule's own names, to put the dimensions back
    names = (*wanted, *(n for n in ("x_shape", "dim", "keepdim") if n not in wanted))

    at_shape, at_dim, at_keepdim = map(names.index, ("x_shape", "dim", "keepdim"))
    at_out = names.index("out") if "out" in wanted else -1
    count = len(wanted)

    def vjp(xp: Any, g: Any, *values: Any) -> Any:
        shape, dim = values[at_shape], values[at_dim]
        if values[at_keepdim] or not shape:
            return rule(xp, g, *values[:count])
        g = unreduced(xp, g, shape, dim, False)
        if at_out < 0:
            return rule(xp, g, *values[:count])
        v = list(values[:count])
        v[at_out] = unreduced(xp, v[at_out], shape, dim, False)
        return rule(xp, g, *v)

    vjp.parameter_names = ("xp", "g", *names)  # type: ignore[attr-defined]
    function = _declare(name, "reduction", kernel, ("x",), (vjp,), **options)
    function.prim.rules[0].written = rule
    return function


def general(
    name: str,
    kernel: Callable[..., Any],
    args: Sequence[str],
    *,
    vjp: Callable[..., Any] | None = None,
    rules: dict[str, Callable[..., Any]] | None = None,
    **options: Any,
) -> Any:
    """Declare any op: one joint `vjp` (a tuple of cotangents, one per operand) or `rules` by
    operand; none: no gradient."""
    if vjp is not None:
        return _declare(name, "general", kernel, args, (vjp,), joint=True, **options)
    by_name = rules or {}
    return _declare(name, "general", kernel, args, tuple(by_name.get(n) for n in args), **options)


def spelled(function: Any, *, method: bool | None = None) -> Callable[[Any], Any]:
    """Decorator: the public spelling of an op whose call accepts more than operands and parameters
    in order.

    The decorated function calls `function.prim.call(..., params=...)`. It replaces the plain public
    function
    everywhere: in `OPS`, as method, and under the public names.
    """
    prim: Primitive = function.prim

    def replace(new: Any) -> Any:
        own = new.__doc__
        functools.update_wrapper(new, function, assigned=("__doc__",), updated=())
        if own:
            new.__doc__, first = own, own.partition("\n\n")[0]
            prim.doc = prim.doc or " ".join(first.split())
        else:
            new.__doc__ = prim.doc or new.__doc__
        new.prim, new.__module__ = prim, "chainrule"
        if "<locals>" in new.__qualname__:  # Python's messages name it
            new.__name__ = new.__qualname__ = prim.name
        prim.public = new
        setattr(OPS, prim.name, new)
        shown = new if prim.kind == "elementwise" else guarded(new)
        for table, key in function.places:
            table[key] = shown
        if method:
            METHODS[prim.name] = shown
        return new

    return replace


def public(*names: str, method: bool | str = False) -> Callable[[Any], Any]:
    """Decorator: a function written in ops (a composite), under these public names and perhaps as a
    method."""

    def add(function: Any) -> Any:
        shown = guarded(function)
        for path in names:
            PUBLIC[path] = shown
        if method:
            METHODS[method if isinstance(method, str) else names[0].rpartition(".")[2]] = shown
        return function

    return add


# ---------------------------------------------------------------- the guard of public functions

BARE = (AttributeError, TypeError, LookupError, ValueError, ArithmeticError, AssertionError,
        RuntimeError, MemoryError)  # fmt: skip

# Called so often on so little that the guard would be felt: these look at their arguments
# themselves.
UNGUARDED = frozenset(
    """sum mean nansum prod reshape view permute transpose t expand squeeze unsqueeze select narrow
    flatten matmul mm bmm mv dot linear relu cat concat concatenate stack zeros ones empty full
    zeros_like ones_like empty_like tensor where clamp max min amax amin argmax
    argmin var std norm chunk split item detach clone diag diagonal cumsum cumprod softmax
    log_softmax to type_as float double dim size mse_loss dropout getitem
    """.split()
)


def guarded(function: Any) -> Any:
    """`function` as it is shown to users: a bare error that escapes becomes one that names the
    argument (`core/blame.py`). Costs one call, 0.06 us, when all is well."""
    if type(function) is not FunctionType or function.__name__ in UNGUARDED:
        return function

    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except BARE as error:
            if (made := _otherwise(function, args, kwargs, error)) is None:
                raise
            return made[0]

    if flags := _flags(function):
        call = _strict(function, flags)
    call.__name__, call.__qualname__ = function.__name__, function.__qualname__
    call.__module__, call.__doc__ = function.__module__, function.__doc__
    call.__annotations__ = function.__annotations__
    call.__dict__.update(function.__dict__)
    call.__wrapped__ = function  # type: ignore[attr-defined]  # inspect.signature follows it
    return call


def without_out(function: Any) -> Any:
    """`function` for a place where PyTorch takes no `out`: all methods. The same code, in which
    that parameter has a name of its own, so Python refuses the keyword and a call costs no more."""
    if type(function) is not FunctionType:
        return function
    code, closure, made = function.__code__, function.__closure__ or (), dict(function.__dict__)
    if "out" in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]:
        names = tuple("_out" if n == "out" else n for n in code.co_varnames)
        code = code.replace(co_varnames=names)
    elif function.__name__ in FILLED and "__wrapped__" not in made:
        made["of_method"] = True  # the guard must not fill it either
    else:  # perhaps a guard: the same one around another function
        inner = made.get("__wrapped__")
        if inner is None or (twin := without_out(inner)) is inner:
            return function
        closure = tuple(CellType(twin) if c.cell_contents is inner else c for c in closure)
        made["__wrapped__"] = twin
    scope, name = function.__globals__, function.__name__
    new = FunctionType(code, scope, name, function.__defaults__, closure)
    keywords = function.__kwdefaults__ or {}
    new.__kwdefaults__ = {"_out" if n == "out" else n: v for n, v in keywords.items()}
    new.__annotations__ = {n: v for n, v in function.__annotations__.items() if n != "out"}
    new.__qualname__, new.__module__ = function.__qualname__, function.__module__
    new.__doc__ = function.__doc__
    new.__dict__.update(made)
    return new


def renamed(function: Any, **names: str) -> Any:
    """`function` with other names for some of its parameters, as PyTorch has them."""
    code = function.__code__
    taken = {new: f"_{new}" for new in names.values()} | names
    code = code.replace(co_varnames=tuple(taken.get(n, n) for n in code.co_varnames))
    new = FunctionType(
        code, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )
    new.__kwdefaults__, new.__annotations__ = function.__kwdefaults__, function.__annotations__
    new.__qualname__, new.__module__ = function.__qualname__, function.__module__
    new.__doc__ = function.__doc__
    new.__dict__.update(function.__dict__)
    return new


def take_no_out(*paths: str) -> None:
    """The same for public functions."""
    for path in paths:
        PUBLIC[path] = without_out(PUBLIC[path])


def _otherwise(
    function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], error: BaseException
) -> tuple[Any] | None:
    """After a call that failed: the result of the same in another spelling, or the error that says
    which argument was wrong; None if `error` says it."""
    if "out" in kwargs and wants_no_out(function, error):
        plain = {k: v for k, v in kwargs.items() if k != "out"}
        return (given_out(function.__name__, kwargs["out"], function(*args, **plain)),)
    if new := respelled(function, args, kwargs, error):
        check_respelled(paths_of(function), args, kwargs)
        try:
            return (function(*new[0], **new[1]),)
        except BARE as second:
            if new[1].keys() != kwargs.keys() or not bare(second):
                raise
    better = explained(function, args, kwargs, error, paths_of(function))
    if better is None:
        return None
    raise better from None


def _flags(function: FunctionType) -> dict[str, int]:
    """Position of each parameter that is True or False by default; -1 for keyword only."""
    code, defaults = function.__code__, function.__defaults__ or ()
    first = code.co_argcount - len(defaults)
    found = {code.co_varnames[first + i]: first + i for i, d in enumerate(defaults) if _is_bool(d)}
    found |= {n: -1 for n, d in (function.__kwdefaults__ or {}).items() if _is_bool(d)}
    return {n: i for n, i in found.items() if n not in LAX}


def _is_bool(value: Any) -> bool:
    return value is True or value is False


def _strict(function: Any, flags: dict[str, int]) -> Any:
    """The guard of a function with flags: one that is neither True nor False is refused, as PyTorch
    does, before anything is computed. Without keywords that costs nothing more."""
    places = tuple(i for i in flags.values() if i >= 0)
    first = min(places, default=1 << 30)
    watched = {*flags, "layout", "memory_format", "pin_memory"}
    apart = watched.isdisjoint

    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            if kwargs and not apart(kwargs):
                if "pin_memory" in kwargs:
                    check_flags(function.__name__, flags, args, kwargs)
                for key, value in kwargs.items():
                    if value is not True and value is not False and key in watched:
                        check_flags(function.__name__, flags, args, kwargs)
            if len(args) > first:
                for i in places:
                    if i < len(args) and args[i] is not True and args[i] is not False:
                        check_flags(function.__name__, flags, args, kwargs)
            return function(*args, **kwargs)
        except BARE as error:
            if (made := _otherwise(function, args, kwargs, error)) is None:
                raise
            return made[0]

    return call
