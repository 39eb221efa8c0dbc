"""`grad_fn._raw_saved_x.register_hooks`: saved-tensor hooks on one saved value of one node.

General nodes and those of `autograd.Function` can hold a packed value in its place. The lean nodes
cannot: theirs get a class of the same name whose readings put the value back for their time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import errors
from .._state import set_grad
from ..core.custom import FunctionNode
from ..core.node import Node
from ..core.record import GeneralNode, Packed, packed_class, version_of
from ..core.tensor import Tensor
from .graph import pack_hook_wrote

__all__ = ["SavedTensor"]


class SavedTensor:
    """One value that a node keeps for backward.

    Example:
        >>> import chainrule as torch
        >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> y = x * x
        >>> y.grad_fn._raw_saved_self.register_hooks(lambda t: t.half(), lambda kept: kept.float())
        >>> y.sum().backward()
        >>> x.grad
        tensor([2., 4.])
    """

    def __init__(self, node: Node, name: Any) -> None:
        self._node, self._name = node, name

    def register_hooks(
        self, pack_hook: Callable[[Tensor], Any], unpack_hook: Callable[[Any], Tensor]
    ) -> None:
        """Keep `pack_hook(tensor)` instead, and turn it back with `unpack_hook` when it is needed.

        Raises:
            TypeError: a hook is not callable.
            RuntimeError: the value was freed by a backward, is None, or has hooks already;
                `pack_hook` writes its argument.
        """
        for hook in (pack_hook, unpack_hook):
            if not callable(hook):
                raise TypeError(
                    "register_hooks(): incompatible function arguments. Hooks must be callable, "
                    f"not {type(hook).__name__}"
                )
        holder = _place(self._node, self._name)
        if holder.packed:
            raise RuntimeError(
                "Calling register_hooks on a saved tensor whose hooks have already been set. "
                "Hint: only one pair of hooks is allowed at a time."
            )
        if holder.value is None:
            raise RuntimeError(
                "Calling register_hooks on a saved tensor with value None is forbidden\n"
                "Hint: the rule does not need this value here"
            )
        version, before = version_of(holder.value), set_grad(False)
        try:
            held = pack_hook(holder.value)
        finally:
            set_grad(before)
        if version_of(holder.value) != version:
            raise pack_hook_wrote()
        holder.put(Packed(held, unpack_hook, holder.edge))


class _Place:
    """Where a node keeps a value.

    Attributes:
        value: as a tensor. edge: as `Packed` wants it. packed: whether hooks hold it already.
    """

    def __init__(self, value: Any, edge: Any, put: Callable[[Packed], None]) -> None:
        self.value, self.edge, self.put = value, edge, put
        self.packed = type(value) is Packed


def _freed() -> RuntimeError:
    return RuntimeError(
        errors.hinted(
            "Calling register_hooks on a saved tensor after it has been freed. Saved intermediate "
            "values of the graph are freed when you call .backward() or autograd.grad(). Specify "
            "retain_graph=True if you need to backward through the graph a second time or if you "
            "need to access saved variables after calling backward.",
            hint="register the hooks before backward",
        )
    )


def _place(node: Any, name: Any) -> _Place:
    if isinstance(node, FunctionNode):
        return _of_function(node, name)
    try:
        value = node.saved().get(name)
    except errors.SavedFreed:
        raise _freed() from None
    if isinstance(node, GeneralNode):
        return _of_general(node, name, value)
    return _of_lean(node, name, value)


def _of_function(node: Any, i: int) -> _Place:
    if node.s0 is None:
        raise _freed()

    def put(packed: Packed) -> None:
        node.s0[i] = packed

    entry = node.s0[i]
    if type(entry) is Packed or entry is None:
        return _Place(entry, None, put)
    value = node.unpacked()[i]
    return _Place(value, value if len(entry) == 2 else entry[3], put)


def _of_general(node: Any, name: str, value: Any) -> _Place:
    i = next(i for i, (_, _, n) in enumerate(node.prim.layout.saves) if n == name)
    kind, index, _ = node.prim.layout.saves[i]

    def put(packed: Packed) -> None:
        node.s0[i] = packed
        node.__class__ = packed_class(type(node))

    if type(node.s0[i]) is Packed:
        value = node.s0[i]
    return _Place(value, index if kind == "out" else value, put)


def _of_lean(node: Any, name: str, value: Any) -> _Place:
    known = node.__dict__.setdefault("_hooked", {})
    if name in known or value is None:
        return _Place(known.get(name), None, lambda packed: None)
    held: dict[str, tuple[Packed, bool]] = node.__dict__.setdefault("_held", {})
    first, second = getattr(node, "s0", None), getattr(node, "s1", None)
    is_array = first is not value and second is not value
    slot = "s0" if first is (value._data if is_array else value) else "s1"

    def put(packed: Packed) -> None:
        held[slot], known[name] = (packed, is_array), packed
        setattr(node, slot, None)
        if not is_array:  # what the hook gives back is new
            setattr(node, "v" + slot[1], 0)
        elif type(getattr(node, "v1", None)) is list:
            node.v1 = [0]
        node.__class__ = _holding(type(node))

    return _Place(value, 0 if is_array else value, put)


_HOLDING: dict[type, type] = {}


def _holding(cls: type) -> type:
    """The class of a lean node of which hooks keep values."""
    made = _HOLDING.get(cls)
    if made is None:
        names = ("raw", "rec", "some", "rows", "saved")
        body: dict[str, Any] = {name: _filled(getattr(cls, name)) for name in names}
        made = _HOLDING[cls] = type(cls.__name__, (cls,), body | {"__slots__": ()})
        _HOLDING[made] = made
    return made


def _filled(method: Callable[..., Any]) -> Callable[..., Any]:
    """A reading of a node during which the values are back in their places."""

    def reading(self: Any, *args: Any) -> Any:
        held = self.__dict__["_held"]
        if not held or self.__dict__.get("_filling"):
            return method(self, *args)
        self.__dict__["_filling"] = True
        there = {}
        for slot, (packed, is_array) in held.items():
            t = packed.get(self, True)
            there[slot] = t._data if is_array else t
            setattr(self, slot, there[slot])
        try:
            return method(self, *args)
        finally:
            self.__dict__["_filling"] = False
            for slot, value in there.items():
                if getattr(self, slot) is value:
                    setattr(self, slot, None)
                else:  # released by this reading
                    del held[slot]

    return reading
