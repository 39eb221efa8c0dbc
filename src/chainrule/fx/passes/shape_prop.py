"""`ShapeProp`: runs a GraphModule and notes shape and dtype at every node.

Who may call: users, who read `node.meta["tensor_meta"]` afterwards.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ...core.tensor import Size, Tensor
from ...dtypes import contiguous_format, dtype
from ..interpreter import Interpreter
from ..node import Node, map_aggregate

__all__ = ["ShapeProp", "TensorMetadata"]


class TensorMetadata(NamedTuple):
    """What is noted about a tensor."""

    shape: Size
    dtype: dtype
    requires_grad: bool
    stride: tuple[int, ...]
    memory_format: Any
    is_quantized: bool
    qparams: dict[str, Any]


class ShapeProp(Interpreter):
    """Runs a graph, and leaves at each node what its value is.

    Args:
        gm: the module.

    Example:
        >>> import chainrule as torch
        >>> from chainrule.fx.passes.shape_prop import ShapeProp
        >>> traced = torch.fx.symbolic_trace(lambda x: (x @ x.T).sum(0))
        >>> made = ShapeProp(traced).propagate(torch.ones(2, 3))
        >>> {n.name: tuple(n.meta["tensor_meta"].shape) for n in list(traced.graph.nodes)[2:4]}
        {'matmul': (2, 2), 'sum_1': (2,)}
    """

    def run_node(self, n: Node) -> Any:
        """Run one node; its value's type is in `meta["type"]`, and that of its tensors in
        `meta["tensor_meta"]`."""
        made = super().run_node(n)
        seen = False

        def note(a: Any) -> Any:
            nonlocal seen
            if not isinstance(a, Tensor):
                return a
            seen = True
            return _metadata(a)

        meta = map_aggregate(made, note)
        if seen:
            n.meta["tensor_meta"] = meta
        n.meta["type"] = type(made)
        return made

    def propagate(self, *args: Any) -> Any:
        """Run the graph on these inputs; returns what it returns."""
        return super().run(*args)


def _metadata(t: Tensor) -> TensorMetadata:
    memory = contiguous_format if t.is_contiguous() else None
    return TensorMetadata(t.shape, t.dtype, t.requires_grad, t.stride(), memory, False, {})
