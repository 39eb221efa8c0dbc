"""Custom Functions: the op, its node and its context.

A subclass of `torch.autograd.Function` has one `CustomPrimitive`. `apply` calls it like any op: the
innermost interpreter gets `process(prim, inputs, params)`, where `prim.kind` is "custom", `inputs`
are the tensors among the arguments, and `prim.arguments(inputs, params)` gives all arguments back.
An interpreter that knows nothing of Functions evaluates it one level down, as every op. One that
does reads `prim.function`: the class with `forward`, `setup_context` (if `prim.separate`),
`backward`, `jvp`, `vmap` and `generate_vmap_rule`; `prim.need_setup_context()` refuses the combined
form in PyTorch's words, and `CustomPrimitive(cls)` makes an op of any class that has these.
`evaluate` runs `forward` with recording off and hangs a `FunctionNode` on the outputs. The user's
`ctx` is an object of its own beside the node (attributes of any name are free), and the node shows
the context's attributes as its own. Called by `autograd/function.py`.
"""

from __future__ import annotations

import copy
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import errors
from .._state import S, grad_enabled, set_grad
from .interpreter import current
from .node import LEAF, UNDEFINED, Node, Output, levels_of, next_k
from .primitive import bump, link_view
from .record import OPS, Packed, sum_to, version_of
from .tensor import Tensor, own, wrap
from .views import check_writable, overwrite

__all__ = ["CustomPrimitive", "FunctionCtx", "FunctionNode"]

_HOLE = object()  # where a tensor stands among the arguments
_new = object.__new__


class FunctionCtx:
    """What `forward` gets as `ctx`: it keeps for `backward` what the two agree on.

    Attributes:
        needs_input_grad: for each argument, whether its gradient is asked for.
        saved_tensors: what `save_for_backward` kept, checked to be unmodified.
    """

    needs_input_grad: tuple[bool, ...] = ()
    to_save: tuple[Any, ...] = ()
    dirty_tensors: tuple[Any, ...] = ()
    non_differentiable: tuple[Any, ...] = ()
    materialize_grads = True
    _node: Any = None  # weak reference, once recorded

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep tensors for `backward`, where `ctx.saved_tensors` gives them back."""
        self.to_save = tensors

    def save_for_forward(self, *tensors: Tensor | None) -> None:
        """Keep tensors for `jvp`, where `ctx.saved_tensors` gives them back."""
        for t in tensors:
            if not (isinstance(t, Tensor) or t is None):
                raise AssertionError(
                    "save_for_forward expects all arguments to be tensors; you should "
                    "save non-tensors as attributes on ctx."
                )
        self.saved_for_forward = tensors

    def mark_dirty(self, *args: Tensor) -> None:
        """Say which inputs `forward` wrote in place; they must be returned."""
        self.dirty_tensors = args

    def mark_non_differentiable(self, *args: Tensor) -> None:
        """Say which outputs have no gradient."""
        self.non_differentiable = args

    def set_materialize_grads(self, value: bool) -> None:
        """Whether `backward` gets zeros (default) or None for outputs without gradient."""
        self.materialize_grads = value

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """What was saved; empty before `forward` has returned."""
        node = self._node() if self._node is not None else None
        return () if node is None else node.unpacked()

    @property
    def saved_variables(self) -> tuple[Any, ...]:
        """The old name of `saved_tensors`."""
        return self.saved_tensors

    def __getattr__(self, name: str) -> Any:
        node = self.__dict__.get("_node")
        node = node() if node is not None else None
        if node is not None and name in _NODE_NAMES:
            return getattr(node, name)
        known = type(self if node is None else node).__name__
        raise AttributeError(f"'{known}' object has no attribute '{name}'", name=name, obj=self)


_NODE_NAMES = {"name", "next_functions", "metadata", "register_hook", "register_prehook"}


class FunctionNode(Node):
    """The node of one call of a custom Function.

    s0: what was saved (None: freed); s1: for each argument, whether it is a tensor; p: shape and
    dtype of each tensor argument; v0: the same of each output (None: no tensor); v1: `v0`, for
    several outputs.
    """

    asks = True
    __slots__ = ("ctx",)
    ctx: FunctionCtx
    prim: CustomPrimitive  # type: ignore[assignment]

    def raw(self, g: Any, keep: bool) -> Any:
        cotangents = [
            None if x is None or x is UNDEFINED else wrap(x)
            for x in (g if type(g) is list else (g,))
        ]
        before = set_grad(False)
        try:
            found = self._gradients(cotangents)
        finally:
            set_grad(before)
        if not keep:
            self.release()
        return [None if t is None else t._data for t in found]

    def rec(self, g: Any, keep: bool) -> Any:
        found = self._gradients(list(g) if type(g) is list else [None if g is UNDEFINED else g])
        if not keep:
            self.release()
        return found

    def _gradients(self, cotangents: list[Any]) -> list[Any]:
        """The user's backward: one gradient or None per tensor argument."""
        if self.ctx.materialize_grads:
            for i, (g, meta) in enumerate(zip(cotangents, self.v0, strict=True)):
                if g is None and meta is not None:
                    cotangents[i] = wrap(np.zeros(*meta))
        function = self.prim.backward_of()
        if getattr(self.prim.function, "boxed_grads_call", False):
            given = function(self.ctx, cotangents)
        else:
            given = function(self.ctx, *cotangents)
        return self._checked(given if isinstance(given, tuple) else (given,))

    def _checked(self, given: tuple[Any, ...]) -> list[Any]:
        n = len(self.s1)
        if len(given) > n and all(g is None for g in given[n:]):
            given = given[:n]
        if len(given) != n:
            raise RuntimeError(
                f"function {self.name()} returned an incorrect number of gradients "
                f"(expected {n}, got {len(given)})\n"
                "Hint: backward returns one gradient for each argument of forward, None for those "
                "without"
            )
        found: list[Any] = []
        for i, (g, is_tensor) in enumerate(zip(given, self.s1, strict=True)):
            if is_tensor:
                found.append(self._fitted(g, len(found)))
            elif g is not None:
                raise RuntimeError(
                    f"function {self.name()} returned a gradient different than None at position "
                    f"{i + 1}, but the corresponding forward input was not a Variable"
                )
        return found

    def _fitted(self, g: Any, i: int) -> Any:
        """One gradient in the shape and dtype of its input."""
        if g is None or self.e[i] is None:
            return None
        if not isinstance(g, Tensor):
            raise RuntimeError(f"expected Variable or None (got {type(g).__name__})")
        shape, dtype = self.p[i]
        if g._data.shape != shape:
            g = self._summed(g, shape, i)
        if g._data.dtype != dtype:
            if g._data.dtype.kind == "c" and dtype.kind != "c":
                raise RuntimeError(
                    "Expected isFloatingType(grad.scalar_type()) || (input_is_complex == "
                    "grad_is_complex) to be true, but got false.\n"
                    f"gradient {i} of {self.name()} is {g.dtype}, the input is real\n"
                    "Hint: return the real part, g.real"
                )
            g = g.to(wrap(np.empty(0, dtype)).dtype)
        return g

    def _summed(self, g: Tensor, shape: tuple[int, ...], i: int) -> Tensor:
        have = g._data.shape
        extra = len(have) - len(shape)
        if extra < 0 or any(n not in (1, m) for n, m in zip(shape, have[extra:], strict=True)):
            raise RuntimeError(
                errors.hinted(
                    f"Function {self.name()} returned an invalid gradient at index {i} - got "
                    f"{list(have)} but expected shape compatible with {list(shape)}",
                    hint="the gradient must have the shape of the input, or one that broadcasting "
                    "made of it",
                )
            )
        return sum_to(OPS, g, shape)  # type: ignore[no-any-return]

    def is_several(self) -> bool:
        return self.v1 is not None

    # ------------------------------------------------------------ what is saved

    def save(self, tensors: Sequence[Any], outs: Sequence[Any]) -> None:
        """Keep tensors; outputs as their arrays, since the node must not hold its own results."""
        entries: list[Any] = []
        for i, t in enumerate(tensors):
            if t is None:
                entries.append(None)
                continue
            if not isinstance(t, Tensor):
                raise TypeError(
                    f"save_for_backward can only save variables, but argument {i} is of type "
                    f"{type(t).__name__}\nHint: keep other things as attributes, ctx.n = n"
                )
            number = (
                next((j for j, o in enumerate(outs) if o is t), None) if _among(t, outs) else None
            )
            if number is not None and t._node is not None and t._node is not LEAF:
                if t._vc is None:
                    t._vc = [0]
                entries.append((t._data, t._vc, version_of(t), number))
            else:
                entries.append((t, version_of(t)))
        self.s0 = entries

    def unpacked(self) -> tuple[Any, ...]:
        """The saved tensors, checked."""
        if self.s0 is None:
            if self.prim.once:
                raise RuntimeError(
                    "saved_tensors can only be accessed once when "
                    "clear_saved_tensors_on_access=True is set on the autograd.Function. Either "
                    "access saved_tensors only once, or set clear_saved_tensors_on_access=False."
                )
            raise errors.second_backward(self)
        found = tuple([self._unpacked(i, entry) for i, entry in enumerate(self.s0)])
        if self.prim.once:
            self.s0 = None
        return found

    def _unpacked(self, i: int, entry: Any) -> Any:
        if entry is None:
            return None
        if type(entry) is Packed:
            return entry.get(self, True)
        if len(entry) == 2:
            t, version = entry
            if version_of(t) != version:
                raise errors.modified_saved(self, f"saved_tensors[{i}]", t, version)
            return t
        array, counter, version, number = entry
        t = wrap(array)
        t._vc = counter
        t._node = self if self.v1 is None else Output.of(self, number)
        if counter[0] != version:
            raise errors.modified_saved(self, f"saved_tensors[{i}]", t, version)
        return t

    def saved(self) -> dict[str, Any]:
        return {} if self.s0 is None else {"saved_tensors": self.unpacked()}

    def pack(self, hook: Callable[[Tensor, Any], Packed]) -> None:
        """Replace what was saved by what `hook(tensor, edge)` makes of it."""
        for i, entry in enumerate(self.s0 or ()):
            if type(entry) is tuple:
                t = self._unpacked(i, entry)
                self.s0[i] = hook(t, t if len(entry) == 2 else entry[3])

    def release(self) -> None:
        self.s0 = None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "ctx":
            raise AttributeError(name)
        if name == "_saved_tensors":
            return self.unpacked()
        if name == "_raw_saved_tensors":
            if self.s0 is None:
                raise errors.second_backward(self)
            return tuple([self.raw_saved(i) for i in range(len(self.s0))])
        try:
            return getattr(self.ctx, name)
        except AttributeError:
            raise AttributeError(
                f"'{type(self).__name__}' object has no attribute '{name}'", name=name, obj=self
            ) from None


class CustomPrimitive:
    """The op of one Function class: what interpreters see. See the module's docstring."""

    kind, params, args, rules, outputs = "custom", ("arguments",), (), (), ("outs",)
    several, variadic, view, joint, broadcasts = False, True, False, True, False
    holomorphic, differentiable, defaults, saved_names = False, True, (), ("tensors",)
    around: Any = None  # an interpreter that sees the ops of forward
    contexts: Any = None  # the list to which each run adds its context

    def __init__(self, function: Any) -> None:
        self.function = function
        self.name = function.__name__
        self.grad_fn = self.name + "Backward"
        self.doc = function.__doc__ or ""
        self.node_class = type(self.grad_fn, (FunctionNode,), {"prim": self, "__slots__": ()})
        # whether the class has `setup_context`, so that `forward` takes no ctx
        self.separate = not hasattr(function.setup_context, "_is_default")

    def __repr__(self) -> str:
        return f"<op {self.name}: custom>"

    @property
    def once(self) -> bool:
        """Whether saved tensors may be looked at only once."""
        return bool(getattr(self.function, "clear_saved_tensors_on_access", False))

    def need_setup_context(self) -> None:
        """Refuse the combined form, which function transforms cannot run."""
        if not self.separate:
            raise RuntimeError(
                "In order to use an autograd.Function with functorch transforms "
                "(vmap, grad, jvp, jacrev, ...), it must override the setup_context "
                "staticmethod. For more details, please see "
                "https://pytorch.org/docs/main/notes/extending.func.html"
            )

    def count(self, node: Any) -> int:
        """How many outputs the node of one call has."""
        return len(node.v0)

    def backward_of(self) -> Any:
        """The user's `backward`, or `vjp`, its other name."""
        backward, vjp = self.function.backward, self.function.vjp
        if hasattr(vjp, "_is_default"):
            return backward
        if not hasattr(backward, "_is_default"):
            raise RuntimeError(
                "Implementing both 'backward' and 'vjp' for a custom Function is not allowed. You "
                "should only implement one of them."
            )
        return vjp

    # ------------------------------------------------------------ calling

    def apply(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """`Function.apply`."""
        mode = current() if S.mode is not None else None
        names = tuple(kwargs)
        flat = (*args, *kwargs.values())
        if mode is None:
            if S.tapes and not self.separate and any(map(levels_of, flat)):
                self.need_setup_context()
            return self._run(flat, names)
        inputs = tuple(a for a in flat if isinstance(a, Tensor))
        template = tuple(_HOLE if isinstance(a, Tensor) else a for a in flat)
        return mode.process(self, inputs, ((template, names),))  # type: ignore[arg-type]

    def under(self, mode: Any) -> CustomPrimitive:
        """The same op, whose forward runs under this interpreter."""
        made = copy.copy(self)
        made.around = mode
        return made

    def remembering(self) -> CustomPrimitive:
        """The same op, which keeps the contexts of its runs."""
        made = copy.copy(self)
        made.contexts = []
        return made

    def arguments(
        self, inputs: Sequence[Any], params: tuple[Any, ...]
    ) -> tuple[tuple[Any, ...], tuple[str, ...]]:
        """All arguments of a call with the tensors `inputs`, and the names of the last ones."""
        template, names = params[0]
        tensors = iter(inputs)
        return tuple(next(tensors) if a is _HOLE else a for a in template), names

    def call(self, *inputs: Any, params: tuple[Any, ...] = (), out: Any = None) -> Any:
        """A call as interpreters make it: the tensors, and the rest as `params`."""
        mode = current() if S.mode is not None else None
        if mode is not None:
            return mode.process(self, inputs, params)  # type: ignore[arg-type]
        return self.evaluate(inputs, params)

    def evaluate(self, inputs: tuple[Any, ...], params: tuple[Any, ...] = ()) -> Any:
        """Run it below all interpreters."""
        return self._run(*self.arguments(inputs, params))

    def _run(self, args: tuple[Any, ...], names: tuple[str, ...]) -> Any:
        ctx = FunctionCtx()
        if self.contexts is not None:
            self.contexts.append(ctx)
        ctx.needs_input_grad = needs = tuple(
            [isinstance(a, Tensor) and a._node is not None for a in args]
        )
        recording = True in needs and (S.grad or grad_enabled())
        before = set_grad(False)
        try:
            made = self._forward(ctx, args, names)
            outs = made if isinstance(made, tuple) else (made,)
            node = self._node(ctx, args, outs) if recording else None
            if node is not None and type(made) is Tensor and _is_plain(made, args, ctx):
                made._node = node
                self._save(node, ctx, outs, ())
                return made
            tensors = [a for a in args if isinstance(a, Tensor)]
            outputs = _Outputs(self, ctx, node, tensors, outs)
            found = tuple(outputs.all())
        finally:
            set_grad(before)
        if node is not None:
            self._save(node, ctx, found, outputs.returned)
        return found if isinstance(made, tuple) else found[0]

    def _forward(self, ctx: FunctionCtx, args: tuple[Any, ...], names: tuple[str, ...]) -> Any:
        n = len(args) - len(names)
        kwargs = dict(zip(names, args[n:], strict=True)) if names else {}
        given = args[:n] if self.separate else (ctx, *args[:n])
        if self.around is None:
            made = self.function.forward(*given, **kwargs)
        else:
            with self.around:
                made = self.function.forward(*given, **kwargs)
        if not self.separate:
            return made
        self.function.setup_context(ctx, args, made)
        return made

    def _node(self, ctx: Any, args: Any, outs: Any) -> Any:
        node: Any = _new(self.node_class)
        node.k, node.hooks, node.ctx, node.s0 = next_k(), None, ctx, []
        node.s1 = tuple([isinstance(a, Tensor) for a in args])
        tensors = args if False not in node.s1 else [a for a in args if isinstance(a, Tensor)]
        node.e = tuple([t if t._node is LEAF else t._node for t in tensors])
        node.p = [(t._data.shape, t._data.dtype) for t in tensors]
        node.v0 = [(t._data.shape, t._data.dtype) if isinstance(t, Tensor) else None for t in outs]
        node.v1 = node.v0 if len(outs) > 1 else None
        return node

    def _save(self, node: Any, ctx: Any, found: Sequence[Any], returned: Sequence[Any]) -> None:
        if self.separate and any(_among(t, returned) for t in ctx.to_save):
            raise RuntimeError(
                "An input that has been returned as-is as output is being saved for "
                "backward. This is not supported if you override setup_context. You should "
                "return and save a view of the input instead, e.g. with x.view_as(x) or "
                "setup ctx inside the forward function itself."
            )
        node.save(ctx.to_save, found)
        ctx._node = weakref.ref(node)
        ctx.to_save = ctx.dirty_tensors = ctx.non_differentiable = ()


def _is_plain(t: Tensor, args: tuple[Any, ...], ctx: FunctionCtx) -> bool:
    """Whether the one output is new, differentiable and no view: nothing to think about."""
    if t._view is not None or t._node is not None or ctx.dirty_tensors or ctx.non_differentiable:
        return False
    return t._data.dtype.kind in "fcV" and not _among(t, args)


class _Outputs:
    """The outputs of one call on their way to the user: what they are, and the node on them."""

    def __init__(
        self, prim: CustomPrimitive, ctx: Any, node: Any, tensors: list[Any], outs: Sequence[Any]
    ) -> None:
        self.prim, self.node, self.inputs, self.outs = prim, node, tensors, outs
        self.returned: list[Any] = []  # inputs given back as they are
        self.dirty = _only_tensors("mark_dirty", "mark_dirty can only accept", ctx.dirty_tensors)
        self.fixed = _only_tensors(
            "mark_non_differentiable",
            "mark_non_differentiable only accepts",
            ctx.non_differentiable,
        )

    def all(self) -> list[Any]:
        """Every output, with its place in the graph."""
        for t in self.dirty:
            if not _among(t, self.outs):
                raise RuntimeError(
                    "Some elements marked as dirty during the forward method were not returned as "
                    "output. The inputs that are modified inplace must all be outputs of the "
                    "Function."
                )
            if t._view is None or self.node is None:
                bump(t)
        return [self.one(i, t) if isinstance(t, Tensor) else t for i, t in enumerate(self.outs)]

    def one(self, i: int, t: Tensor) -> Tensor:
        """One output tensor."""
        given, written = _among(t, self.inputs), _among(t, self.dirty)
        if given and not written:
            return self._returned(i, t)
        if self.node is None:
            return t
        if t._data.dtype.kind not in "fcV" or _among(t, self.fixed):
            if t._node is not None:
                t._node = None
            return t
        if written:
            return self._written(i, t, given)
        if t._view is not None:
            t._need_meta().creation = "custom" if self.node.v1 is None else "several"
        t._node = self._edge(i)
        return t

    def _edge(self, i: int) -> Any:
        return self.node if self.node.v1 is None else Output.of(self.node, i)

    def _returned(self, i: int, t: Tensor) -> Tensor:
        """An input given back: a view of it, which can have a node of its own."""
        if self.node is None and t._node is not None:
            return t.detach()
        fixed = self.node is not None and _among(t, self.fixed)
        view = wrap(own(t).view())
        if not fixed:
            link_view(OPS.reshape.prim, view, t, (t._data.shape,))
            view._need_meta().creation = "custom"
        if self.node is not None and not fixed and t._data.dtype.kind in "fcV":
            view._node = self._edge(i)
            self.returned.append(t)
        return view

    def _written(self, i: int, t: Tensor, given: bool) -> Tensor:
        if not given:
            import warnings

            warnings.warn(
                "ctx.mark_dirty() received a tensor that was not an input. Only input Tensors that "
                "have been mutated should be passed to ctx.mark_dirty().",
                UserWarning,
                stacklevel=6,
            )
        if t._node is LEAF:
            raise RuntimeError(
                "a leaf Variable that requires grad has been used in an in-place operation.\n"
                f"Function: {self.prim.name}\nHint: clone() the leaf before apply()"
            )
        if t._view is None:
            t._node = self._edge(i)
            return t
        if len(self.outs) > 1:
            raise RuntimeError(_ONE_OUTPUT)
        value = wrap(t._data)
        value._node = self._edge(i)
        set_grad(True)
        try:
            check_writable(t, self.prim.name, (value,))
            overwrite(t, value)
        finally:
            set_grad(False)
        return t


_ONE_OUTPUT = (
    "If your Function modifies inplace an input that is a view of another Tensor, your Function "
    "cannot return more than one Tensor. This is not supported by the current autograd engine. "
    "You should either make sure the input is not a view (using .clone() for example) or make "
    "your Function only return one Tensor (potentially splitting it into two Functions: one doing "
    "the inplace that returns a single Tensor and a second one that does the other operations). "
    "You can ask on the forum https://discuss.pytorch.org/ if you need help to do this change."
)


def _among(t: Any, tensors: Sequence[Any]) -> bool:
    for x in tensors:  # noqa: SIM110  # any() takes three times as long
        if x is t:
            return True
    return False


def _only_tensors(method: str, first: str, given: tuple[Any, ...]) -> tuple[Any, ...]:
    for i, t in enumerate(given):
        if not isinstance(t, Tensor):
            tail = "but argument" if method == "mark_dirty" else "but got"
            word = "variables" if method == "mark_dirty" else "variable arguments"
            raise RuntimeError(f"{first} {word}, {tail} {i} is of type {type(t).__name__}")
    return given
