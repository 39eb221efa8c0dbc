"""NumPy's functions on tensors: `np.sin(x)` is `torch.sin(x)` where a gradient may be asked for.

A tensor outside the graph is given to NumPy as the array it is, and what NumPy makes of it is
wrapped: NumPy's numbers and NumPy's dtypes, as in PyTorch. A tensor that requires grad (or a value
of a transform) goes to the op of the same meaning, in the dtypes that NumPy would compute in, so
the result is recorded; a function without such an op refuses in PyTorch's words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ... import dtypes
from ..._state import S, grad_enabled
from ...core.declare import METHODS
from ...core.primitive import PUBLIC, bump, cast
from ...core.tensor import Tensor, own, wrap
from ..late import FAMILY_OF, load

# what NumPy, or SciPy's special functions, call otherwise than PyTorch
RENAMED = {
    "absolute": "abs", "fabs": "abs", "rint": "round", "degrees": "rad2deg", "radians": "deg2rad",
    "arcsin": "asin", "arccos": "acos", "arctan": "atan", "arcsinh": "asinh", "arccosh": "acosh",
    "arctanh": "atanh", "arctan2": "atan2", "power": "pow", "conjugate": "conj", "equal": "eq",
    "not_equal": "ne", "less": "lt", "less_equal": "le", "greater": "gt", "greater_equal": "ge",
    "invert": "bitwise_not", "left_shift": "bitwise_left_shift",
    "right_shift": "bitwise_right_shift", "vecdot": "linalg.vecdot", "divide": "div",
    "true_divide": "div",
    "expit": "special.expit", "logit": "special.logit", "gammaln": "special.gammaln",
    "psi": "special.digamma", "erf": "special.erf", "erfc": "special.erfc",
    "erfinv": "special.erfinv", "erfcx": "special.erfcx", "ndtr": "special.ndtr",
    "ndtri": "special.ndtri", "log_ndtr": "special.log_ndtr", "i0": "special.i0",
    "i0e": "special.i0e", "i1": "special.i1", "i1e": "special.i1e", "xlogy": "special.xlogy",
    "xlog1py": "special.xlog1py", "entr": "special.entr", "zeta": "special.zeta",
    "gammainc": "special.gammainc", "gammaincc": "special.gammaincc", "j0": "special.bessel_j0",
    "j1": "special.bessel_j1", "y0": "special.bessel_y0", "y1": "special.bessel_y1",
}  # fmt: skip
SAME_NAME = frozenset(
    "sin cos tan sinh cosh tanh exp exp2 expm1 log log2 log10 log1p sqrt square negative positive "
    "reciprocal sign floor ceil trunc add subtract multiply floor_divide remainder fmod "
    "float_power maximum minimum fmax fmin hypot logaddexp logaddexp2 copysign heaviside matmul "
    "deg2rad rad2deg isnan isinf isfinite signbit logical_and logical_or logical_xor logical_not "
    "bitwise_and bitwise_or bitwise_xor gcd lcm nextafter ldexp".split()
)
OPERATORS = frozenset(  # a NumPy number beside a tensor is a number there, not an array
    "add subtract multiply divide true_divide floor_divide remainder power matmul equal not_equal "
    "less less_equal greater greater_equal bitwise_and bitwise_or bitwise_xor".split()
)
REDUCTIONS = {
    "add": "sum", "multiply": "prod", "maximum": "amax", "minimum": "amin", "logical_or": "any",
    "logical_and": "all",
}  # fmt: skip
RUNNING = {"add": "cumsum", "multiply": "cumprod"}


def _op(path: str) -> Callable[..., Any]:
    if path not in PUBLIC:
        load(FAMILY_OF[path])
    return PUBLIC[path]


def _in_graph(values: Iterable[Any]) -> bool:
    """Whether what is computed from these may be asked for a gradient."""
    if S.mode is not None:
        return True
    recorded = [t for t in values if isinstance(t, Tensor) and t._node is not None]
    return bool(recorded) and (S.grad or grad_enabled())


def _refused(name: str) -> RuntimeError:
    return RuntimeError(
        "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.\n"
        f"NumPy function: {name}, which has no recorded counterpart here\n"
        "Hint: use the torch function, or detach() if no gradient is wanted"
    )


# ---------------------------------------------------------------- universal functions


def __array_ufunc__(self: Tensor, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
    """What `np.sin(x)`, `array + x`, `np.add.reduce(x)` evaluate.

    Example:
        >>> import numpy, chainrule as torch
        >>> numpy.sin(torch.zeros(2, requires_grad=True))
        tensor([0., 0.], grad_fn=<SinBackward0>)
    """
    name = ufunc.__name__
    if name in OPERATORS and method == "__call__":
        inputs = tuple(t.item() if isinstance(t, np.generic) else t for t in inputs)
    outs = kwargs.get("out", ())
    if _in_graph((*inputs, *outs)):
        if any(o is not None for o in outs):
            raise _refused(f"np.{name} with out=")
        return _recorded(ufunc, method, inputs, {k: v for k, v in kwargs.items() if k != "out"})
    if name in OPERATORS and method == "__call__" and not kwargs:
        return _operator(name, inputs)
    if outs:
        kwargs["out"] = tuple(_array(o) for o in outs)
    made = getattr(ufunc, method)(*map(_array, inputs), **kwargs)
    for o in outs:
        if isinstance(o, Tensor):
            bump(o)
    if outs:
        return outs[0] if len(outs) == 1 else outs
    return tuple(map(_wrapped, made)) if isinstance(made, tuple) else _wrapped(made)


def _array(value: Any) -> Any:
    return own(value) if isinstance(value, Tensor) else value


def _wrapped(made: Any) -> Any:
    return wrap(made) if isinstance(made, (np.ndarray, np.generic)) else made


def _operator(name: str, inputs: tuple[Any, ...]) -> Any:
    """`array + x` and `np.add(array, x)`: NumPy's dtype."""
    arrays = [t._data if isinstance(t, Tensor) else t for t in inputs]
    return _wrapped(getattr(np, name)(*arrays))


def _recorded(ufunc: Any, method: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    name = ufunc.__name__
    dtype = kwargs.pop("dtype", None)
    if kwargs.pop("where", True) is not True or (kwargs and method == "__call__"):
        raise _refused(f"np.{name} with {', '.join(kwargs) or 'where'}")
    if method == "__call__":
        made = _called(ufunc, inputs)
    elif method == "outer":
        a, b = map(_tensor, inputs)
        made = _called(ufunc, (a.reshape(tuple(a.shape) + (1,) * b.ndim), b))
    elif method == "reduce" and name in REDUCTIONS:
        axis = kwargs.get("axis", 0)
        every = tuple(range(inputs[0].ndim)) if axis is None else axis
        made = _reduced(REDUCTIONS[name], inputs[0], every, bool(kwargs.get("keepdims", False)))
    elif method == "accumulate" and name in RUNNING:
        made = _op(RUNNING[name])(inputs[0], kwargs.get("axis", 0))
    else:
        raise _refused(f"np.{name}.{method}")
    return made if dtype is None else cast(made, dtypes.from_numpy_dtype(np.dtype(dtype)))


def _reduced(op: str, x: Tensor, axis: Any, keepdims: bool) -> Tensor:
    if op == "prod" and isinstance(axis, tuple):
        for dim in sorted((d % x.ndim for d in axis), reverse=True):
            x = _op("prod")(x, dim, keepdims)
        return x
    return _op(op)(x, axis, keepdims)


def _called(ufunc: Any, inputs: tuple[Any, ...]) -> Any:
    name = ufunc.__name__
    if name == "divmod":
        return _called(np.floor_divide, inputs), _called(np.remainder, inputs)
    if name == "modf":
        return _op("frac")(_tensor(inputs[0])), _op("trunc")(_tensor(inputs[0]))
    path = name if name in SAME_NAME else RENAMED.get(name)
    if path is None:
        raise _refused(f"np.{name}")
    return _op(path)(*_in_loop_dtypes(ufunc, inputs))


def _tensor(value: Any) -> Tensor:
    return value if isinstance(value, Tensor) else wrap(np.asarray(value))


def _in_loop_dtypes(ufunc: Any, inputs: tuple[Any, ...]) -> list[Any]:
    """The operands in the dtypes in which NumPy would compute."""
    if ufunc.signature is not None or all(_is_float(t) for t in inputs):
        return [t if isinstance(t, (int, float, complex)) and i else _tensor(t)
                for i, t in enumerate(inputs)]  # fmt: skip
    kinds = tuple(t._data.dtype if isinstance(t, Tensor) else
                  t.dtype if isinstance(t, (np.ndarray, np.generic)) else type(t)
                  for t in inputs)  # fmt: skip
    loop = ufunc.resolve_dtypes(kinds + (None,) * ufunc.nout)
    made: list[Any] = []
    for t, d in zip(inputs, loop, strict=False):
        number = isinstance(t, (int, float, complex)) and not isinstance(t, np.generic)
        x = wrap(np.asarray(t, d)) if number else _tensor(t)
        made.append(cast(x, dtypes.from_numpy_dtype(d)))
    return made


def _is_float(t: Any) -> bool:
    return isinstance(t, Tensor) and t._data.dtype.kind in "fc"


def __array_wrap__(
    self: Tensor, array: Any, context: Any = None, return_scalar: bool = False
) -> Any:
    """What a NumPy function made of this tensor's array, as a tensor.

    Differs from PyTorch: truth values stay bool (there: uint8).
    """
    return wrap(array)


# ---------------------------------------------------------------- functions


def _axis(axis: Any) -> dict[str, Any]:
    return {} if axis is None else {"dim": axis}


def _reduction(path: str, whole: str | None = None) -> Callable[..., Any]:
    def call(a: Any, axis: Any = None, dtype: Any = None, out: Any = None,
             keepdims: Any = False, **rest: Any) -> Any:  # fmt: skip
        _only_defaults(path, out, rest)
        if axis is None and (keepdims is True or whole is None):
            axis = tuple(range(a.ndim))
        options = {"keepdim": True} if keepdims is True else {}
        if path == "prod":
            dims = range(a.ndim) if axis is None else np.atleast_1d(axis)
            made = _reduced("prod", a, tuple(int(d) for d in dims), keepdims is True)
        else:
            made = _op(path)(a, **_axis(axis), **options)
        return made if dtype is None else cast(made, dtypes.from_numpy_dtype(np.dtype(dtype)))

    return call


def _only_defaults(name: str, out: Any, rest: dict[str, Any]) -> None:
    no_value = np._NoValue
    given = [k for k, v in rest.items() if v is not no_value and not (k == "where" and v is True)]
    if out is not None or given:
        raise _refused(f"np.{name} with {', '.join(given) or 'out'}")


def _spread(path: str) -> Callable[..., Any]:
    def call(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: float = 0,
             keepdims: Any = False, correction: Any = 0, **rest: Any) -> Any:  # fmt: skip
        _only_defaults(path, out, rest)
        number = correction if isinstance(correction, (int, float)) else 0
        return _op(path)(a, **_axis(axis), correction=ddof or number, keepdim=keepdims is True)

    return call


def _of_list(path: str) -> Callable[..., Any]:
    def call(arrays: Any, axis: Any = 0, out: Any = None, **rest: Any) -> Any:
        _only_defaults(path, out, {k: v for k, v in rest.items() if v not in (None, "same_kind")})
        tensors = [_tensor(t) for t in arrays]
        if axis is None:
            tensors, axis = [t.reshape(-1) for t in tensors], 0
        return _op(path)(tensors, axis)

    return call


def _plain(path: str) -> Callable[..., Any]:
    def call(*args: Any) -> Any:
        return _op(path)(*(_tensor(t) if isinstance(t, np.ndarray) else t for t in args))

    return call


def _with_dim(path: str, default: Any = None) -> Callable[..., Any]:
    def call(a: Any, axis: Any = default, out: Any = None) -> Any:
        if axis is None:
            a, axis = a.reshape(-1), 0
        return _op(path)(a, axis)

    return call


def _dot(a: Any, b: Any, out: Any = None) -> Any:
    a, b = _tensor(a), _tensor(b)
    if a.ndim == 0 or b.ndim == 0:
        return a * b
    if b.ndim > 2 or (a.ndim > 2 and b.ndim > 1):
        return _op("tensordot")(a, b, dims=([a.ndim - 1], [b.ndim - 2]))
    return _op("matmul")(a, b)


def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    return _op("linalg.norm")(x, ord, axis, keepdims)


def _clip(a: Any, a_min: Any = None, a_max: Any = None, out: Any = None, **rest: Any) -> Any:
    _only_defaults("clip", out, {k: v for k, v in rest.items() if k not in ("min", "max")})
    low, high = (None if v is np._NoValue else v for v in (a_min, a_max))
    return _op("clamp")(a, rest.get("min", low), rest.get("max", high))


def _transpose(a: Any, axes: Any = None) -> Any:
    return a.permute(tuple(reversed(range(a.ndim))) if axes is None else tuple(axes))


def _squeeze(a: Any, axis: Any = None) -> Any:
    return a.squeeze() if axis is None else a.squeeze(axis)


ALWAYS: dict[Any, Callable[..., Any]] = {  # a tensor in, a tensor out, with a graph or without
    np.sum: _reduction("sum", "sum"), np.mean: _reduction("mean", "mean"),
    np.prod: _reduction("prod", "prod"), np.max: _reduction("amax"), np.min: _reduction("amin"),
    np.amax: _reduction("amax"), np.amin: _reduction("amin"), np.std: _spread("std"),
    np.var: _spread("var"), np.cumsum: _with_dim("cumsum"), np.cumprod: _with_dim("cumprod"),
    np.clip: _clip, np.transpose: _transpose, np.squeeze: _squeeze,
    np.reshape: lambda a, shape=None, order="C", **rest: a.reshape(shape),
    np.ravel: lambda a, order="C": a.reshape(-1),
    np.swapaxes: lambda a, axis1, axis2: a.transpose(axis1, axis2),
    np.moveaxis: lambda a, source, destination: _op("movedim")(a, source, destination),
}  # fmt: skip
IN_GRAPH: dict[Any, Callable[..., Any]] = {  # NumPy makes arrays of them where there is no graph
    np.concatenate: _of_list("cat"), np.stack: _of_list("stack"), np.dot: _dot,
    np.inner: _plain("inner"),
    np.vstack: lambda tup, **_: _op("vstack")([_tensor(t) for t in tup]),
    np.hstack: lambda tup, **_: _op("hstack")([_tensor(t) for t in tup]),
    np.where: lambda condition, x, y: _op("where")(_tensor(condition), x, y),
    np.einsum: lambda subscripts, *ops, **_: _op("einsum")(subscripts, *map(_tensor, ops)),
    np.outer: _plain("outer"), np.trace: _plain("trace"), np.diag: _plain("diag"),
    np.tril: _plain("tril"), np.triu: _plain("triu"), np.kron: _plain("kron"),
    np.tensordot: lambda a, b, axes=2: _op("tensordot")(_tensor(a), _tensor(b), dims=axes),
    np.expand_dims: lambda a, axis: a.unsqueeze(axis), np.tile: lambda A, reps: A.tile(reps),
    np.broadcast_to: lambda array, shape, **_: array.expand(shape),
    np.flip: lambda m, axis=None: _op("flip")(m, tuple(range(m.ndim)) if axis is None else axis),
    np.roll: lambda a, shift, axis=None: _op("roll")(a, shift, axis),
    np.sort: lambda a, axis=-1, **_: _op("sort")(a, axis)[0],
    np.diff: lambda a, n=1, axis=-1: _op("diff")(a, n, axis), np.copy: lambda a, **_: a.clone(),
    np.real: lambda val: val.real, np.imag: lambda val: val.imag, np.angle: lambda z: z.angle(),
    np.round: lambda a, decimals=0, out=None: _op("round")(a, decimals=decimals),
    np.nan_to_num: lambda x, copy=True, nan=0.0, posinf=None, neginf=None: _op("nan_to_num")(
        x, nan, posinf, neginf
    ),
    np.linalg.norm: _norm, np.linalg.inv: _plain("linalg.inv"), np.linalg.det: _plain("linalg.det"),
    np.linalg.solve: _plain("linalg.solve"), np.linalg.pinv: _plain("linalg.pinv"),
    np.linalg.cholesky: lambda a, /, upper=False: _op("linalg.cholesky")(a, upper=upper),
    np.linalg.eigh: _plain("linalg.eigh"), np.linalg.slogdet: _plain("linalg.slogdet"),
    np.linalg.matrix_power: _plain("linalg.matrix_power"), np.linalg.qr: _plain("linalg.qr"),
    np.linalg.svd: lambda a, full_matrices=True: _op("linalg.svd")(a, full_matrices),
}  # fmt: skip


def _tensors(values: Any) -> Iterable[Tensor]:
    for v in values:
        if isinstance(v, Tensor):
            yield v
        elif isinstance(v, (list, tuple)):
            yield from _tensors(v)


def __array_function__(self: Tensor, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
    """What `np.sum(x)`, `np.concatenate([x, y])`, `np.linalg.norm(x)` evaluate.

    Without a graph the result is what PyTorch's tensors give (an ndarray, mostly); with one it is
    a recorded tensor, or the function refuses.
    """
    found = ALWAYS.get(func)
    if found is not None and isinstance(args[0] if args else None, Tensor):
        return found(*args, **kwargs)
    if _in_graph(_tensors((*args, *kwargs.values()))):
        found = IN_GRAPH.get(func)
        if found is not None:
            return found(*args, **kwargs)
        if func not in _READ_ONLY:
            raise _refused(f"np.{func.__name__}")
    return func._implementation(*args, **kwargs)


_READ_ONLY = {np.shape, np.ndim, np.size, np.result_type, np.iscomplexobj, np.isrealobj}

for _function in (__array_ufunc__, __array_wrap__, __array_function__):
    METHODS[_function.__name__] = _function
