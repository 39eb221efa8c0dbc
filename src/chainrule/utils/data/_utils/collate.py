"""How samples become a batch (`default_collate`) or tensors (`default_convert`)."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any

import numpy as np

from ....core.tensor import Tensor
from ....dtypes import float64
from ....ops.make.from_data import as_tensor, tensor
from ....ops.shape.join import stack

__all__ = ["collate", "default_collate", "default_collate_fn_map", "default_convert"]

Kinds = dict[Any, Callable[..., Any]]
_UNKNOWN = (
    "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found {}"
)


def default_convert(data: Any) -> Any:
    """NumPy arrays and scalars as tensors, inside containers too; everything else as it is.

    What a loader without batches (batch_size=None) does to a sample.

    Example:
        >>> import numpy as np
        >>> from chainrule.utils.data import default_convert
        >>> default_convert({"x": np.arange(2), "name": "a"})
        {'x': tensor([0, 1]), 'name': 'a'}
    """
    if isinstance(data, Tensor):
        return data
    if isinstance(data, (np.ndarray, np.generic)) and not isinstance(data, (str, bytes)):
        return data if data.dtype.kind in "SU" else as_tensor(data)
    if isinstance(data, Mapping):
        return _mapping_like(data, {key: default_convert(data[key]) for key in data})
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*(default_convert(x) for x in data))
    if isinstance(data, tuple):
        return [default_convert(x) for x in data]
    if isinstance(data, Sequence) and not isinstance(data, (str, bytes)):
        return _sequence_like(data, [default_convert(x) for x in data])
    return data


def _mapping_like(model: Any, values: dict[Any, Any]) -> Any:
    """`values` in a mapping of the model's class and attributes (a defaultdict's factory)."""
    try:
        if isinstance(model, MutableMapping):
            made = copy.copy(model)
            made.update(values)
            return made
        return type(model)(values)
    except TypeError:
        return values


def _sequence_like(model: Any, values: list[Any]) -> Any:
    try:
        if isinstance(model, MutableSequence):
            made = copy.copy(model)
            for i, value in enumerate(values):
                made[i] = value
            return made
        return values if isinstance(model, range) else type(model)(values)
    except TypeError:
        return values


def collate(batch: Any, *, collate_fn_map: Kinds | None = None) -> Any:
    """Collate by a table of kinds; containers are taken apart, and their parts collated.

    Args:
        batch: samples of one kind.
        collate_fn_map: {class or tuple of classes: function(batch, *, collate_fn_map)}; the class
            of the first sample is looked up, then the classes it is an instance of, in order.

    Raises:
        TypeError: samples the table does not know.
        RuntimeError: sequences of different lengths.
    """
    first, kinds = batch[0], collate_fn_map or {}
    function = kinds.get(type(first))
    if function is None:
        function = next((f for kind, f in kinds.items() if isinstance(first, kind)), None)
    if function is not None:
        return function(batch, collate_fn_map=collate_fn_map)
    if isinstance(first, Mapping):
        columns = {k: collate([s[k] for s in batch], collate_fn_map=kinds) for k in first}
        return _mapping_like(first, columns)
    named = isinstance(first, tuple) and hasattr(first, "_fields")
    if not isinstance(first, Sequence):
        raise TypeError(_UNKNOWN.format(type(first)))
    if not named and any(len(sample) != len(first) for sample in batch):
        raise RuntimeError("each element in list of batch should be of equal size")
    parts = [collate(column, collate_fn_map=kinds) for column in zip(*batch, strict=False)]
    if named:
        return type(first)(*parts)
    return parts if isinstance(first, tuple) else _sequence_like(first, parts)


def _tensors(batch: Any, *, collate_fn_map: Any = None) -> Tensor:
    made: Tensor = stack(list(batch))
    return made


def _arrays(batch: Any, *, collate_fn_map: Any = None) -> Any:
    if batch[0].dtype.kind in "SUO":
        raise TypeError(_UNKNOWN.format(batch[0].dtype))
    return collate([as_tensor(x) for x in batch], collate_fn_map=collate_fn_map)


def _numpy_scalars(batch: Any, *, collate_fn_map: Any = None) -> Tensor:
    return as_tensor(np.array(batch))


def _floats(batch: Any, *, collate_fn_map: Any = None) -> Tensor:
    return tensor(batch, dtype=float64)


def _ints(batch: Any, *, collate_fn_map: Any = None) -> Tensor:
    return tensor(batch)


def _as_they_are(batch: Any, *, collate_fn_map: Any = None) -> Any:
    return batch


default_collate_fn_map: Kinds = {
    Tensor: _tensors,
    np.ndarray: _arrays,
    (np.bool_, np.number, np.object_): _numpy_scalars,
    float: _floats,
    int: _ints,
    str: _as_they_are,
    bytes: _as_they_are,
}


def default_collate(batch: Any) -> Any:
    """Samples to a batch: tensors are stacked, numbers become a tensor, containers keep their form.

    Tensors and arrays of shape s become a tensor of shape (batch, *s); floats become float64, ints
    int64; strings stay a list; dicts, named tuples and lists are collated part by part, and of
    tuples comes a list.

    Example:
        >>> from chainrule.utils.data import default_collate
        >>> default_collate([{"x": 1.5, "name": "a"}, {"x": 2.5, "name": "b"}])
        {'x': tensor([1.5000, 2.5000], dtype=torch.float64), 'name': ['a', 'b']}
    """
    return collate(batch, collate_fn_map=default_collate_fn_map)
