"""Optimizers that treat every element alike: one walk over the parameters, in place, in pieces that
stay in the cache.

A subclass says which arrays and which counters it keeps for a parameter (`_arrays`, `_counters`,
`_begin`), which numbers a step needs (`_numbers`), how a piece of memory changes (`_update`, on
arrays) and the same in public operations (`_recorded`), for `differentiable=True`, interpreters and
dtypes that NumPy has not. The rest is here: a `_Plan` of each group remembers which arrays the
parameters and their state have. Small parameters are gathered into one array, so that a step costs
a fixed number of NumPy calls and two per parameter; their state lives in one array of which the
tensors of the state are parts. Large ones are walked through in pieces. A plan is thrown away as
soon as a parameter, its `.data` or anything in its state is another object than before.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from .._state import S, set_grad
from ..core.primitive import bump
from ..core.tensor import Tensor, own, wrap
from ..errors import hinted
from ..ops.math.complexes import view_as_real
from .optimizer import Optimizer

__all__ = [
    "Elementwise", "check_fused", "check_lr", "check_options", "counter", "evaluate",
    "not_the_shape", "number", "sparse_refused", "zeros_of",
]  # fmt: skip

Array = Any
# Bytes of each array in one piece: smaller ones cost more calls than they save memory traffic; an
# update without state has but one pass, which needs no cache.
PIECE, PIECE_ALONE = 512 * 1024, 1024 * 1024
SMALL, TOGETHER = 16_384, 65_536  # elements: what is gathered, and how much into one array
_PLAIN = {np.dtype(d) for d in ("float32", "float64", "complex64", "complex128")}
_REAL: dict[Any, Any] = {
    np.dtype("complex64"): np.dtype("float32"),
    np.dtype("complex128"): np.dtype("float64"),
}
_ndarray = np.ndarray


class Elementwise(Optimizer):
    """The base of the optimizers whose update of an element looks at that element only."""

    _counters: tuple[str, ...] = ("step",)
    _plans: list[_Plan | None]
    _on_devices = "params and state_steps"  # in PyTorch's sentence about capturable
    _update: Callable[..., None]  # (x, g, arrays, flags, numbers, t, u): t, u are scratch

    def _arrays(self, group: dict[str, Any]) -> tuple[str, ...]:
        """The names of the state with one value per element."""
        raise NotImplementedError

    def _begin(self, p: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        """The state of a parameter before its first step, in PyTorch's order."""
        made: dict[str, Any] = {name: counter(0.0) for name in self._counters}
        made.update((name, zeros_of(p)) for name in self._arrays(group))
        return made

    def _numbers(self, group: dict[str, Any], counters: tuple[Any, ...]) -> tuple[Any, Any, Any]:
        """(flags, numbers, the counters after the step) from the counters before it."""
        raise NotImplementedError

    def _recorded(self, p: Any, g: Any, state: Any, group: dict[str, Any]) -> None:
        """The update of one parameter in public operations."""
        raise NotImplementedError

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient.

        Args:
            closure: computes the loss (and the gradients) again; it is called first.

        Returns:
            What the closure returned, or None.
        """
        loss = None if closure is None else evaluate(closure)
        plans = self.__dict__.get("_plans")
        if plans is None or len(plans) != len(self.param_groups):
            plans = self._plans = [None for _ in self.param_groups]
        for i, group in enumerate(self.param_groups):
            if S.mode is None and not S.tapes and not group.get("differentiable"):
                plans[i] = self._step_plain(group, plans[i])
            else:
                self._step_recorded(group, group["params"])
        return loss

    # ------------------------------------------------------------ on arrays

    def _step_plain(self, group: dict[str, Any], plan: _Plan | None) -> _Plan | None:
        if group.get("capturable"):
            raise _not_capturable(self._on_devices, group.get("foreach"))
        grads: list[Any] | None = None
        if plan is not None:
            grads = plan.gradients(group, self._arrays(group), self.state)
        if grads is None:
            plan = _Plan(self, group)
            if plan.odd:
                self._step_recorded(group, plan.odd)
            grads = plan.first
        assert plan is not None
        for same in plan.classes:
            if same.fresh:
                flags, numbers, same.now = self._numbers(group, same.now, True)  # type: ignore[call-arg]
            else:
                flags, numbers, same.now = self._numbers(group, same.now)
            for part in same.parts:
                part.step(grads, self._update, flags, numbers)
            same.count()
        for p in plan.written:
            vc = p._vc
            if vc is None:
                p._vc = [1]
            else:
                vc[0] += 1
        return plan if plan.lasts else None

    def _fresh(self, p: Tensor, group: dict[str, Any]) -> bool:
        """Give a parameter its state if it has none; whether this step differs by that (SGD)."""
        state = self.state
        if p not in state or not state[p]:
            state[p].update(self._begin(p, group))
        for name in self._arrays(group):
            if name not in state[p]:
                raise KeyError(name)
        return False

    # ------------------------------------------------------------ in public operations

    def _step_recorded(self, group: dict[str, Any], params: Iterable[Tensor]) -> None:
        if group.get("capturable"):
            raise _not_capturable(self._on_devices, group.get("foreach"))
        before = set_grad(bool(self.defaults.get("differentiable")))
        try:
            for p in params:
                if p._grad is not None:
                    self._recorded_one(p, group)
        finally:
            set_grad(before)

    def _recorded_one(self, p: Tensor, group: dict[str, Any]) -> None:
        g: Any = p._grad
        if g.is_sparse:
            self._check_sparse(group)
        self._fresh(p, group)
        state = self.state[p]
        if not p.is_complex():
            self._recorded(p, g, state, group)
            return
        parts = {n: view_as_real(state[n]) for n in self._arrays(group)}
        parts.update((n, state[n]) for n in self._counters)
        self._recorded(view_as_real(p), view_as_real(g), parts, group)
        state.update((n, parts[n]) for n in self._counters)

    def _check_sparse(self, group: dict[str, Any]) -> None:
        """Refuse a sparse gradient: the update looks at every element. SGD and Adagrad take it."""
        kinds = type(self).__mro__
        raise sparse_refused(kinds[kinds.index(Elementwise) - 1].__name__)

    def _decayed(self, p: Any, g: Any, group: dict[str, Any]) -> Any:
        """The gradient to follow: negated for `maximize`, with the L2 penalty's."""
        g = -g if group["maximize"] else g
        decay = group["weight_decay"]
        return g + p * decay if isinstance(decay, Tensor) or decay else g


class _Plan:
    """What the parameters of a group with gradients were when it was made."""

    def __init__(self, optimizer: Elementwise, group: dict[str, Any]) -> None:
        self.params = list(group["params"])
        self.names = optimizer._arrays(group)
        self.entries: list[Any] = []
        self.first: list[Any] = []
        self.odd: list[Tensor] = []  # those that the plain path cannot update
        self.written: dict[Tensor, None] = {}
        self.lasts = True
        rows: dict[Any, list[_Row]] = {}
        for p in self.params:
            if p._grad is None:
                self.entries.append(None)
            elif not self._ordinary(optimizer, p, group):
                if p._grad.is_sparse:
                    optimizer._check_sparse(group)
                self.odd.append(p)
                self.entries.append(None)
            else:
                row = self._row(optimizer, p, group)
                rows.setdefault(row.key, []).append(row)
        if self.odd:
            self.lasts = False
        scratch: dict[Any, list[Array]] = {}
        self.classes = [_Class(same, scratch) for same in rows.values()]
        self.entries = [e if e is None else e.entry() for e in self.entries]

    def _ordinary(self, optimizer: Elementwise, p: Tensor, group: dict[str, Any]) -> bool:
        """Whether gradient and state have the dtype of the parameter, and NumPy has it."""
        grad: Any = p._grad
        data = p._data
        if data.dtype not in _PLAIN or grad._data.dtype != data.dtype or p in self.written:
            return False
        if grad.is_sparse:
            return False
        own_state = optimizer.state.get(p) or {}
        states = [own_state.get(name) for name in self.names]
        return all(
            t is None or (t._data.dtype == data.dtype and t._data.shape == data.shape)
            for t in states
        )

    def _row(self, optimizer: Elementwise, p: Tensor, group: dict[str, Any]) -> _Row:
        grad: Any = p._grad
        if grad._data.shape != p._data.shape:
            raise not_the_shape(p, grad)
        fresh = optimizer._fresh(p, group)
        row = _Row(p, optimizer.state.get(p), optimizer._counters, self.names, len(self.first))
        row.key = (fresh, row.key)
        if fresh or row.aliased:
            self.lasts = False
        self.entries.append(row)
        self.first.append(grad._data)
        self.written[p] = None
        return row

    def gradients(
        self, group: dict[str, Any], names: tuple[str, ...], state: Any
    ) -> list[Any] | None:
        """The gradients, in the order of the rows; None if anything is not as it was."""
        params = group["params"]
        if len(params) != len(self.params) or names != self.names:
            return None
        grads = []
        for p, entry in zip(params, self.entries, strict=True):
            grad = p._grad
            if grad is None:
                if entry is not None:
                    return None
                continue
            if entry is None:
                return None
            q, x, own_state, arrays, same, counters = entry
            data = p._data
            if p is not q or (data is not x and type(data) is not x):
                return None
            if own_state is not None:
                if state.get(p) is not own_state:
                    return None
                for name, t, a in arrays:
                    if own_state.get(name) is not t or t._data is not a:
                        return None
                for (name, t), now in zip(counters, same.now, strict=True):
                    if own_state.get(name) is not t or t._data is not now:
                        return None
            g = grad._data
            if type(g) is not _ndarray and g.ndim:
                return None  # sparse
            grads.append(g)
        return grads


class _Row:
    """One parameter with its state."""

    __slots__ = ("aliased", "arrays", "counters", "key", "names", "number", "p", "same", "state")

    def __init__(
        self, p: Tensor, state: Any, counters: Any, names: tuple[str, ...], number: int
    ) -> None:
        self.p, self.state, self.number, self.names = p, state, number, names
        self.same: Any = None
        self.counters = [(name, state[name]) for name in counters]
        self.arrays = [state[name] for name in names]
        self.aliased = False
        for i, (name, t) in enumerate(self.counters):
            if not isinstance(t, Tensor):  # states saved by old programs
                t = state[name] = counter(float(t))
                self.counters[i] = name, t
            if type(t._data) is _ndarray:
                if t._vc is None and t._data.ndim == 0 and sys.getrefcount(t._data) <= 2:
                    t._data = t._data[()]
                else:
                    self.aliased = True
        for t in self.arrays:
            own(t)
        values = [t._data for _, t in self.counters]
        self.key: Any = (p._data.dtype, *((v.dtype, v.item()) for v in values))

    def entry(self) -> tuple[Any, ...]:
        """What is compared before every step."""
        data = self.p._data
        held = [(n, t, t._data) for n, t in zip(self.names, self.arrays, strict=True)]
        x = data if type(data) is _ndarray else type(data)
        state = self.state if held or self.counters else None
        return self.p, x, state, held, self.same, self.counters


class _Class:
    """Parameters of one dtype with equal counters: they take the same numbers."""

    def __init__(self, rows: list[_Row], scratch: dict[Any, list[Array]]) -> None:
        self.rows, self.fresh = rows, rows[0].key[0]
        self.now: tuple[Any, ...] = tuple(_scalar(t._data) for _, t in rows[0].counters)
        self.parts: list[Any] = []
        few: list[_Row] = []
        for row in rows:
            row.same = self
            for (_, t), now in zip(row.counters, self.now, strict=True):
                if type(t._data) is not _ndarray:
                    t._data = now
            if not _can_gather(row):
                self.parts.append(_Large(row, scratch))
                continue
            if few and sum(r.p._data.size for r in few) + row.p._data.size > TOGETHER:
                self.parts.append(_Gathered(few))
                few = []
            few.append(row)
        if len(few) == 1 and type(few[0].p._data) is _ndarray:
            self.parts.append(_Large(few[0], scratch))
        elif few:
            self.parts.append(_Gathered(few))

    def count(self) -> None:
        """Write the new counters into the state of every parameter."""
        now = self.now
        for row in self.rows:
            for (_, t), value in zip(row.counters, now, strict=True):
                if type(t._data) is _ndarray:
                    t._data[...] = value
                    bump(t)
                else:
                    t._data = value
                    if t._vc is not None:
                        t._vc[0] += 1


def _scalar(data: Any) -> Any:
    return data.reshape(-1)[0] if type(data) is _ndarray else data


def _can_gather(row: _Row) -> bool:
    """Whether it is small and nobody else holds the arrays of its state."""
    data = row.p._data
    if data.size > SMALL:
        return False
    return all(
        t._vc is None and a.dtype == data.dtype and a.shape == data.shape
        # the reference of the tensor, of `a`, of the call
        and (a.base is None or isinstance(a.base, _Flat)) and sys.getrefcount(a) <= 4
        for t in row.arrays
        for a in (t._data,)
    )  # fmt: skip


class _Flat(np.ndarray):
    """An array whose parts are the state of parameters: they may be moved to another one."""


class _Gathered:
    """Small parameters, updated as one array."""

    __slots__ = ("at", "back", "flat_g", "of_update", "real", "x", "xs")

    def __init__(self, rows: list[_Row]) -> None:
        self.at = [r.number for r in rows]
        self.xs = [r.p for r in rows]
        dtype = rows[0].p._data.dtype
        size = sum(r.p._data.size for r in rows)
        self.x, self.flat_g = np.empty(size, dtype), np.empty(size, dtype)
        self.real: Any = _REAL.get(dtype, dtype)
        self.back = _parts(self.x, rows)
        flats = []
        for i in range(len(rows[0].arrays)):
            flat = _Flat((size,), dtype)  # its parts know it as their base
            for row, part in zip(rows, _parts(flat, rows), strict=True):
                t = row.arrays[i]
                part[...] = t._data
                t._data = part
            flats.append(np.asarray(flat))
        x, g, *arrays = (a.view(self.real) for a in (self.x, self.flat_g, *flats))
        t, u = np.empty_like(x), np.empty_like(x)
        self.of_update = x, g, arrays, t, u

    def step(self, grads: list[Any], update: Any, flags: Any, numbers: Any) -> None:
        """Gather, update, and put the parameters back."""
        xs = [p._data for p in self.xs]
        whole = len(grads) == len(self.at)
        np.concatenate(xs, axis=None, out=self.x)
        np.concatenate(grads if whole else [grads[i] for i in self.at], axis=None, out=self.flat_g)
        real = self.real
        x, g, arrays, t, u = self.of_update
        update(x, g, arrays, flags, [np.array(n, real) for n in numbers], t, u)
        for p, data, part in zip(self.xs, xs, self.back, strict=True):
            if type(data) is _ndarray:
                data[...] = part
            else:
                p._data = part[()]


def _parts(flat: Array, rows: list[_Row]) -> list[Array]:
    """The part of an array that belongs to each parameter, in its shape; plain arrays."""
    parts, start = [], 0
    for row in rows:
        data = row.p._data
        part = flat[start : start + data.size].reshape(data.shape)
        parts.append(np.ndarray(data.shape, data.dtype, flat, start * data.dtype.itemsize))
        start += part.size
    return parts


class _Large:
    """One parameter, updated in its own memory piece by piece. All of a plan share one scratch:
    two arrays for each dtype, which stay in the cache."""

    __slots__ = ("at", "dtype", "pieces", "real", "shape", "whole")

    def __init__(self, row: _Row, scratch: dict[Any, list[Array]]) -> None:
        self.at = row.number
        x = own(row.p)
        self.dtype = x.dtype
        self.real: Any = _REAL.get(x.dtype, x.dtype)
        real = self.real
        held = [x, *(t._data for t in row.arrays)]
        self.whole: Any = None
        self.pieces: list[Any] = []
        self.shape = x.shape
        if not all(a.flags.c_contiguous for a in held):
            self.whole = held
            return
        flat = [a.reshape(-1).view(real) for a in held]
        piece = PIECE if row.arrays else PIECE_ALONE
        size, step = flat[0].size, piece // real.itemsize
        shared = scratch.get(real)
        if shared is None or len(shared[0]) < min(size, step):
            shared = scratch[real] = [np.empty(min(size, step), real) for _ in range(2)]
        for start in range(0, size, step):
            stop = min(start + step, size)
            t, u = (a[: stop - start] for a in shared)
            one, *rest = (a[start:stop] for a in flat)
            self.pieces.append((slice(start, stop), one, rest, t, u))

    def step(self, grads: list[Any], update: Any, flags: Any, numbers: Any) -> None:
        """Update the memory of the parameter and of its state."""
        g, real = grads[self.at], self.real
        cast = [np.array(n, real) for n in numbers]
        if self.whole is not None:
            self._step_whole(g, update, flags, cast)
            return
        if type(g) is not _ndarray or not g.flags.c_contiguous or g.dtype != self.dtype:
            g = np.ascontiguousarray(g, self.dtype)
        flat = g.reshape(-1).view(real)
        for piece, x, arrays, t, u in self.pieces:
            update(x, flat[piece], arrays, flags, cast, t, u)

    def _step_whole(self, g: Array, update: Any, flags: Any, cast: list[Any]) -> None:
        """Arrays in an odd order in memory: on copies."""
        copies = [np.array(a, order="C").reshape(-1) for a in self.whole]
        flat = [a.view(self.real) for a in copies]
        g = np.ascontiguousarray(g).reshape(-1).view(self.real)
        update(flat[0], g, flat[1:], flags, cast, np.empty_like(g), np.empty_like(g))
        for a, new in zip(self.whole, copies, strict=True):
            a[...] = new.reshape(self.shape)


# ---------------------------------------------------------------- small parts


_PHRASES = {
    "lr": "learning rate",
    "eps": "epsilon value",
    "momentum": "momentum value",
    "weight_decay": "weight_decay value",
    "rho": "rho value",
    "alpha": "alpha value",
    "lr_decay": "lr_decay value",
    "momentum_decay": "momentum_decay value",
    "initial_accumulator_value": "initial_accumulator_value value",
}


def check_lr(lr: Any) -> None:
    """ValueError for a tensor of more than one element."""
    if isinstance(lr, Tensor) and lr.numel() != 1:
        raise ValueError(
            hinted(
                "Tensor lr must be 1-element",
                f"shape: {list(lr.shape)}",
                hint="different learning rates belong to different parameter groups",
            )
        )


def check_options(betas: Any = (), **options: Any) -> None:
    """ValueError for a negative option, or a beta outside [0, 1)."""
    check_lr(options["lr"])
    for name, value in options.items():
        if not value >= 0.0:
            raise ValueError(
                hinted(f"Invalid {_PHRASES[name]}: {value}", hint="it cannot be negative")
            )
    for i in () if betas == () else (0, 1):
        beta = betas[i]
        if not 0.0 <= beta < 1.0:
            raise ValueError(
                hinted(
                    f"Invalid beta parameter at index {i}: {beta}", hint="0 <= beta < 1 is needed"
                )
            )


def check_fused(differentiable: bool, foreach: Any, fused: Any) -> None:
    """RuntimeError for options that exclude each other."""
    if fused and differentiable:
        raise RuntimeError("`fused` does not support `differentiable`")
    if fused and foreach:
        raise RuntimeError("`fused` and `foreach` cannot be `True` together.")


def evaluate(closure: Callable[[], Any]) -> Any:
    """The closure's loss, with recording on."""
    before = set_grad(True)
    try:
        return closure()
    finally:
        set_grad(before)


def number(value: Any) -> Any:
    """An option as a number: a tensor of one element becomes a NumPy scalar, so that what is
    computed from it is rounded to its dtype, as in PyTorch."""
    return _scalar(np.asarray(value._data)) if isinstance(value, Tensor) else value


def counter(value: float) -> Tensor:
    """A 0-d tensor of the state."""
    wide = S.default_dtype.np == np.float64
    return wrap(np.float64(value) if wide else np.float32(value))


def zeros_of(p: Tensor, value: Any = 0) -> Tensor:
    """A tensor of one value, with the shape, the dtype and the order in memory of a parameter."""
    data = np.asarray(p._data)
    return wrap(np.zeros_like(data) if not value else np.full_like(data, value))


def _not_capturable(what: str, foreach: Any) -> AssertionError:
    devices = "['cuda', 'xpu', 'hpu', 'privateuseone'" + ("]" if foreach else ", 'xla']")
    return AssertionError(
        hinted(
            f"If capturable=True, {what} must be on supported devices: {devices}.",
            hint="capturable is for CUDA graphs; leave it out on the CPU",
        )
    )


def sparse_refused(name: str) -> RuntimeError:
    """PyTorch's error of an optimizer that takes no sparse gradients."""
    instead = ", please consider SparseAdam instead" if name == "Adam" else ""
    return RuntimeError(
        hinted(
            f"{name} does not support sparse gradients{instead}",
            hint="torch.optim.SparseAdam, SGD and Adagrad do; sparse=False makes dense gradients",
        )
    )


def not_the_shape(p: Tensor, grad: Tensor) -> RuntimeError:
    """What a step says of a gradient that does not fit its parameter."""
    return RuntimeError(
        hinted(
            "The size of a gradient must match the size of its parameter",
            f"parameter: {list(p.shape)}, gradient: {list(grad.shape)}",
            hint="zero_grad() after giving a parameter other .data",
        )
    )
