"""`Tensor`: an ndarray with a place in the graph. It knows no op by name.

A tensor is six slots: `_data` (an ndarray; for 0-d results a NumPy scalar until someone must alias
it), `_node` (None, the node that made it, or LEAF: a leaf that requires grad), `_grad`, `_vc` (the
version counter, a list of one int shared by all views; None means version 0 and no view yet),
`_view` ((base, parent, prim, params) of a view) and `_meta` (what few tensors have: hooks, views to
keep up to date). Ops become methods in `ops/__init__`, once. Called by everybody; `backward` is
attached by `core/engine.py`, which stands on this file.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import dtypes, errors
from .._state import S, grad_enabled, inference_enabled
from ..kernels.compiled import NATIVE, compiled_as
from . import printing
from .node import INFERENCE, LEAF, Forbidden, Node, Output, levels_of

__all__ = ["Meta", "Size", "Tensor", "blank", "own", "wrap"]

_new, _float32 = object.__new__, np.float32
_OURS = __name__.partition(".")[0] + "."


class Size(tuple):  # type: ignore[type-arg]
    """The shape of a tensor: a tuple that prints as `torch.Size([2, 3])`.

    Example:
        >>> import chainrule as torch
        >>> torch.ones(2, 3).shape, torch.ones(2, 3).shape.numel()
        (torch.Size([2, 3]), 6)
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return f"torch.Size([{', '.join(map(str, self))}])"

    def numel(self) -> int:
        """The number of elements of a tensor of this shape."""
        n = 1
        for d in self:
            n *= d
        return n

    def __add__(self, other: Any) -> Size:
        return Size(tuple.__add__(self, tuple(other)))

    def __radd__(self, other: Any) -> Size:
        return Size(tuple(other) + tuple(self))

    def __mul__(self, n: Any) -> Size:
        return Size(tuple.__mul__(self, n))

    __rmul__ = __mul__

    def __getitem__(self, i: Any) -> Any:
        got = tuple.__getitem__(self, i)
        return Size(got) if type(i) is slice else got

    def __reduce__(self) -> tuple[Any, ...]:
        return Size, (tuple(self),)


class Meta:
    """What only few tensors have."""

    __slots__ = ("accumulator", "creation", "hooks", "retained", "views", "views_limit")

    def __init__(self) -> None:
        self.accumulator: Any = None  # weak reference to the leaf's AccumulateGrad
        self.creation = (
            ""  # of a view that must not be written: no_grad, inference, several, custom
        )
        self.hooks: Any = None  # `Hooks` of a leaf; others keep them at their node
        self.retained: Any = None  # the hook of retain_grad
        self.views: list[Any] = []  # weak references to differentiable views of this base
        self.views_limit = 8  # prune the dead ones when there are more


class Tensor:
    """A multi-dimensional array of one dtype, which records what is computed from it when it
    requires grad.

    Made by `torch.tensor`, `torch.zeros`, ... and by every operation.

    Example:
        >>> import chainrule as torch
        >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> (x * x).sum().backward()
        >>> x.grad
        tensor([2., 4.])
    """

    __slots__ = ("__dict__", "__weakref__", "_data", "_grad", "_meta", "_node", "_vc", "_view")
    __array_priority__ = 1000
    k = 0  # a leaf as an edge: nodes have negative numbers
    _wrapped = False  # a value of a level of func (core/levels.py)

    _data: Any
    _node: Any
    _grad: Tensor | None
    _vc: Any
    _view: tuple[Any, ...] | None
    _meta: Meta | None
    if TYPE_CHECKING:  # the ops are attached by ops/__init__

        def __getattr__(self, name: str) -> Any: ...

        __add__: Any
        __radd__: Any
        __sub__: Any
        __rsub__: Any
        __mul__: Any
        __rmul__: Any
        __truediv__: Any
        __rtruediv__: Any
        __floordiv__: Any
        __rfloordiv__: Any
        __mod__: Any
        __rmod__: Any
        __pow__: Any
        __rpow__: Any
        __matmul__: Any
        __rmatmul__: Any
        __neg__: Any
        __pos__: Any
        __abs__: Any
        __invert__: Any
        __and__: Any
        __rand__: Any
        __or__: Any
        __ror__: Any
        __xor__: Any
        __rxor__: Any
        __lshift__: Any
        __rshift__: Any
        __lt__: Any
        __le__: Any
        __gt__: Any
        __ge__: Any
        __getitem__: Any
        __setitem__: Any
        __iadd__: Any
        __isub__: Any
        __imul__: Any
        __itruediv__: Any

    backward: Callable[..., None]  # these three are attached by core/engine.py
    retain_grad: Callable[..., None]
    register_hook: Callable[..., Any]

    def __new__(cls, *args: Any, **kwargs: Any) -> Tensor:
        return _construct(cls, *args, **kwargs)

    # ------------------------------------------------------------ facts

    @property
    def shape(self) -> Size:
        """The size of every dimension."""
        return Size(self._data.shape)

    def size(self, dim: int | None = None) -> Any:
        """The shape, or the size of dimension `dim`."""
        shape = self._data.shape
        if dim is None:
            return Size(shape)
        return shape[errors.checked_dim(dim, len(shape))]

    def dim(self) -> int:
        """The number of dimensions."""
        return self._data.ndim  # type: ignore[no-any-return]

    ndimension = dim

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return self._data.ndim  # type: ignore[no-any-return]

    def numel(self) -> int:
        """The number of elements."""
        return self._data.size  # type: ignore[no-any-return]

    nelement = numel

    @property
    def dtype(self) -> dtypes.dtype:
        """The type of the elements."""
        return dtypes.from_numpy_dtype(self._data.dtype)

    @property
    def device(self) -> dtypes.device:
        """Where the tensor lives: the CPU."""
        return dtypes.device("cpu")

    @property
    def layout(self) -> dtypes.layout:
        """`torch.strided`; `torch.sparse_coo` of a sparse tensor."""
        return dtypes.sparse_coo if self.is_sparse else dtypes.strided

    @property
    def is_sparse(self) -> bool:
        """Whether it holds indices and values (`kernels/coo.py`) instead of an ndarray."""
        return getattr(self._data, "is_sparse", False)

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""
        return self._data.dtype.itemsize  # type: ignore[no-any-return]

    def element_size(self) -> int:
        """Bytes of one element."""
        return self.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return self._data.nbytes  # type: ignore[no-any-return]

    @property
    def is_leaf(self) -> bool:
        """Whether no recorded operation made it."""
        return self._node is None or self._node.end

    @property
    def grad_fn(self) -> Node | None:
        """The node that made it; None for a leaf."""
        node = self._node
        if node is None or node.end:
            return None
        if type(node) is Output:
            return node.node
        return node if type(node) is not Forbidden else node.refuse()  # type: ignore[no-any-return]

    @property
    def output_nr(self) -> int:
        """Which output of `grad_fn` it is."""
        return self._node.number if type(self._node) is Output else 0

    @property
    def _version(self) -> int:
        """How many times its memory was written in place."""
        vc = self._vc
        if vc is INFERENCE:
            raise RuntimeError("Inference tensors do not track version counter.")
        return 0 if vc is None else vc[0]

    @property
    def _base(self) -> Tensor | None:
        """The tensor this is a view of."""
        return None if self._view is None else self._view[0]

    def _is_view(self) -> bool:
        return self._view is not None

    def is_inference(self) -> bool:
        """Whether it was made in inference mode."""
        return self._vc is INFERENCE

    def is_floating_point(self) -> bool:
        """Whether the dtype is a floating point type."""
        return self.dtype.is_floating_point

    def is_complex(self) -> bool:
        """Whether the dtype is complex."""
        return self.dtype.is_complex

    def is_signed(self) -> bool:
        """Whether the dtype has negative numbers."""
        return self.dtype.is_signed

    is_cuda = is_quantized = is_meta = is_nested = is_sparse_csr = False
    is_cpu = True

    def stride(self, dim: int | None = None) -> Any:
        """Elements to step in memory for one step along every dimension, or along `dim`."""
        step = self._data.dtype.itemsize
        strides = tuple(s // step for s in np.asarray(self._data).strides)
        return strides if dim is None else strides[errors.checked_dim(dim, len(strides))]

    def storage_offset(self) -> int:
        """Elements between the start of the storage and the first element."""
        if self._view is None:
            return 0
        base = self._view[0]._data
        step: int = self._data.dtype.itemsize
        return (_address(self._data) - _address(base)) // step

    def data_ptr(self) -> int:
        """The address of the first element."""
        return _address(own(self))

    def is_contiguous(self, memory_format: Any = None) -> bool:
        """Whether the elements lie in memory in the order of the dimensions, without gaps."""
        return not self.is_sparse and bool(np.asarray(self._data).flags.c_contiguous)

    # ------------------------------------------------------------ grad

    @property
    def requires_grad(self) -> bool:
        """Whether operations on it are recorded."""
        return self._node is not None

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if value is not True and value is not False:
            raise RuntimeError(f"requires_grad must be a bool\ngot: {value!r}")
        if value and self._node is None and self._data.dtype.kind not in "fcV":
            raise errors.float_only(
                "only Tensors of floating point and complex dtype can require gradients",
                self.dtype,
            )
        self.requires_grad_(value)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Ask for gradients of this leaf (or no longer); returns it."""
        errors.checked_bool("requires_grad_", "requires_grad", requires_grad)
        if S.tapes and levels_of(self):
            raise errors.requires_grad_inside()
        if not requires_grad:
            if self._node is not None and self._node is not LEAF:
                raise errors.requires_grad_off(self)
            self._node = None
        elif self._node is None:
            if self._data.dtype.kind not in "fcV":
                raise errors.float_only(
                    "only Tensors of floating point dtype can require gradients", self.dtype
                )
            if self._vc is INFERENCE and not inference_enabled():
                raise errors.inference_requires_grad()
            self._node = LEAF
        return self

    @property
    def grad(self) -> Tensor | None:
        """The gradient that backward accumulated here; None before."""
        if (
            self._grad is None
            and self._node is not None
            and self._node is not LEAF
            and not self.retains_grad
        ):
            warnings.warn(errors.grad_of_non_leaf(self), UserWarning, stacklevel=2)
        return self._grad

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None:
            errors.check_assigned_grad(self, value)
        self._grad = value

    @grad.deleter
    def grad(self) -> None:
        self._grad = None

    @property
    def retains_grad(self) -> bool:
        """Whether `retain_grad()` was called on this non-leaf."""
        return self._meta is not None and self._meta.retained is not None

    # ------------------------------------------------------------ aliases and copies

    def detach(self) -> Tensor:
        """The same memory, outside the graph."""
        if self._vc is None:
            self._vc = [0]
        t = wrap(own(self))
        t._vc = self._vc
        return t

    def detach_(self) -> Tensor:
        """Take this tensor out of the graph; returns it."""
        if self._view is not None:
            raise RuntimeError(
                "Can't detach views in-place. Use detach() instead. If you are using "
                "DistributedDataParallel (DDP) for training, and gradient_as_bucket_view is set "
                "as True, "
                "gradients are views of DDP buckets, and hence detach_() cannot be called on "
                "these gradients. To fix this error, please refer to the Optimizer.zero_grad() "
                "function in torch/optim/optimizer.py as the solution."
            )
        self._node = None
        return self

    @property
    def data(self) -> Tensor:
        """The same memory, outside the graph and with a version counter of its own."""
        return wrap(own(self))

    @data.setter
    def data(self, value: Tensor) -> None:
        if not isinstance(value, Tensor):
            raise TypeError(f"Variable data has to be a tensor, but got {type(value).__name__}")
        if self._node is not None and value._data.dtype.kind not in "fcV":
            raise RuntimeError(
                "data set to a tensor that requires gradients must be floating point or complex "
                "dtype"
            )
        self._data = own(value)

    # ------------------------------------------------------------ leaving for Python and NumPy

    def item(self) -> Any:
        """The Python number in a tensor of one element."""
        data = self._data
        if data.__class__ is _float32:  # its own item() takes three times as long
            return float(data)
        try:
            return data.item()
        except ValueError:
            raise errors.not_one(
                RuntimeError(
                    f"a Tensor with {data.size} elements cannot be converted to Scalar\n"
                    f"shape: {list(data.shape)}\nHint: reduce it first (.sum(), .mean()), or use "
                    ".tolist()"
                )
            ) from None

    def tolist(self) -> Any:
        """Nested lists of Python numbers."""
        return self._data.tolist()

    def numpy(self, *, force: bool = False) -> np.ndarray[Any, Any]:
        """The ndarray that holds the elements, shared."""
        if self._node is not None and not force and (S.grad or grad_enabled()):
            raise errors.numpy_of_graph(self)
        array = own(self)
        if type(array) is not np.ndarray:
            raise TypeError(
                "can't convert Sparse layout tensor to numpy. Use Tensor.to_dense() first."
            )
        return array

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        array = self.numpy()
        if dtype is not None and array.dtype != dtype:
            if copy is False:
                raise ValueError(
                    "Unable to avoid copy while creating an array as requested.\n"
                    f"tensor: {array.dtype}\nHint: leave out copy=False"
                )
            return array.astype(dtype)
        return array.copy() if copy else array

    def _one(self) -> Any:
        if self._data.size != 1:
            raise errors.not_one(
                ValueError(
                    "only one element tensors can be converted to Python scalars\n"
                    f"shape: {list(self._data.shape)}\nHint: reduce it first, or use .tolist()"
                )
            )
        return self.item()

    def __float__(self) -> float:
        return float(self._one())

    def __int__(self) -> int:
        return int(self._one())

    def __complex__(self) -> complex:
        return complex(self._one())

    def __index__(self) -> int:
        if self._data.size != 1 or self._data.dtype.kind not in "biu":
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(self._data.item())

    def __bool__(self) -> bool:
        data = self._data
        if data.size != 1:
            raise errors.not_one(errors.ambiguous_bool(data))
        return bool(data.item())

    def __len__(self) -> int:
        if not self._data.ndim:
            raise TypeError("len() of a 0-d tensor\nHint: it holds one number; use .item() for it")
        return len(self._data)

    def __iter__(self) -> Iterator[Tensor]:
        if not self._data.ndim:
            raise TypeError(
                "iteration over a 0-d tensor\nHint: it holds one number; use .item() for it"
            )
        return iter(self.unbind(0))

    def __hash__(self) -> int:
        return id(self)

    def __repr__(self, *, tensor_contents: Any = None) -> str:
        tapes = levels_of(self) if S.tapes else []
        levels = [(n, "GradTrackingTensor", "") for n in tapes]
        return printing.of_levels(levels, self._repr(bool(tapes)))

    def _repr(self, inside: bool) -> str:
        """The text without transforms; `inside` of one, its graph is not shown."""
        suffixes = []
        if self._node is LEAF:
            suffixes = ["requires_grad=True"]
        elif type(self._node) is Forbidden:
            suffixes = ["grad_fn=<Invalid>"]
        elif self._node is not None and not inside:
            suffixes = [f"grad_fn=<{type(self.grad_fn).__name__}>"]
        if self.is_sparse:
            text: str = self._sparse_text(suffixes)
            return text
        default = S.default_dtype.name
        kind = type(self)
        if kind.__module__.startswith(_OURS):
            return printing.tensor_repr(self._data, suffixes=suffixes, default_dtype=default)
        text = printing.tensor_repr(
            self._data, prefix=kind.__name__ + "(", suffixes=suffixes, default_dtype=default
        )
        return f"Parameter({text})" if getattr(self, "_is_param", False) else text

    def __format__(self, spec: str) -> str:
        return printing.format_value(self._data, spec, self.__repr__, type(self).__name__)

    # ------------------------------------------------------------ for the machine

    def _need_meta(self) -> Meta:
        meta = self._meta
        if meta is None:
            meta = self._meta = Meta()
        return meta


if hasattr(NATIVE, "bind"):
    NATIVE.bind(Tensor, Meta)  # for native/tensors.c, which has `blank` and `wrap` in C

_blank: Callable[[], Tensor] = partial(_new, Tensor)  # quicker than _new(Tensor) by a fifth
blank = compiled_as("core.tensor.blank", _blank)


@partial(compiled_as, "core.tensor.wrap")
def wrap(data: Any) -> Tensor:
    """A new tensor, outside the graph, around an ndarray or a NumPy scalar."""
    t = blank()
    t._data = data
    t._node = t._grad = t._vc = t._view = t._meta = None
    return t


def own(t: Tensor) -> np.ndarray[Any, Any]:
    """The ndarray of `t`, made from the NumPy scalar that stood for it so far if need be: now it
    can be aliased. A sparse array is given as it is, and refuses what only ndarrays do."""
    data: np.ndarray[Any, Any] = t._data
    if type(data) is not np.ndarray and not getattr(data, "is_sparse", False):
        data = t._data = np.array(data)
    return data


def _address(array: Any) -> int:
    address: int = np.asarray(array).__array_interface__["data"][0]
    return address


def _construct(cls: type[Tensor], *args: Any, **kwargs: Any) -> Tensor:
    """`torch.Tensor(2, 3)`, `torch.Tensor([1, 2])`, `torch.Tensor()`: the legacy constructor,
    default dtype."""
    target = S.default_dtype.np
    if kwargs:
        raise TypeError(
            f"new() received an invalid combination of arguments - got {', '.join(kwargs)}"
        )
    if len(args) == 1 and not isinstance(args[0], int):
        source = args[0]
        if not isinstance(source, (Tensor, np.ndarray, Sequence)) or isinstance(source, str):
            raise TypeError(
                f"new(): data must be a sequence (got {type(source).__name__})\n"
                "Hint: torch.tensor(value) takes numbers"
            )
        data = source._data if isinstance(source, Tensor) else np.array(source, dtype=target)
        if data.dtype != target:
            data = data.astype(target)
    else:
        data = np.empty(tuple(int(a) for a in args) if args else (0,), dtype=target)
    t = wrap(data)
    return t if cls is Tensor else _as_subclass(t, cls)


def _as_subclass(t: Tensor, cls: type[Tensor]) -> Tensor:
    made = _new(cls)
    for slot in ("_data", "_node", "_grad", "_vc", "_view", "_meta"):
        setattr(made, slot, getattr(t, slot))
    return made
