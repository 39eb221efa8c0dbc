"""`torch.library`: operators of a program's own, with a name, a schema and a derivative.

What lives here: `custom_op` and what is registered with it. Who may call: users. An operator is
called as the object that `custom_op` returns or as `torch.ops.<namespace>.<name>`; each becomes one
`autograd.Function`, so hooks, transforms and gradcheck treat it as any other.
Differs from PyTorch: there is one device and no dispatcher, so no `Library`, `define` and `impl`;
shape functions (`register_fake`) are kept and never asked; under `vmap` an operator without a rule
runs once for each element, without a warning.
"""

from __future__ import annotations

import inspect
import sys
import typing
from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any, NoReturn

import numpy as np

from . import errors
from .autograd.function import Function
from .autograd.grad_mode import no_grad
from .core.pytree import TreeSpec, flatten, tree_map
from .core.tensor import Tensor
from .ops.fast import T

__all__ = [
    "CustomOpDef", "custom_op", "infer_schema", "register_autograd", "register_fake",
    "register_kernel", "register_vmap",
]  # fmt: skip

_NAMES = {Tensor: "Tensor", int: "SymInt", float: "float", bool: "bool", str: "str"}
_TAKES: dict[Any, Any] = {
    Tensor: Tensor, int: int, float: (int, float), bool: bool, str: str,
}  # fmt: skip
_DEFAULTS = (int, float, bool, str, type(None))
_known: dict[str, CustomOpDef] = {}


# ---------------------------------------------------------------- schemas


def _type_name(kind: Any) -> str | None:
    """The word of a schema for an annotation; None when there is none."""
    if kind in _NAMES:
        return _NAMES[kind]
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin in (list, tuple) or getattr(origin, "__name__", "") == "Sequence":
        inner = _type_name(parts[0])
        return f"{inner}[]" if inner else None
    if len(parts) == 2 and type(None) in parts:
        inner = _type_name(parts[0] if parts[1] is type(None) else parts[1])
        return f"{inner}?" if inner else None
    return None


def _returned(kind: Any) -> str:
    if kind in (None, type(None)):
        return "()"
    if typing.get_origin(kind) is tuple:
        return f"({', '.join(_type_name(k) or str(k) for k in typing.get_args(kind))})"
    return _type_name(kind) or str(kind)


def infer_schema(
    prototype_function: Callable[..., Any], /, *, mutates_args: Any, op_name: str | None = None
) -> str:
    """The schema of a function with annotations.

    Args:
        prototype_function: its parameters are annotated Tensor, int, float, bool, str, lists of
            these, or `| None`.
        mutates_args: names of the parameters that it writes to.
        op_name: put in front.

    Raises:
        ValueError: a parameter without such an annotation.

    Example:
        >>> import chainrule as torch
        >>> def f(x: torch.Tensor, k: float = 2.0) -> torch.Tensor:
        ...     return x * k
        >>> torch.library.infer_schema(f, mutates_args=())
        '(Tensor x, float k=2.0) -> Tensor'
    """
    signature = inspect.signature(prototype_function)
    hints = typing.get_type_hints(prototype_function)
    words = []
    for i, (name, p) in enumerate(signature.parameters.items()):
        if name not in hints:
            raise ValueError(
                f"infer_schema(func): Parameter {name} must have a type annotation. Got func with "
                f"signature {signature})"
            )
        kind = _type_name(hints[name])
        if kind is None:
            raise ValueError(
                f"infer_schema(func): Parameter {name} has unsupported type {hints[name]}. Got "
                f"func with signature {signature})"
            )
        if p.default is not p.empty and not isinstance(p.default, _DEFAULTS):
            raise ValueError(
                f"infer_schema(func): Parameter {name} has an unsupported default value type "
                f"{type(p.default)}. Got func with signature {signature})"
            )
        if name in mutates_args:
            kind = kind.replace("Tensor", f"Tensor(a{i}!)")
        words.append(f"{kind} {name}" + ("" if p.default is p.empty else f"={p.default}"))
    return f"{op_name or ''}({', '.join(words)}) -> {_returned(hints.get('return'))}"


# ---------------------------------------------------------------- operators


class CustomOpDef:
    """An operator; made by `custom_op`.

    Attributes:
        name: `namespace::name`.
    """

    def __init__(self, name: str, fn: Callable[..., Any], mutates: Any, schema: str) -> None:
        self.name, self._init_fn, self._mutates, self._schema = name, fn, tuple(mutates), schema
        self._kernel, self._signature = fn, inspect.signature(fn)
        self._hints = typing.get_type_hints(fn)
        self._backward: Callable[..., Any] | None = None
        self._setup: Callable[..., Any] | None = None
        self._vmap: Callable[..., Any] | None = None
        self._fake: Callable[..., Any] | None = None
        self._functions: dict[TreeSpec, type[Function]] = {}

    def __repr__(self) -> str:
        return f"<CustomOpDef({self.name})>"

    @property
    def default(self) -> CustomOpDef:
        """The operator itself: it has one overload."""
        return self

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        given = self._bound(args, kwargs)
        if self._mutates:
            with no_grad():
                return self._kernel(*given)
        leaves, spec = flatten(given)
        if spec not in self._functions:
            self._functions[spec] = self._function(spec)
        return self._functions[spec].apply(*leaves)

    def _bound(self, args: Any, kwargs: Any) -> tuple[Any, ...]:
        declared = f"{self.name}{self._schema}"
        for name in kwargs:
            if name not in self._signature.parameters:
                raise RuntimeError(
                    f"Unknown keyword argument '{name}' for operator '{self.name}'. "
                    f"Schema: {declared}"
                )
        given = self._signature.bind_partial(*args, **kwargs)
        given.apply_defaults()
        for i, name in enumerate(self._signature.parameters):
            if name not in given.arguments:
                raise RuntimeError(
                    f"{self.name}() is missing value for argument '{name}'. Declaration: {declared}"
                )
            value, kind = given.arguments[name], self._hints[name]
            if kind in _TAKES and not isinstance(value, _TAKES[kind]):
                raise RuntimeError(
                    f"{self.name}() Expected a value of type '{_NAMES[kind].removeprefix('Sym')}' "
                    f"for argument '{name}' but instead found type '{type(value).__name__}'.\n"
                    f"Position: {i}\nValue: {value!r}\nDeclaration: {declared}"
                )
        return given.args

    def _function(self, spec: TreeSpec) -> type[Function]:
        """The Function for arguments of one structure."""
        op = self

        def forward(*leaves: Any) -> Any:
            args = spec.build(leaves)
            made = op._kernel(*args)
            op._check_alias(leaves, made)
            return made

        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            if op._setup is not None:
                op._setup(ctx, spec.build(inputs), output)

        def backward(ctx: Any, *grads: Any) -> Any:
            if op._backward is None:
                raise RuntimeError(
                    f"Trying to backward through {op.name.replace('::', '.')}.default but no "
                    "autograd formula was registered. Please use register_autograd to add one."
                )
            made = op._backward(ctx, *grads)
            whole = made if isinstance(made, tuple) else (made,)
            return tuple(_spread(whole, spec))

        def vmap(info: Any, in_dims: Any, *leaves: Any) -> Any:
            args, dims = spec.build(leaves), spec.build(in_dims)
            if op._vmap is not None:
                return op._vmap(info, dims, *args)
            each = [op(*spec.build(_taken(leaves, in_dims, i))) for i in range(info.batch_size)]
            columns = list(zip(*(flatten(e)[0] for e in each), strict=True))
            shape = flatten(each[0])[1]
            return shape.build([T.stack(c) for c in columns]), tree_map(lambda _: 0, each[0])

        title = f"GeneratedBackwardFor_{self.name.replace('::', '_')}_default"
        rules = (forward, setup_context, backward, vmap)
        return type(title, (Function,), {f.__name__: staticmethod(f) for f in rules})

    def _check_alias(self, leaves: Any, made: Any) -> None:
        inputs = [t for t in leaves if isinstance(t, Tensor)]
        for t in flatten(made)[0]:
            same = (np.may_share_memory(t._data, i._data) for i in inputs)
            if isinstance(t, Tensor) and any(same):
                raise RuntimeError(
                    errors.hinted(
                        f"{self.name.partition('::')[2]}: The output of this custom operator (1) "
                        "must not also be an input to this custom operator and (2) may not alias "
                        "any inputs to this custom operator or other returns.",
                        hint="return y.clone()",
                    )
                )

    def register_autograd(
        self, backward: Callable[..., Any], /, *, setup_context: Callable[..., Any] | None = None
    ) -> None:
        """Give the operator a derivative.

        Args:
            backward: (ctx, *grads) -> a gradient for every argument, None where there is none.
            setup_context: (ctx, inputs, output), which keeps on ctx what `backward` needs.

        Raises:
            RuntimeError: the operator writes to its arguments.
        """
        if self._mutates:
            raise RuntimeError(
                f"Cannot register autograd formula for non-functional operator {self} with "
                f"schema {self._schema}. Please create a functional operator and register an "
                "autograd formula for that."
            )
        self._backward, self._setup = backward, setup_context

    def register_vmap(self, func: Any = None) -> Any:
        """Give the operator a rule for batches: (info, in_dims, *args) -> (output, out_dims)."""
        self._vmap = func
        return func if func is not None else self.register_vmap

    def register_fake(self, fn: Any) -> Any:
        """Keep a function that computes shapes; nothing here asks it."""
        self._fake = fn
        return fn

    def register_kernel(self, device_types: Any, fn: Any = None, /) -> Any:
        """Replace the computation on the CPU; kernels of other devices never run."""

        def keep(fn: Any) -> Any:
            kinds = [device_types] if isinstance(device_types, str) else device_types
            if kinds is None or "cpu" in kinds:
                self._kernel = fn
            return fn

        return keep if fn is None else keep(fn)


def _taken(leaves: Any, dims: Any, i: int) -> list[Any]:
    return [v if d is None else v.select(d, i) for v, d in zip(leaves, dims, strict=True)]


def _spread(grads: tuple[Any, ...], spec: TreeSpec) -> list[Any]:
    """A gradient for each leaf; one None may stand for a whole list."""
    if len(grads) != spec.num_children:
        return list(grads)  # the engine says how many it expected
    found: list[Any] = []
    for g, child in zip(grads, spec.children(), strict=True):
        found += [None] * child.num_leaves if g is None else child.flatten_up_to(g)
    return found


def custom_op(
    name: str,
    fn: Callable[..., Any] | None = None,
    /,
    *,
    mutates_args: str | Iterable[str],
    device_types: Any = None,
    schema: str | None = None,
    tags: Any = None,
) -> Any:
    """Make a function an operator; also as a decorator.

    Args:
        name: `namespace::name`; a later operator of this name replaces it.
        fn: of annotated parameters; it must return new tensors.
        mutates_args: names of the parameters that it writes to; such an operator has no derivative.
        device_types: devices for which `fn` is the computation; None: all.
        schema: by default that of `infer_schema`.
        tags: taken as PyTorch takes them.

    Returns:
        The operator (a CustomOpDef), or the decorator.

    Raises:
        ValueError: a name without `::`, or a parameter without annotation.

    Example:
        >>> import chainrule as torch
        >>> @torch.library.custom_op("example::cube", mutates_args=())
        ... def cube(x: torch.Tensor) -> torch.Tensor:
        ...     return torch.from_numpy(x.detach().numpy() ** 3)
        >>> def setup_context(ctx, inputs, output):
        ...     ctx.save_for_backward(*inputs)
        >>> def backward(ctx, grad):
        ...     (x,) = ctx.saved_tensors
        ...     return grad * 3 * x**2
        >>> cube.register_autograd(backward, setup_context=setup_context)
        >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> torch.ops.example.cube(x).sum().backward()
        >>> x.grad
        tensor([ 3., 12.])
    """

    def make(fn: Callable[..., Any]) -> CustomOpDef:
        space, separator, word = name.partition("::")
        if not separator:
            raise ValueError(f"{name!r} is no name of an operator\nHint: namespace::name")
        mutated = (mutates_args,) if isinstance(mutates_args, str) else tuple(mutates_args)
        made = CustomOpDef(name, fn, mutated, schema or infer_schema(fn, mutates_args=mutated))
        _known[name] = made
        _show(space, word, made)
        return made

    return make if fn is None else make(fn)


class _Namespace(SimpleNamespace):
    """`torch.ops.<namespace>`."""

    def __getattr__(self, name: str) -> NoReturn:
        space = "" if name == "_space" else f"'{self._space}' "
        raise AttributeError(f"'_OpNamespace' {space}object has no attribute '{name}'", name=name)


def _show(space: str, word: str, op: CustomOpDef) -> None:
    """Put the operator at `torch.ops.<space>.<word>`."""
    rooms = sys.modules[f"{__package__}.ops"]
    held = vars(rooms).setdefault(space, _Namespace(_space=space))
    if not isinstance(held, _Namespace):
        raise ValueError(
            f"the namespace '{space}' is taken\nHint: name the operator yourlibrary::{word}"
        )
    setattr(held, word, op)


def _found(op: str | CustomOpDef) -> CustomOpDef:
    if isinstance(op, CustomOpDef):
        return op
    if op not in _known:
        raise RuntimeError(f"Operator {op} does not exist\nHint: make it with custom_op")
    return _known[op]


def register_autograd(
    op: str | CustomOpDef,
    backward: Callable[..., Any],
    /,
    *,
    setup_context: Callable[..., Any] | None = None,
) -> None:
    """`CustomOpDef.register_autograd` of an operator or its name."""
    _found(op).register_autograd(backward, setup_context=setup_context)


def register_fake(op: str | CustomOpDef, func: Any = None, /) -> Any:
    """`CustomOpDef.register_fake` of an operator or its name."""
    kept = _found(op)
    return kept.register_fake if func is None else kept.register_fake(func)


def register_vmap(op: str | CustomOpDef, func: Any = None, /) -> Any:
    """`CustomOpDef.register_vmap` of an operator or its name."""
    kept = _found(op)
    return kept.register_vmap if func is None else kept.register_vmap(func)


def register_kernel(op: str | CustomOpDef, device_types: Any, func: Any = None, /) -> Any:
    """`CustomOpDef.register_kernel` of an operator or its name."""
    return _found(op).register_kernel(device_types, func)
