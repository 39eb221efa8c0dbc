"""Small things that several families of layers share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ...ops.make.create import empty
from ..parameter import Parameter

__all__ = ["consume_prefix_in_state_dict_if_present", "factory_kwargs", "new_parameter"]


def _ntuple(n: int, name: str = "parse") -> Callable[[Any], tuple[Any, ...]]:
    def parse(x: Any) -> tuple[Any, ...]:
        return tuple(x) if isinstance(x, Iterable) else (x,) * n

    parse.__name__ = name
    return parse


_single, _pair = _ntuple(1, "_single"), _ntuple(2, "_pair")
_triple, _quadruple = _ntuple(3, "_triple"), _ntuple(4, "_quadruple")


def _reverse_repeat_tuple(t: tuple[Any, ...], n: int) -> tuple[Any, ...]:
    """(a, b) as (b, b, a, a): what `F.pad` takes."""
    return tuple(x for x in reversed(t) for _ in range(n))


def factory_kwargs(kwargs: dict[str, Any] | None) -> dict[str, Any]:
    """The keyword arguments `device`, `dtype`, `memory_format` of a module, for makers of tensors.

    Args:
        kwargs: what the module was given; a dict `factory_kwargs` in it is taken apart.

    Raises:
        TypeError: another keyword beside these, or one that is there twice.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.factory_kwargs({"factory_kwargs": {"device": "cpu"}, "dtype": torch.float64})
        {'device': 'cpu', 'dtype': torch.float64}
    """
    if kwargs is None:
        return {}
    simple = {"device", "dtype", "memory_format"}
    unknown = kwargs.keys() - simple - {"factory_kwargs"}
    if unknown:
        raise TypeError(f"unexpected kwargs {unknown}")
    made = dict(kwargs.get("factory_kwargs", {}))
    for name in simple & kwargs.keys():
        if name in made:
            raise TypeError(f"{name} specified twice, in **kwargs and in factory_kwargs")
        made[name] = kwargs[name]
    return made


def new_parameter(*shape: int, device: Any = None, dtype: Any = None) -> Parameter:
    """A parameter of this shape whose values are not set.

    Example:
        >>> from chainrule.nn.modules.utils import new_parameter
        >>> new_parameter(2, 3).shape
        torch.Size([2, 3])
    """
    if len(shape) == 1 and isinstance(shape[0], (list, tuple)):
        shape = tuple(shape[0])
    for i, n in enumerate(shape):
        if not isinstance(n, int) and not hasattr(n, "__index__"):
            raise TypeError(
                f"empty(): argument 'size' failed to unpack the object at pos {i + 1} with error "
                f'"type must be tuple of ints,but got {type(n).__name__}"\n'
                "Hint: the sizes of a layer are whole numbers: int(...)"
            )
    made: Parameter = Parameter(empty(shape, device=device, dtype=dtype))
    return made


def consume_prefix_in_state_dict_if_present(state_dict: dict[str, Any], prefix: str) -> None:
    """Take `prefix` off the paths of a state, in place.

    Example:
        >>> from chainrule.nn.modules.utils import consume_prefix_in_state_dict_if_present
        >>> state = {"module.weight": 1}
        >>> consume_prefix_in_state_dict_if_present(state, "module.")
        >>> state
        {'weight': 1}
    """
    for key in list(state_dict):
        if key.startswith(prefix):
            state_dict[key[len(prefix) :]] = state_dict.pop(key)
    metadata: Any = getattr(state_dict, "_metadata", None)
    for key in list(metadata or ()):
        if key and (key == prefix.rstrip(".") or key.startswith(prefix)):
            metadata[key[len(prefix) :]] = metadata.pop(key)
