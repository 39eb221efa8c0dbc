"""`torch.ops.aten`: PyTorch's names of single operations, for those who decide op by op.

`torch.ops.aten.mm.default` is an `Overload`: it can be called, compared and printed, and it is what
a policy of `torch.utils.checkpoint.create_selective_checkpoint_contexts` is given for a matrix
product. `overload_of(prim, inputs)` names one call of an op of the registry: an op whose operands
decide which of PyTorch's it is (`matmul`: mm, bmm, mv, dot), or that is called otherwise there, is
in the tables below; every other keeps its name. Loaded when it is named.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...core.primitive import PUBLIC, REGISTRY
from ...core.tensor import Tensor
from ..late import FAMILY_OF, load

__all__ = ["Overload", "Packet", "overload_of"]


class Overload:
    """One operation of PyTorch, such as `torch.ops.aten.add.Tensor`.

    Equal to another of the same name, and to the public function that computes it: a policy may say
    `op in (torch.mm, torch.sin)`.
    """

    def __init__(self, name: str, overload: str) -> None:
        self._name, self._overloadname = name, overload

    @property
    def overloadpacket(self) -> Packet:
        """The operation without its overload."""
        return Packet(self._name)

    def name(self) -> str:
        """`aten::add.Tensor`."""
        end = "" if self._overloadname == "default" else "." + self._overloadname
        return f"aten::{self._name}{end}"

    @property
    def function(self) -> Callable[..., Any] | None:
        """The public function that computes it; None if there is none of this name."""
        return _public(self._name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        function = self.function
        if function is None:
            raise NotImplementedError(f"{self} has no public function of that name to call")
        return function(*args, **kwargs)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Overload):
            mine, theirs = (self._name, self._overloadname), (other._name, other._overloadname)
            return mine == theirs
        if isinstance(other, str):
            return other in (self._name, str(self), self.name())
        function = self.function  # overrides.py may have wrapped what a program names
        return callable(other) and function in (other, getattr(other, "__wrapped__", other))

    def __hash__(self) -> int:
        return hash((self._name, self._overloadname))

    def __str__(self) -> str:
        return f"aten.{self._name}.{self._overloadname}"

    def __repr__(self) -> str:
        return f"<OpOverload(op='aten.{self._name}', overload='{self._overloadname}')>"


class Packet:
    """All overloads of one operation: `torch.ops.aten.mm`; its attributes are the overloads."""

    def __init__(self, name: str) -> None:
        self.__name__ = name

    def __getattr__(self, name: str) -> Overload:
        if name.startswith("_") or name not in OVERLOADS:
            raise AttributeError(
                f"The underlying op of 'aten.{self.__name__}' has no overload name '{name}'"
            )
        return Overload(self.__name__, name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return Overload(self.__name__, "default")(*args, **kwargs)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Packet) and other.__name__ == self.__name__

    def __hash__(self) -> int:
        return hash(self.__name__)

    def __str__(self) -> str:
        return f"aten.{self.__name__}"

    def __repr__(self) -> str:
        return f"<OpOverloadPacket(op='aten.{self.__name__}')>"


OVERLOADS = frozenset(
    "default Tensor Scalar out int dim dim_IntList Tensor_Tensor Tensor_Scalar self ScalarSelf "
    "Tensor_mode Tensor_other correction other using_ints IntList names grad_input float sections "
    "Scalar_mode memory_format".split()
)  # fmt: skip

# Called otherwise in PyTorch.
NAMES = {
    "affine": "addmm",
    "affine_any": "addmm",
    "copy_slices": "slice_scatter",
    "index_put_canonical": "index_put",
    "log_softmax": "_log_softmax",
    "max_dim": "max",
    "min_dim": "min",
    "prelu_kernel": "_prelu_kernel",
    "reshape": "view",
    "softmax": "_softmax",
    "to_dtype": "_to_copy",
    "vdot": "dot",
    "log_sigmoid": "log_sigmoid_forward",
    "nll_loss": "nll_loss_forward",
    "same": "eq",
    "alias": "alias",
}
TWO_OPERANDS = frozenset(
    "add sub mul div atan2 bitwise_and bitwise_or bitwise_xor copysign eq ne lt le gt ge fmod "
    "remainder rsub".split()
)
AXES = frozenset("sum mean amax amin std var any all prod logsumexp".split())
PRODUCTS = {(1, 1): "dot", (2, 1): "mv", (2, 2): "mm", (3, 3): "bmm"}


def overload_of(prim: Any, inputs: tuple[Any, ...], params: tuple[Any, ...]) -> Overload:
    """What PyTorch calls this call of an op."""
    name = prim.name
    if name in ("matmul", "linear"):
        return _product(name, inputs)
    if name == "pow":
        return Overload(
            "pow", "Tensor_Tensor" if isinstance(inputs[1], Tensor) else "Tensor_Scalar"
        )
    if name in TWO_OPERANDS:
        number = name in _COMPARED and not isinstance(inputs[1], Tensor)
        return Overload(name, "Scalar" if number else "Tensor")
    if name in ("sum", "mean") and params and params[0]:
        return Overload(name, "dim_IntList" if name == "sum" else "dim")
    if name in ("max_dim", "min_dim"):
        return Overload(NAMES[name], "dim")
    if name in ("std", "var"):
        return Overload(name, "correction")
    if name in ("select", "transpose", "slice", "split", "unbind"):
        return Overload(name, _INT_OVERLOAD[name])
    if name in ("index", "gather_index"):
        return Overload(name, "Tensor")
    if name == "where":
        return Overload(name, "self")
    return Overload(NAMES.get(name, name), "default")


_COMPARED = frozenset("eq ne lt le gt ge".split())
_INT_OVERLOAD = {
    "select": "int",
    "slice": "Tensor",
    "split": "Tensor",
    "transpose": "int",
    "unbind": "int",
}


def _product(name: str, inputs: tuple[Any, ...]) -> Overload:
    """A matrix product by the dimensions of its operands; `linear` is a product of matrices."""
    if name == "linear":
        bias = len(inputs) > 2 and inputs[2] is not None
        return Overload("addmm" if bias else "mm", "default")
    dims = tuple(t._data.ndim for t in inputs[:2])
    return Overload(PRODUCTS.get(dims, "matmul"), "default")


def _public(name: str) -> Callable[..., Any] | None:
    for path in (name, "nn.functional." + name, name.lstrip("_"), "Tensor." + name):
        if path not in PUBLIC and path in FAMILY_OF:
            load(FAMILY_OF[path])
        if path in PUBLIC:
            return PUBLIC[path]
    return None


def __getattr__(name: str) -> Packet:
    if name.startswith("__"):
        raise AttributeError(name)
    known = name in REGISTRY or name in _KNOWN or _public(name) is not None
    if not known:
        raise AttributeError(f"'_OpNamespace' 'aten' object has no attribute '{name}'", name=name)
    return Packet(name)


_KNOWN = frozenset(NAMES.values()) | frozenset(PRODUCTS.values()) | frozenset(
    "sym_storage_offset numel is_contiguous size is_strides_like_format dim stride detach "
    "is_non_overlapping_and_dense sym_numel storage_offset sym_size sym_stride convolution "
    "native_dropout _scaled_dot_product_flash_attention_for_cpu t expand addmm".split()
)  # fmt: skip
