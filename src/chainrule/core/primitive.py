"""Primitives: the registry of ops and the paths a call takes.

A `Primitive` is what a declaration makes: name, kernel, rules, kinds of operands. `call` is its
general path: check and promote the operands, hand them to the innermost interpreter if there is
one, else `evaluate`: run the kernel on the arrays, wrap, record. `core/lanes.py` has shorter paths
for the usual cases, which fall back to `call`.
Called by `core/declare.py`; the tables `REGISTRY` and `PUBLIC` are read by `ops/`, docs and tests.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from copy import copy
from typing import Any

import numpy as np

from .. import dtypes, errors
from .._state import S, grad_enabled, inference_enabled, modes
from .blame import wrong_operand
from .interpreter import current
from .node import INFERENCE, LEAF
from .record import OPS, GeneralNode, Layout, Rule, record
from .tensor import Tensor, own, wrap

__all__ = [
    "INSTEAD",
    "METHODS",
    "NONE",
    "PUBLIC",
    "REGISTRY",
    "SAME",
    "TO_FLOAT",
    "Primitive",
    "cast",
]

REGISTRY: dict[str, Primitive] = {}
PUBLIC: dict[
    str, Callable[..., Any]
] = {}  # by dotted path below `torch`, as in "nn.functional.relu"

NONE = "operands keep their dtypes"
SAME = "operands are promoted to their common dtype"
TO_FLOAT = "operands are promoted; integers become the default float"

METHODS: dict[str, Callable[..., Any]] = {}  # attached to Tensor by ops/__init__

F32, F64 = np.dtype("float32"), np.dtype("float64")
I64 = np.dtype("int64")
F16, C64, C128 = np.dtype("float16"), np.dtype("complex64"), np.dtype("complex128")
NUMBERS = (int, float, bool, complex)
# Empty until `ops/sparse/` is loaded; then what evaluates (op, operands, static parameters) where
# an operand is sparse, and the class of sparse arrays.
INSTEAD: list[Any] = []
_new = object.__new__


class Primitive:
    """One op.

    Attributes:
        name: its name in the registry and in `xp`.
        kind: elementwise, linear, bilinear, reduction, movement or general.
        kernel: arrays (and static parameters, positionally) in, array or tuple of arrays out.
        args, params: names of the tensor operands and of the static parameters; `defaults` of the
            latter.
        rules: one per operand (None: not differentiable in it), or a single joint one.
        outputs: names of the outputs; `several` when there is more than one, or a list of them.
        variadic: takes one list of tensors. view: the output may share the first operand's memory.
        broadcasts: operands are broadcast, so the machine sums cotangents back.
        holomorphic: rules are complex derivatives; the machine conjugates for complex cotangents.
        numbers: operands may be Python numbers.
        check: sees the promoted operands and those given, off the fast lanes; raises to refuse.
        number_node: the node class when the last operand is a number, if PyTorch names it apart.
    """

    __slots__ = (
        "_general_node",
        "args",
        "broadcasts",
        "check",
        "defaults",
        "doc",
        "domain",
        "grad_fn",
        "holomorphic",
        "joint",
        "jvp",
        "kernel",
        "kind",
        "lane",
        "layout",
        "means",
        "name",
        "number_as_tensor",
        "number_node",
        "numbers",
        "outputs",
        "params",
        "product",
        "promote",
        "public",
        "rows",
        "rules",
        "saved_names",
        "several",
        "short",
        "variadic",
        "view",
    )

    def __init__(
        self,
        name: str,
        kind: str,
        kernel: Callable[..., Any],
        args: Sequence[str],
        rules: Sequence[Callable[..., Any] | None],
        *,
        params: dict[str, Any] | None = None,
        promote: str = NONE,
        outputs: Sequence[str] = ("out",),
        grad_fn: str | None = None,
        number_grad_fn: str | None = None,
        check: Callable[[tuple[Any, ...], tuple[Any, ...]], None] | None = None,
        joint: bool = False,
        variadic: bool = False,
        view: bool = False,
        broadcasts: bool = False,
        holomorphic: bool = False,
        numbers: bool = False,
        domain: Any = None,
        doc: str = "",
    ) -> None:
        self.name, self.kind, self.kernel, self.args = name, kind, kernel, tuple(args)
        self.params = tuple(params or ())
        self.defaults = tuple((params or {}).values())
        self.promote, self.outputs, self.several = (
            promote,
            tuple(outputs),
            tuple(outputs) != ("out",),
        )
        self.joint, self.variadic, self.view, self.broadcasts = joint, variadic, view, broadcasts
        self.holomorphic, self.numbers, self.domain, self.doc = holomorphic, numbers, domain, doc
        self.rules = tuple(Rule(r) if r is not None else None for r in rules)
        self.layout = Layout(self)
        self.saved_names = tuple(n for _, _, n in self.layout.saves)
        self.grad_fn = grad_fn or "".join(w.title() for w in name.split("_")) + "Backward0"
        self._general_node: Any = None
        self.number_node: Any = None
        if number_grad_fn is not None:
            body = {"prim": self, "__slots__": ()}
            self.number_node = type(number_grad_fn, (GeneralNode,), body)
        self.check = check
        # the short way of a call without parameters; `below=True`: no interpreter below the caller
        self.lane: Callable[..., Any] | None = None
        # the same for one operand with static parameters: `short(x, params)`, below interpreters
        self.short: Callable[[Any, tuple[Any, ...]], Any] | None = None
        self.product = False  # a * b: what is summed of it may be an inner product
        self.number_as_tensor = False  # PyTorch's node shows a second input for a number
        # jvp(primals, tangents, params, outs): the tangents of the outputs, for a general op where
        # transposing its vjp (core/forward.py) would be slow
        self.jvp: Callable[..., list[Any]] | None = None
        self.means: Callable[..., Any] | None = None  # a fused op in operators, for formulas
        self.rows: Callable[[Any, Any, Any], Any] | None = None  # see core/rows.py
        self.public: Callable[..., Any] = self.call
        if name in REGISTRY:
            raise ValueError(f"op '{name}' is declared twice")
        REGISTRY[name] = self

    def __repr__(self) -> str:
        return f"<op {self.name}: {self.kind}>"

    @property
    def general_node(self) -> Any:
        """The node class of the general path, made when the first such node is (imports are paid
        by everybody)."""
        if self._general_node is None:
            self._general_node = type(self.grad_fn, (GeneralNode,), {"prim": self, "__slots__": ()})
        return self._general_node

    def titled(self, title: str) -> Primitive:
        """The same op under another name of its node."""
        made = copy(self)
        made.grad_fn, made._general_node, made.layout = title, None, Layout(made)
        return made

    @property
    def differentiable(self) -> bool:
        """Whether a gradient flows through it at all."""
        return any(r is not None for r in self.rules)

    def count(self, node: Any) -> int:
        """How many outputs the node of one call has."""
        return len(node.v1)

    # ------------------------------------------------------------ the general path

    def call(self, *inputs: Any, params: tuple[Any, ...] = (), out: Any = None) -> Any:
        """Evaluate on tensors: operands positionally, static parameters as a tuple in their
        order."""
        if S.mode is None and out is None and self.check is None:
            if self.promote is not NONE:
                inputs = self._promoted(inputs)
            return self.evaluate(inputs, params)
        operands = self.prepare(inputs)
        if out is not None:
            return write_out(self, out, operands, params)
        if S.mode is not None:
            mode = current()
            if mode is not None:
                return mode.process(self, operands, params)
        return self.evaluate(operands, params)

    def prepare(self, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        """Check the operands' types and bring them to their common dtype."""
        if self.promote is NONE:
            for i, t in enumerate(inputs):
                if not (isinstance(t, Tensor) or t is None or (self.numbers and i)):
                    raise errors.wrong_type(self.name, self._public_name(i), i + 1, t)
            operands = inputs
        else:
            operands = self._promoted(inputs)
        if self.check is not None:
            self.check(operands, inputs)
        return operands

    def _public_name(self, i: int) -> str:
        name = self.args[min(i, len(self.args) - 1)]
        return {"x": "input", "a": "input", "b": "other"}.get(name, name)

    def _promoted(self, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        common: Any = None  # the usual case: tensors of one dtype, perhaps with numbers
        for t in inputs:
            if isinstance(t, Tensor):
                dtype = t._data.dtype
                if dtype is not common:
                    if common is not None:
                        break
                    if not (
                        dtype is F32
                        or dtype is F64
                        or (dtype is I64 and self.promote is SAME)
                        or dtype is C64
                        or dtype is C128
                    ):
                        break
                    common = dtype
            elif not self.numbers or common is None:
                break
            elif type(t) is float:
                if common is I64:
                    break
            elif type(t) is not int or (common is I64 and not -(1 << 63) <= t < 1 << 63):
                break
        else:
            return inputs
        dims: list[Any] = []
        zeros: list[Any] = []
        numbers: list[Any] = []
        for i, t in enumerate(inputs):
            if isinstance(t, Tensor):
                (dims if t._data.ndim else zeros).append(t.dtype)
            elif t is None and (self.kind != "elementwise" or (i and len(self.args) > 2)):
                continue
            elif isinstance(t, (*NUMBERS, np.generic)) and self.numbers and i:
                numbers.append(dtypes.scalar_type(t))
            elif type(t) is np.ndarray and t.dtype.kind == "V" and not t.ndim and self.numbers:
                continue  # what `_weak` made of a number, for an interpreter above this one
            else:
                raise errors.wrong_type(self.name, self._public_name(i), i + 1, t)
        common = dtypes.result_type_of(dims, zeros, numbers)
        if self.promote is TO_FLOAT and common.category < 2:
            common = S.default_dtype
        return tuple(
            cast(t, common) if isinstance(t, Tensor) else t if t is None else _weak(t, common)
            for t in inputs
        )

    def evaluate(self, inputs: tuple[Any, ...], params: tuple[Any, ...] = ()) -> Any:
        """Run the kernel below all interpreters, wrap, record.

        Operands that keep their dtypes need no `prepare`: what is no tensor is looked at here.
        """
        if INSTEAD:
            instead, sparse = INSTEAD
            for t in inputs:
                if isinstance(t, Tensor) and type(t._data) is sparse:
                    return instead(self, inputs, params)
        if self.view:
            own(inputs[0])
        arrays = []
        tracked = False
        for t in inputs:
            if isinstance(t, Tensor):
                arrays.append(t._data)
                if t._node is not None:
                    tracked = True
            else:
                if t is not None and self.promote is NONE:
                    self.prepare(inputs)  # refuses what the op does not take
                arrays.append(t)
        try:
            made = self.kernel(arrays, *params) if self.variadic else self.kernel(*arrays, *params)
        except (ValueError, TypeError, OverflowError, AttributeError) as error:
            foreign = type(error).__module__ != "builtins" and not _from_numpy(error)
            if foreign or getattr(error, "ours", False):
                raise
            raise self._kernel_failed(inputs, params, error) from None
        except MemoryError as error:
            raise errors.no_memory(self.name, error) from None
        if self.several:
            outs = tuple([wrap(m) for m in made])
            if self.view:
                _link_views(self, outs, inputs[0], params)
            if tracked:
                self._recorded(outs, inputs, params)
            return outs
        r = _new(Tensor)
        r._data = made
        r._node = r._grad = r._vc = r._view = r._meta = None
        if self.view:
            _link_views(self, (r,), inputs[0], params)
        if tracked:
            self._recorded((r,), inputs, params)
        return r

    def _recorded(self, outs: Any, inputs: tuple[Any, ...], params: tuple[Any, ...]) -> None:
        """Record a call on operands of which one requires grad."""
        if S.grad or grad_enabled():
            record(self, outs, inputs, params)
        elif self.view:
            for t in outs:
                mark_unrecorded(t)

    def _kernel_failed(
        self, inputs: tuple[Any, ...], params: tuple[Any, ...], error: Exception
    ) -> Exception:
        known = wrong_operand(self, inputs, params, error)
        return known or errors.kernel_failed(self.name, inputs, params, error)

    def tracked(self, inputs: tuple[Any, ...]) -> bool:
        """Whether a call on these operands is to be recorded."""
        if not (S.grad or grad_enabled()):
            return False
        for i, t in enumerate(inputs):
            recorded = isinstance(t, Tensor) and t._node is not None
            if recorded and (self.joint or self.rules[i] is not None):
                return True
        return False


def _from_numpy(error: Exception) -> bool:
    return type(error).__module__.partition(".")[0] == "numpy"


def _weak(value: Any, common: dtypes.dtype) -> Any:
    """A number as the kernel may take it beside arrays of `common`: wrapped around where it does
    not fit."""
    if isinstance(value, np.generic):
        value = value.item()
    if common.category == 1 and type(value) is int and not 0 <= value <= 127:
        info = np.iinfo(common.np)
        if not info.min <= value <= info.max:
            return np.array(value % (1 << info.bits), np.uint64).astype(common.np)
    if common.name == "bfloat16":
        return np.array(value, common.np)
    return value


def cast(t: Tensor, to: dtypes.dtype) -> Tensor:
    """`t` in another dtype, recorded; itself when it has it."""
    try:
        return t if t._data.dtype == to.np else OPS.to_dtype(t, to)
    except AttributeError:
        if isinstance(to, dtypes.dtype):
            raise
    python = {float: dtypes.float64, int: dtypes.int64, bool: dtypes.bool_}
    if not isinstance(to, type) or to not in python:
        raise errors.wrong_kind("to", "dtype", "torch.dtype", to) from None
    return cast(t, python[to])


def write_out(prim: Primitive, out: Any, operands: tuple[Any, ...], params: tuple[Any, ...]) -> Any:
    """`out=`: evaluate, then copy into `out` (resized if its shape differs)."""
    if prim.several and not isinstance(out, (tuple, list)):
        raise errors.wrong_kind(prim.name, "out", "tuple of Tensors", out)
    outs = out if prim.several else (out,)
    for i, o in enumerate(outs):
        if not isinstance(o, Tensor):
            raise errors.wrong_type(prim.name, "out", len(prim.args) + 1 + i, o)
    if (S.grad or grad_enabled()) and any(
        isinstance(t, Tensor) and t._node is not None for t in (*operands, *outs)
    ):
        raise errors.out_with_grad(prim.name)
    if S.mode is not None and any(getattr(t, "_tangent", None) is not None for t in operands):
        raise errors.out_with_tangent(prim.name)
    made = prim.call(*operands, params=params)
    for o, m in zip(outs, made if prim.several else (made,), strict=True):
        errors.check_exact_out(prim.name, m.dtype, o.dtype)
        fill_out(o, m)
    return out


def given_out(op: str, out: Any, made: Tensor) -> Tensor:
    """The result of a composite, in the tensor given as `out=` if there is one."""
    if out is None:
        return made
    if not isinstance(out, Tensor):
        raise errors.wrong_kind(op, "out", "Tensor", out)
    if made._node is not None or ((S.grad or grad_enabled()) and out._node is not None):
        raise errors.out_with_grad(op)
    errors.check_exact_out(op, made.dtype, out.dtype)
    fill_out(out, made)
    return out


def fill_out(out: Tensor, made: Tensor) -> None:
    """Copy a result into the tensor given as `out=`."""
    if made.dtype.category > out.dtype.category:
        raise errors.not_castable(made.dtype, out.dtype)
    if out._data.shape != made._data.shape:
        if out._data.size:
            import warnings

            warnings.warn(
                "An output with one or more elements was resized since it had shape "
                f"{list(out._data.shape)}, which does not match the required output shape "
                f"{list(made._data.shape)}.",
                UserWarning,
                stacklevel=4,
            )
        out._data = np.empty(made._data.shape, out._data.dtype)
    if S.mode is not None:
        for mode in modes():
            mode.writing(out)
    np.copyto(own(out), made._data, casting="unsafe")
    bump(out)


def bump(t: Tensor) -> None:
    """Count one in-place write."""
    if t._vc is None:
        t._vc = [1]
    else:
        t._vc[0] += 1


def _link_views(
    prim: Primitive, outs: tuple[Tensor, ...], x: Tensor, params: tuple[Any, ...]
) -> None:
    data = x._data
    memory = data if data.base is None else data.base
    for t in outs:
        made = t._data
        origin = made.base
        same = made is data or origin is data or (origin is not None and origin is memory)
        if same or (origin is not None and np.may_share_memory(made, data)):
            link_view(prim, t, x, params)


def link_view(prim: Primitive, view: Tensor, x: Tensor, params: tuple[Any, ...]) -> None:
    """Say that `view` shares the memory of `x`: base, version counter, and the base knows it
    weakly."""
    base = x if x._view is None else x._view[0]
    if base._vc is None:
        base._vc = [0]
    view._vc = base._vc
    view._view = (base, x, prim, params)
    if view._data.dtype.kind in "fcV":
        remember_view(base, view)


def mark_unrecorded(view: Tensor) -> None:
    """A view of what requires grad, made with recording off: it looks like a leaf, as in PyTorch,
    and must not be written while recording."""
    if view._vc is INFERENCE:
        return  # of what was made in inference mode, which nothing is computed from
    if view._view is not None and view._data.dtype.kind in "fcV":
        view._need_meta().creation = "inference" if inference_enabled() else "no_grad"
        view._node = LEAF


def remember_view(base: Tensor, view: Tensor) -> None:
    """Keep a weak reference to `view` at its base; the dead ones are dropped now and then."""
    meta = base._need_meta()
    meta.views.append(weakref.ref(view))
    if len(meta.views) > meta.views_limit:
        meta.views = [r for r in meta.views if r() is not None]
        meta.views_limit = 2 * len(meta.views) + 8
