"""The tape: one `Node` per recorded operation, and what it keeps for backward.

A node knows its creation number `k` (negative; later is smaller), its edges `e` (towards its
inputs: nodes, leaf tensors, or None), what its rule asked to save (`s0`, `s1`), the versions those
tensors had (`v0`, `v1`), and the static parameters `p`. Every op has its own subclass, named as
PyTorch names it (`SinBackward0`), made once by `core/declare.py`; the subclass carries the op and
the two readings of its rule, `raw` (arrays) and `rec` (tensors).
No closures: what is saved can be listed, drawn and explained. Called by `core/primitive.py` (which
records) and `core/engine.py` (which walks).
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from .. import _state, errors
from .hooks import OUTPUT, RemovableHandle, add, watch_leaf

if TYPE_CHECKING:
    from .primitive import Primitive
    from .tensor import Tensor

__all__ = [
    "INFERENCE",
    "LEAF",
    "UNDEFINED",
    "AccumulateGrad",
    "Forbidden",
    "GradientEdge",
    "Node",
    "Output",
    "accumulator_of",
    "edge_of",
    "levels_of",
    "next_k",
]

next_k: Callable[[], int] = count(-1, -1).__next__


class _Sentinel:
    __slots__ = ("name",)
    end = True

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


LEAF: Any = _Sentinel("LEAF")  # in Tensor._node: a leaf that requires grad


class _Undefined:
    """Stands for the cotangent of a node that is visited although nothing arrives there."""

    __slots__ = ()
    __array_ufunc__ = None

    def __add__(self, g: Any) -> Any:
        return g.copy() if hasattr(g, "copy") else g  # the walk may add to what it summed

    __radd__ = __add__


UNDEFINED: Any = _Undefined()


class Inference:
    """Stands where the version counter of a tensor made in inference mode would be."""

    __slots__ = ()

    def __getitem__(self, index: int) -> NoReturn:
        raise errors.inference_saved()

    def __setitem__(self, index: int, value: int) -> NoReturn:
        raise errors.inference_inplace()


INFERENCE: Any = Inference()


class Node:
    """One recorded operation.

    Attributes (public, as in PyTorch):
        next_functions: ((node, output number), ...) towards the inputs; leaves appear as
            `AccumulateGrad`.
        metadata: a dict for the user.
        _saved_self, _saved_other, _saved_result, ...: the values saved for backward.

    Example:
        >>> import chainrule as torch
        >>> y = torch.tensor(2.0, requires_grad=True).sin()
        >>> y.grad_fn.name(), y.grad_fn._saved_self
        ('SinBackward0', tensor(2., requires_grad=True))
    """

    __slots__ = ("__dict__", "__weakref__", "e", "hooks", "k", "p", "s0", "s1", "v0", "v1")

    prim: Primitive  # of the subclass
    end = False  # of the subclass: the graph of a level ends here, as at a leaf
    asks = False  # of the subclass: its rule may ask about the walk it is in (core/watch.py)
    unseen = 0  # of the subclass: inputs without edge that PyTorch shows as (None, 0)
    k: int
    e: Any
    hooks: Any
    p: Any
    s0: Any
    s1: Any
    v0: Any
    v1: Any

    def raw(self, g: Any, keep: bool) -> Any:
        """The rule read on arrays: the gradient (one edge) or a tuple of them (several); releases
        unless `keep`."""
        raise NotImplementedError

    def rec(self, g: Any, keep: bool) -> Any:
        """The rule read on tensors, recorded (`create_graph=True`)."""
        raise NotImplementedError

    def some(self, g: Any, keep: bool, recorded: bool, edges: tuple[Any, ...]) -> Any:
        """The rule read where only these of its edges matter (None for the others)."""
        return self.rec(g, keep) if recorded else self.raw(g, keep)

    def rows(self, g: Any, edges: Any, size: int) -> Any:
        """The rule read on many cotangents at once (core/rows.py puts the general way here)."""
        raise NotImplementedError

    def saved(self) -> dict[str, Any]:
        """What was saved, by parameter name: tensors for tensors, plain values for shapes and
        parameters."""
        return {}

    def release(self) -> None:
        """Forget the saved values; what is computed from them afterwards says that it was backward
        before."""

    @classmethod
    def name(cls) -> str:
        """PyTorch's name of the node, such as `SinBackward0`."""
        return _QUALIFIED.get(cls.__name__, cls.__name__)

    def register_hook(self, fn: Callable[..., Any]) -> RemovableHandle:
        """Call `fn(grad_inputs, grad_outputs)` after this node's rule; a tuple it returns replaces
        the gradients of the inputs.

        Example:
            >>> import chainrule as torch
            >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
            >>> y = x * 3
            >>> handle = y.grad_fn.register_hook(lambda gi, go: (gi[0] * 10, None))
            >>> y.sum().backward()
            >>> x.grad
            tensor([30., 30.])
        """
        return add(self._hook_holder(), "post", fn)

    def register_prehook(self, fn: Callable[..., Any]) -> RemovableHandle:
        """Call `fn(grad_outputs)` before this node's rule; a tuple it returns replaces them."""
        return add(self._hook_holder(), "pre", fn)

    def __call__(self, *cotangents: Tensor | None) -> Any:
        """Its rule alone: the gradients of its inputs from the cotangents of its outputs, recorded
        while recording is on; one tensor if it has one input, else a tuple.

        Example:
            >>> import chainrule as torch
            >>> y = torch.tensor([1.0, 2.0], requires_grad=True) * 3
            >>> y.grad_fn(torch.ones(2))
            (tensor([3., 3.]), None)
        """
        expected = self.prim.count(self) if self.is_several() else 1
        if len(cotangents) != expected:
            raise TypeError(f"expected {expected} arguments, got {len(cotangents)} instead")
        try:
            found = self.rec(list(cotangents) if self.is_several() else cotangents[0], True)
        except errors.SavedFreed:
            raise errors.second_backward(self) from None
        if not isinstance(found, (tuple, list)):
            found = [found if e is not None else None for e in self.edges()]
        found = (*found, *(None,) * self.unseen)
        return found[0] if len(found) == 1 else found

    def _hook_holder(self) -> Any:
        return self

    def is_several(self) -> bool:
        """Whether it has several outputs, each with an `Output` of its own."""
        return self.prim.several

    def _sequence_nr(self) -> int:
        """The creation number, counted from 0."""
        return -1 - self.k

    @property
    def metadata(self) -> dict[Any, Any]:
        """A dict for the user; chainrule never reads it."""
        made: dict[Any, Any] = self.__dict__.setdefault("_metadata", {})
        return made

    @property
    def next_functions(self) -> tuple[tuple[Any, int], ...]:
        """The nodes of the inputs with the number of the output that was used; (None, 0) without
        gradient."""
        return tuple(map(_public_edge, self.public_edges())) + ((None, 0),) * self.unseen

    def public_edges(self) -> tuple[Any, ...]:
        """The edges that PyTorch shows: those of operands that have a rule."""
        return self.edges()

    def edges(self) -> tuple[Any, ...]:
        """The edges as a tuple, whatever the node's arity."""
        return self.e if type(self.e) is tuple else (self.e,)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_saved_"):
            known = self._shown()
            if name in known:
                try:
                    value: Any = self.saved().get(known[name])
                    is_shape = name.endswith("_sym_sizes") and value is not None
                    return tuple(value) if is_shape else value
                except errors.SavedFreed:
                    raise errors.second_backward(self) from None
        if name.startswith("_raw_saved_") and name[4:] in self._shown():
            return self.raw_saved(self._shown()[name[4:]])
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def raw_saved(self, name: Any) -> Any:
        """What `_raw_saved_x` gives for a saved value (autograd/graph.py puts it here)."""
        raise NotImplementedError

    def _shown(self) -> dict[str, str]:
        """PyTorch's names of what may be saved, and ours."""
        names = _PUBLIC | _NAMED_APART.get(type(self).__name__, {})
        return {f"_saved_{names.get(n, n)}": n for n in self.saved_names()}

    def saved_names(self) -> tuple[str, ...]:
        """The parameter names under which a node of this op may hold values."""
        return (*self.prim.saved_names, *self.prim.params)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._shown()]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} object at {hex(id(self))}>"


_PUBLIC = {
    "x": "self",
    "a": "self",
    "b": "other",
    "out": "result",
    "x_shape": "self_sym_sizes",
    "a_shape": "self_sym_sizes",
    "b_shape": "other_sym_sizes",
}
_MAT2 = {"b": "mat2", "b_shape": "mat2_sym_sizes"}
_LOSS = {"input": "self", "input_shape": "self_sym_sizes"}
_NORM = {"x": "input", "x_shape": "input_sym_sizes"}
_NAMED_APART = {
    "PowBackward0": {"b": "exponent"}, "PowBackward1": {"b": "exponent"},
    "MmBackward0": _MAT2, "BmmBackward0": _MAT2, "MvBackward0": {"b": "vec"},
    "DotBackward0": {"b": "tensor"}, "PreluKernelBackward0": {"b": "weight"},
    "AddmmBackward0": {"a": "mat1", "a_shape": "mat1_sym_sizes"} | _MAT2,
    "MseLossBackward0": _LOSS, "BinaryCrossEntropyBackward0": _LOSS,
    "BinaryCrossEntropyWithLogitsBackward0": _LOSS, "SmoothL1LossBackward0": _LOSS,
    "NllLossBackward0": _LOSS, "NativeLayerNormBackward0": _NORM,
    "NativeBatchNormBackward0": _NORM, "NativeGroupNormBackward0": _NORM,
    "LinalgInvExBackward0": {"out": "inverse"}, "LinalgDetBackward0": {"x": "A"},
}  # fmt: skip
# PyTorch says these with their namespace
_QUALIFIED = {
    n: f"torch::autograd::{n}" for n in ("AccumulateGrad", "CopyBackwards", "CopySlices", "Error")
}


class Output(Node):
    """One output of a node with several: passes its gradient to the node, with its number."""

    __slots__ = ("node", "number")
    node: Node
    number: int

    @staticmethod
    def of(node: Node, number: int) -> Output:
        """The edge for output `number` of `node`."""
        made = Output.__new__(Output)
        made.k, made.node, made.number, made.hooks, made.e = next_k(), node, number, OUTPUT, node
        return made


class Forbidden:
    """Stands where the node of a view would be whose base was written although the view must not
    follow: whoever looks at it is told so."""

    __slots__ = ("creation", "node", "number")
    end = False

    def __init__(self, creation: str, node: Any, number: int) -> None:
        self.creation, self.node, self.number = creation, node, number

    @property
    def k(self) -> NoReturn:
        """What the walk asks first."""
        self.refuse()

    def refuse(self) -> NoReturn:
        """Raise PyTorch's error."""
        raise errors.view_inplace(self.creation, self.node, self.number, direct=False)


def _public_edge(edge: Any) -> tuple[Any, int]:
    if edge is None or type(edge) is Forbidden:
        return None, 0
    if isinstance(edge, Output):
        return edge.node, edge.number
    return (edge, 0) if isinstance(edge, Node) else (accumulator_of(edge), 0)


class AccumulateGrad(Node):
    """The end of the graph at a leaf: what arrives here is added to `variable.grad`.

    It is made when somebody looks (`next_functions`); the engine itself adds to the leaf directly.
    """

    __slots__ = ("variable",)
    variable: Tensor

    def __call__(self, *cotangents: Tensor | None) -> Any:
        """Add a gradient to that of the leaf."""
        for g in cotangents:
            self.variable.backward(g)
        return ()

    def edges(self) -> tuple[Any, ...]:
        """Nothing comes before a leaf."""
        return ()

    def _hook_holder(self) -> Any:
        watch_leaf(self.variable)
        return self.variable._need_meta()

    def __dir__(self) -> list[str]:
        return [*object.__dir__(self), "variable"]


def accumulator_of(leaf: Tensor) -> AccumulateGrad:
    """The leaf's one AccumulateGrad: the same object as long as anybody holds it."""
    meta = leaf._need_meta()
    node: AccumulateGrad | None = meta.accumulator() if meta.accumulator is not None else None
    if node is None:
        node = AccumulateGrad.__new__(AccumulateGrad)
        node.k, node.variable, node.hooks, node.e = 0, leaf, None, ()
        meta.accumulator = weakref.ref(node)
    return node


class GradientEdge(NamedTuple):
    """A place in the graph whose gradient can be asked for: a node and the number of its output.

    `torch.autograd.graph.get_gradient_edge(tensor)` makes it; `grad` and `backward` take it like
    the tensor, which may be gone. The token is (shape, NumPy dtype) of that tensor, if known.
    """

    node: Any
    output_nr: int
    ownership_token: Any = None


def edge_of(place: Any) -> tuple[Any, Any, int]:
    """(leaf, None, 0) or (None, node, output number) of a tensor that requires grad or a
    GradientEdge."""
    if isinstance(place, GradientEdge):
        if isinstance(place.node, AccumulateGrad):
            return place.node.variable, None, 0
        return None, place.node, place.output_nr
    node = place._node
    if node is LEAF:
        return place, None, 0
    return (None, node.node, node.number) if type(node) is Output else (None, node, 0)


def levels_of(t: Any) -> list[int]:
    """The numbers of the running transforms (core/tape.py) that `t` is a value of, the innermost
    first."""
    node = getattr(t, "_node", None)
    if node is None or node is LEAF:
        return []
    return [tape.number for tape in reversed(_state.tapes()) if tape.survey([node])[0]]


def walk(root: Node) -> Iterator[Node]:
    """Every node reachable from `root`, once, without recursion and in no promised order."""
    seen, stack = {root}, [root]
    while stack:
        node = stack.pop()
        yield node
        for edge in node.edges():
            if isinstance(edge, Node) and edge not in seen:
                seen.add(edge)
                stack.append(edge)
