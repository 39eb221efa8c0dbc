"""The stack of interpreters: who else, besides plain evaluation, wants to see each op.

An interpreter is a small class with `process(prim, inputs, params)`; while one is on the stack,
`_state.S.mode` is set and every op of that thread goes to the innermost. It does its work and
evaluates the op one level down (`below()`). Interpreters are chosen by context (the stack), not by
data carried on the arguments. `assign(target, value)` tells an interpreter that `target` has been
overwritten by the tensor `value` (in-place and views are expressed as ordinary ops followed by one
assignment, see `core/views.py`), so no interpreter handles in-place operations itself. Called by
`core/primitive.py`; implemented here (`Inference`) and by `compile/`, `func/`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .. import _state
from .._state import S, _local, _lock
from .node import INFERENCE

if TYPE_CHECKING:
    from .primitive import Primitive
    from .tensor import Tensor

__all__ = [
    "InferenceMode",
    "Interpreter",
    "assigned",
    "below",
    "composing",
    "current",
    "drawn",
    "drawn_from",
    "pop",
    "push",
    "remove",
]


class Interpreter:
    """One level of interpretation.

    Attributes:
        writes: it performs in-place operations itself (`inplace`, `overwrite`, see
            `core/levels.py`); the others are told by `assign`.
        innermost: it must see ops before any level does: a level that is entered puts
            `renewed()` of it on top of itself.
        casts: it brings operands of products to one dtype, so theirs may differ.
        follows: it only looks at what each op made, so ops that do several things at once are not
            taken apart for it (`composing`).
    """

    writes = False
    innermost = False
    casts = False
    follows = False

    def renewed(self) -> Interpreter:
        """What stands for this one above a new level."""
        return self

    def process(self, prim: Primitive, inputs: tuple[Any, ...], params: tuple[Any, ...]) -> Any:
        """Evaluate one op. `inputs` are tensors, numbers or None; `params` the static parameters in
        order."""
        raise NotImplementedError

    def lowered(self, operands: tuple[Any, ...]) -> tuple[Any, ...]:
        """The operands of a product in the dtype it is evaluated in (where `casts`)."""
        return operands

    def widened(self, operands: tuple[Any, ...]) -> tuple[Any, ...]:
        """The operands of what must not lose precision in the dtype for it (where `casts`)."""
        return operands

    def assign(self, target: Tensor, value: Tensor) -> None:
        """`target` now holds what `value` holds."""

    def writing(self, target: Tensor) -> None:
        """The memory of `target` is about to be overwritten."""

    def draw(self, make: Callable[[Any], Any], shape: Any) -> Any:
        """Random numbers of `shape`, made by `make(shape)`; a batch level decides how many."""
        with below(self):
            return drawn(make, shape)

    def draw_from(self, make: Callable[..., Any], operands: tuple[Any, ...]) -> Any:
        """Random numbers `make(*operands)` whose distribution is given by tensors."""
        with below(self):
            return drawn_from(make, *operands)

    def __enter__(self) -> Any:
        push(self)
        return self

    def __exit__(self, *exc: object) -> None:
        pop(self)


def current() -> Interpreter | None:
    """The innermost interpreter of this thread."""
    stack = _local.modes
    return stack[-1] if stack else None


def casting() -> bool:
    """Whether an autocast of this thread brings operands of products to one dtype."""
    mode = None if S.mode is None else current()
    return mode is not None and mode.casts


def lowered(*operands: Any) -> tuple[Any, ...]:
    """Operands of a function that is several ops here, as a running autocast wants them."""
    mode = None if S.mode is None else current()
    return mode.lowered(operands) if mode is not None and mode.casts else operands


def widened(*operands: Any) -> tuple[Any, ...]:
    """Operands of a loss, which a running autocast evaluates in float32."""
    mode = None if S.mode is None else current()
    return mode.widened(operands) if mode is not None and mode.casts else operands


def composing() -> bool:
    """Whether an interpreter of this thread must see simple ops in place of one that does several
    things at once: there is a rule for batches, tangents or symbols of each simple op, not of
    every such one."""
    return S.mode is not None and not all(mode.follows for mode in _state.modes())


def push(interpreter: Interpreter) -> None:
    """Put an interpreter on this thread's stack."""
    _local.modes.append(interpreter)
    with _lock:
        S.mode_count += 1
        S.mode = current


def pop(interpreter: Interpreter) -> None:
    """Take the innermost interpreter, which must be this one, from the stack."""
    top = _local.modes.pop()
    assert top is interpreter, (
        "interpreters must be left in the order they were entered, innermost first"
    )
    with _lock:
        S.mode_count -= 1
        if not S.mode_count:
            S.mode = None


def remove(interpreter: Interpreter) -> None:
    """Take an interpreter from this thread's stack wherever it stands: one that a program switched
    on without a `with`, such as `set_detect_anomaly(True)`."""
    stack = _state.modes()
    if interpreter in stack:
        stack.remove(interpreter)
        with _state._lock:
            S.mode_count -= 1
            if not S.mode_count:
                S.mode = None


@contextmanager
def below(interpreter: Interpreter) -> Iterator[None]:
    """Evaluate one level down: the innermost interpreter is set aside."""
    pop(interpreter)
    try:
        yield
    finally:
        push(interpreter)


def drawn(make: Callable[[Any], Any], shape: Any) -> Any:
    """`make(shape)`, a draw of random numbers, as the innermost interpreter wants it."""
    mode = current() if S.mode is not None else None
    return make(shape) if mode is None else mode.draw(make, shape)


def drawn_from(make: Callable[..., Any], *operands: Any) -> Any:
    """`make(*operands)`, a draw whose distribution is given by tensors, as the innermost
    interpreter wants it."""
    mode = current() if S.mode is not None else None
    return make(*operands) if mode is None else mode.draw_from(make, operands)


def assigned(target: Tensor, value: Tensor) -> None:
    """Tell the innermost interpreter, if there is one, that `target` was overwritten by `value`."""
    mode = current() if S.mode is not None else None
    if mode is not None:
        mode.assign(target, value)


class InferenceMode(Interpreter):
    """`torch.inference_mode()`: nothing but views of ordinary tensors can be recorded (under
    `enable_grad`), and what is made can never be saved for backward."""

    follows = True

    def process(self, prim: Primitive, inputs: tuple[Any, ...], params: tuple[Any, ...]) -> Any:
        with below(self):
            before = _state.set_grad(prim.view and _state.grad_enabled())
            try:
                out = prim.call(*inputs, params=params)
            finally:
                _state.set_grad(before)
            for t in out if type(out) is tuple else (out,):
                if not t._wrapped and (t._view is None or t._view[0]._vc is INFERENCE):
                    t._vc = INFERENCE
        return out
