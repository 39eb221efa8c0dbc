"""`torch.autograd.forward_ad`: dual numbers by hand, in a `dual_level`.

Inside the level every op sees dual tensors (`core/forward.py`). Plain `backward()` and
`autograd.grad` work on them too: the tape is then made of dual tensors, so gradients have tangents
(forward over reverse), and tangents have gradients (reverse over forward).
"""

from __future__ import annotations

from types import TracebackType
from typing import Any, NamedTuple

from .. import errors
from .._state import modes
from ..core.forward import Forward
from ..core.record import OPS
from ..core.tensor import Tensor

__all__ = [
    "UnpackedDualTensor",
    "dual_level",
    "enter_dual_level",
    "exit_dual_level",
    "make_dual",
    "unpack_dual",
]


class UnpackedDualTensor(NamedTuple):
    """What `unpack_dual` returns: the primal, and the tangent (None: there is none)."""

    primal: Tensor
    tangent: Tensor | None


def _levels() -> list[Forward]:
    """The dual levels of this thread that are open."""
    return [m for m in modes() if isinstance(m, Forward) and m.taped]


def enter_dual_level() -> int:
    """Open the level; returns its number. `with dual_level():` also closes it.

    Raises:
        RuntimeError: one is open already.
    """
    if _levels():
        raise RuntimeError(
            errors.hinted(
                "Nested forward mode AD is not supported at the moment",
                hint="torch.func.jvp nests to any depth",
            )
        )
    Forward(taped=True).__enter__()
    return 0


def exit_dual_level(*, level: int | None = None) -> None:
    """Close the level: dual tensors become their primals.

    Raises:
        RuntimeError: it is not the level that was opened last.
    """
    found = _levels()
    if not found:
        raise RuntimeError("Dual level must be a positive number.")
    if level not in (None, 0) or modes()[-1] is not found[-1]:
        raise RuntimeError(
            "Trying to exit a forward AD level that was not the last one that was created. This is "
            "not supported."
        )
    found[-1].__exit__(None, None, None)


class dual_level:  # PyTorch's name
    """The context in which dual tensors live.

    Example:
        >>> import chainrule as torch
        >>> import chainrule.autograd.forward_ad as fwAD
        >>> with fwAD.dual_level():
        ...     x = fwAD.make_dual(torch.tensor(2.0), torch.tensor(1.0))
        ...     fwAD.unpack_dual(x**3).tangent
        tensor(12.)
    """

    def __enter__(self) -> int:
        return enter_dual_level()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        exit_dual_level()

    def __call__(self, func: Any) -> Any:
        def inside(*args: Any, **kwargs: Any) -> Any:
            with self:
                return func(*args, **kwargs)

        return inside


def make_dual(tensor: Tensor, tangent: Tensor, *, level: int | None = None) -> Tensor:
    """A dual tensor: `tensor` with the tangent `tangent`, of the same shape.

    Raises:
        RuntimeError: no level is open; the shapes differ.
        ValueError: one of the two is not floating point.
    """
    open_level = _open(level)
    if open_level is None:
        raise RuntimeError(
            "Trying to create a dual Tensor for forward AD but no level exists, make sure to "
            "enter_dual_level() first."
        )
    open_level.check(tensor, tangent)
    if open_level.tangent(tensor) is not None:
        raise RuntimeError(
            errors.hinted(
                "Making a dual Tensor based on a Tensor that already has a forward gradient at the "
                "same level 0 is not supported.",
                hint="unpack_dual(tensor).primal is the tensor without its tangent",
            )
        )
    tangent = open_level.inner(tangent)
    if modes()[-1] is not open_level:
        raise RuntimeError("make_dual inside a function given to torch.func is not supported")
    alias: Any = OPS.reshape(tensor, tensor._data.shape)  # a view, as in PyTorch
    if not open_level.owns(alias):
        alias = open_level.dual(alias, tangent)
        if alias._inner._node is not None:
            alias._node = alias._inner._node
    alias._tangent = tangent
    return alias


def _open(level: int | None) -> Forward | None:
    found = _levels()
    return found[-1] if found and level in (None, 0) else None


def unpack_dual(tensor: Tensor, *, level: int | None = None) -> UnpackedDualTensor:
    """The primal and the tangent of a dual tensor; the tangent of any other tensor is None."""
    open_level = _open(level)
    if open_level is None or not open_level.owns(tensor):
        return UnpackedDualTensor(tensor, None)
    return UnpackedDualTensor(tensor._inner, open_level.tangent(tensor))
