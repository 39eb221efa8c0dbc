"""Pruning: parts of a parameter set to zero by a mask.

The parameter moves to `weight_orig`, the mask is the buffer `weight_mask`, and `weight` is computed
from both before every call. `remove` makes it an ordinary parameter with zeros.
"""

from __future__ import annotations

import numbers
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

from ...ops.fast import T
from ...ops.reduce.vector_norm import vector_norm

__all__ = [
    "BasePruningMethod",
    "CustomFromMask",
    "Identity",
    "L1Unstructured",
    "LnStructured",
    "PruningContainer",
    "RandomStructured",
    "RandomUnstructured",
    "custom_from_mask",
    "global_unstructured",
    "identity",
    "is_pruned",
    "l1_unstructured",
    "ln_structured",
    "random_structured",
    "random_unstructured",
    "remove",
]


class BasePruningMethod(ABC):
    """The base of pruning methods: the hook that multiplies parameter and mask.

    A subclass gives `PRUNING_TYPE` ("unstructured", "structured" or "global") and `compute_mask`.

    Example:
        >>> import chainrule as torch
        >>> from chainrule.nn.utils import prune
        >>> class EveryOther(prune.BasePruningMethod):
        ...     PRUNING_TYPE = "unstructured"
        ...     def compute_mask(self, t, default_mask):
        ...         mask = default_mask.clone()
        ...         mask.view(-1)[::2] = 0
        ...         return mask
        >>> _ = EveryOther.apply(layer := torch.nn.Linear(4, 1), "bias")
        >>> layer.bias_mask
        tensor([0.])
    """

    PRUNING_TYPE = "unstructured"
    _tensor_name: str

    def __call__(self, module: Any, inputs: Any) -> None:
        setattr(module, self._tensor_name, self.apply_mask(module))

    @abstractmethod
    def compute_mask(self, t: Any, default_mask: Any) -> Any:
        """A mask of the shape of `t`: what `default_mask` keeps, and of that what this keeps."""

    def apply_mask(self, module: Any) -> Any:
        """Parameter times mask."""
        if self._tensor_name is None:
            raise AssertionError(f"Module {module} has to be pruned")
        name = self._tensor_name
        mask, original = getattr(module, name + "_mask"), getattr(module, name + "_orig")
        return mask.to(dtype=original.dtype) * original

    @classmethod
    def apply(
        cls, module: Any, name: str, *args: Any, importance_scores: Any = None, **kwargs: Any
    ) -> Any:
        """Prune a parameter by this method, on top of what is pruned already.

        Args:
            module, name: the layer and its parameter.
            args, kwargs: of the method.
            importance_scores: the method judges these instead of the parameter.
        """
        method = cls(*args, **kwargs)
        method._tensor_name = name
        before = _hook_of(module, name)
        if before is not None:
            key, old = before
            del module._forward_pre_hooks[key]
            container = old if isinstance(old, PruningContainer) else PruningContainer(old)
            container.add_pruning_method(method)
            method = container
        original = getattr(module, name)
        if importance_scores is None:
            importance_scores = original
        elif importance_scores.shape != original.shape:
            raise AssertionError(
                f"importance_scores should have the same shape as parameter {name} of {module}"
            )
        if before is None:
            module.register_parameter(name + "_orig", original)
            del module._parameters[name]
            default = T.ones_like(original)
        else:
            default = getattr(module, name + "_mask").detach().clone()
        try:
            mask = method.compute_mask(importance_scores.detach(), default_mask=default)
        except Exception:
            if before is None:  # as it was
                del module._parameters[name + "_orig"]
                module.register_parameter(name, original)
            raise
        module.register_buffer(name + "_mask", mask)
        setattr(module, name, method.apply_mask(module))
        module.register_forward_pre_hook(method)
        return method

    def prune(self, t: Any, default_mask: Any = None, importance_scores: Any = None) -> Any:
        """`t` with zeros; nothing is remembered."""
        scores = t if importance_scores is None else importance_scores
        if scores.shape != t.shape:
            raise AssertionError("importance_scores should have the same shape as tensor t")
        default = T.ones_like(t) if default_mask is None else default_mask
        return t * self.compute_mask(scores, default_mask=default)

    def remove(self, module: Any) -> None:
        """Make the parameter an ordinary one, with the zeros it has."""
        name = self._tensor_name
        weight = self.apply_mask(module)
        if hasattr(module, name):
            delattr(module, name)
        original = module._parameters[name + "_orig"]
        original.data = weight.data
        del module._parameters[name + "_orig"], module._buffers[name + "_mask"]
        setattr(module, name, original)


def _hook_of(module: Any, name: str) -> Any:
    """(key, method) of what prunes this parameter; None if nothing does."""
    for key, hook in module._forward_pre_hooks.items():
        if isinstance(hook, BasePruningMethod) and hook._tensor_name == name:
            return key, hook
    return None


class PruningContainer(BasePruningMethod):
    """Several methods on one parameter, one after the other.

    Args:
        *args: the methods.

    Example:
        >>> from chainrule.nn.utils import prune
        >>> method = prune.Identity()
        >>> method._tensor_name = "weight"
        >>> len(prune.PruningContainer(method))
        1
    """

    PRUNING_TYPE = "container"

    def __init__(self, *args: Any) -> None:
        self._pruning_methods: tuple[Any, ...] = ()
        if not args:
            return
        first = args[0]
        if isinstance(first, Iterable) and len(args) == 1:
            args = tuple(first)
        self._tensor_name = args[0]._tensor_name
        for method in args:
            self.add_pruning_method(method)

    def add_pruning_method(self, method: Any) -> None:
        """Add a method for the same parameter."""
        if not isinstance(method, BasePruningMethod) and method is not None:
            raise TypeError(f"{type(method)} is not a BasePruningMethod subclass")
        if method is not None and self._tensor_name != method._tensor_name:
            raise ValueError(
                "Can only add pruning methods acting on the parameter named "
                f"'{self._tensor_name}' to PruningContainer {self}. Found "
                f"'{method._tensor_name}'"
            )
        self._pruning_methods += (method,)

    def __len__(self) -> int:
        return len(self._pruning_methods)

    def __iter__(self) -> Any:
        return iter(self._pruning_methods)

    def __getitem__(self, index: Any) -> Any:
        return self._pruning_methods[index]

    def compute_mask(self, t: Any, default_mask: Any) -> Any:
        """The last method on what the mask so far keeps."""
        method, mask = self._pruning_methods[-1], default_mask.to(dtype=t.dtype)
        kind = method.PRUNING_TYPE
        if kind == "unstructured":
            where: Any = mask == 1
        elif kind == "structured":
            dim = method.dim % t.dim()
            others = tuple(d for d in range(t.dim()) if d != dim)
            kept = (mask.sum(dim=others) != 0).nonzero().squeeze(1)
            where = tuple([slice(None)] * dim + [kept])
        elif kind == "global":
            where = tuple([slice(None)] * t.dim())
        else:
            raise ValueError(f"Unrecognized PRUNING_TYPE {kind}")
        made = mask.clone()
        made[where] = method.compute_mask(t[where], default_mask=mask[where]).to(dtype=mask.dtype)
        return made


def _check_amount(amount: Any) -> None:
    if not isinstance(amount, numbers.Real):
        raise TypeError(f"Invalid type for amount: {amount}. Must be int or float.")
    whole = isinstance(amount, numbers.Integral)
    if (whole and amount < 0) or (not whole and not 0.0 <= float(amount) <= 1.0):
        raise ValueError(
            f"amount={amount} should either be a float in the range [0, 1] or a non-negative "
            "integer"
        )


def _how_many(amount: Any, size: int) -> int:
    """How many of `size` to prune."""
    if not isinstance(amount, numbers.Integral):
        return round(amount * size)
    if int(amount) > size:
        raise ValueError(
            f"amount={amount} should be smaller than the number of parameters to prune={size}"
        )
    return int(amount)


class Identity(BasePruningMethod):
    """Prunes nothing, but makes the mask.

    Example:
        >>> import chainrule as torch
        >>> from chainrule.nn.utils import prune
        >>> prune.identity(torch.nn.Linear(2, 1), "weight").weight_mask
        tensor([[1., 1.]])
    """

    def compute_mask(self, t: Any, default_mask: Any) -> Any:
        """The mask it is given."""
        return default_mask


class RandomUnstructured(BasePruningMethod):
    """Prunes elements drawn at random.

    Args:
        amount: how many, or which fraction.

    Example:
        >>> import chainrule as torch
        >>> from chainrule.nn.utils import prune
        >>> prune.random_unstructured(torch.nn.Linear(4, 1), "weight", 2).weight_mask.sum()
        tensor(2.)
    """

    def __init__(self, amount: Any) -> None:
        _check_amount(amount)
        self.amount = amount

    def compute_mask(self, t: Any, default_mask: Any) -> Any:
        """The mask with zeros where drawn."""
        count = _how_many(self.amount, t.nelement())
        mask = default_mask.clone()
        if count:
            chosen = T.topk(T.rand_like(t).view(-1), k=count)
            mask.view(-1)[chosen.indices] = 0
        return mask


class L1Unstructured(BasePruningMethod):
    """Prunes the elements of smallest magnitude.

    Args:
        amount: how many, or which fraction.

    Example:
        >>> import chainrule as torch
        >>> from chainrule.nn.utils import prune
        >>> prune.L1Unstructured(1).prune(torch.tensor([3.0, -1.0, 2.0]))
        tensor([3., -0., 2.])
    """

    def __init__(self, amount: Any) -> None:
        _check_amount(amount)
        self.amount = amount

    def compute_mask(self, t: Any, default_mask: Any) -> Any:
        """The mask with zeros where elements are smallest."""
        count = _how_many(self.amount, t.nelement())
        mask = default_mask.clone()
        if count:
            chosen = T.topk(t.abs().reshape(-1), k=count, largest=False)
            mask.view(-1)[chosen.indices] = 0
        return mask


def _need_structure(t: Any) -> None:
    if t.dim() <= 1:
        raise ValueError(
            "Structured pruning can only be applied to multidimensional tensors. Found tensor of "
            f"shape {t.shape} with {t.dim()} dims"
        )


def _need_dim(t: Any, dim: int) -> None:
    if dim >= t.dim():
        raise IndexError(f"Invalid index {dim} for tensor of size {t.shape}")


def _only(t: Any, dim: int, kept: Any) -> Any:
    """A mask of ones in the kept channels."""
    mask = T.zeros_like(t)
    where = [slice(None)] * t.dim()
    where[dim] = kept
    mask[tuple(where)] = 1
    return mask


class RandomStructured(BasePruningMethod):
    """Prunes channels drawn at random.

    Args:
        amount: how many, or which fraction.
        dim: the dimension of channels.

    Example:
        >>> import chainrule as torch
        >>> from chainrule.nn.utils import prune
        >>> prune.random_structured(torch.nn.Linear(3, 4), "weight", 1, 0).weight_mask.sum()
        tensor(9.)
    """

    PRUNING_TYPE = "structured"

    def __init__(self, amount: Any, dim: int = -1) -> None:
        _check_amount(amount)
        self.amount, self.dim = amount, dim

    def compute_mask(self, t: Any, default_mask: Any) -> Any:
        """The mask with zeros in the channels drawn."""
        _need_structure(t)
        _need_dim(t, self.dim)
        size = t.shape[self.dim]
        count = _how_many(self.amount, size)
        if count == 0:
            return default_mask
        drawn = T.rand(size)
        threshold = drawn.sort().values[count - 1]
        return default_mask * _only(t, self.dim, (drawn > threshold).nonzero().squeeze(1))


class LnStructured(BasePruningMethod):
    """Prunes the channels of smallest norm.

    Args:
        amount: how many, or which fraction.
        n: which norm.
        dim: the dimension of channels.

    Example:
        >>> import chainrule as torch
        >>> from chainrule.nn.utils import prune
        >>> t = torch.tensor([[3.0, 4.0], [1.0, 1.0]])
        >>> prune.LnStructured(1, 2, 0).prune(t)
        tensor([[3., 4.],
                [0., 0.]])
    """

    PRUNING_TYPE = "structured"

    def __init__(self, amount: Any, n: Any, dim: int = -1) -> None:
        _check_amount(amount)
        self.amount, self.n, self.dim = amount, n, dim

    def compute_mask(self, t: Any, default_mask: Any) -> Any:
        """The mask with zeros in the channels of smallest norm."""
        _need_structure(t)
        _need_dim(t, self.dim)
        size = t.shape[self.dim]
        count = _how_many(self.amount, size)
        if count == 0:
            return default_mask
        dim = self.dim % t.dim()
        others = tuple(d for d in range(t.dim()) if d != dim)
        order = float("inf") if self.n in ("inf", float("inf")) else self.n
        norms = vector_norm(t, 2 if order == "fro" else order, others)
        kept = T.topk(norms, k=size - count, largest=True).indices
        return default_mask * _only(t, self.dim, kept)


class CustomFromMask(BasePruningMethod):
    """Prunes by a given mask.

    Args:
        mask: ones and zeros of the parameter's shape.

    Example:
        >>> import chainrule as torch
        >>> from chainrule.nn.utils import prune
        >>> prune.CustomFromMask(torch.tensor([1.0, 0.0])).prune(torch.tensor([3.0, 4.0]))
        tensor([3., 0.])
    """

    PRUNING_TYPE = "global"

    def __init__(self, mask: Any) -> None:
        self.mask = mask

    def compute_mask(self, t: Any, default_mask: Any) -> Any:
        """Both masks."""
        if default_mask.shape != self.mask.shape:
            raise AssertionError("mask shape must match default_mask shape")
        return default_mask * self.mask.to(dtype=default_mask.dtype)


# ---------------------------------------------------------------- as functions


def identity(module: Any, name: str) -> Any:
    """Prune nothing of a parameter, but make its mask; returns the module."""
    Identity.apply(module, name)
    return module


def random_unstructured(module: Any, name: str, amount: Any) -> Any:
    """Prune random elements of a parameter; returns the module."""
    RandomUnstructured.apply(module, name, amount)
    return module


def l1_unstructured(module: Any, name: str, amount: Any, importance_scores: Any = None) -> Any:
    """Prune the smallest elements of a parameter; returns the module.

    Args:
        amount: how many, or which fraction.
        importance_scores: smallest by these instead.

    Example:
        >>> import chainrule as torch
        >>> from chainrule.nn.utils import prune
        >>> layer = prune.l1_unstructured(torch.nn.Linear(4, 1), "weight", 0.5)
        >>> (layer.weight == 0).sum()
        tensor(2)
    """
    L1Unstructured.apply(module, name, amount=amount, importance_scores=importance_scores)
    return module


def random_structured(module: Any, name: str, amount: Any, dim: int) -> Any:
    """Prune random channels of a parameter; returns the module."""
    RandomStructured.apply(module, name, amount, dim)
    return module


def ln_structured(
    module: Any, name: str, amount: Any, n: Any, dim: int, importance_scores: Any = None
) -> Any:
    """Prune the channels of smallest n-norm of a parameter; returns the module."""
    LnStructured.apply(module, name, amount, n, dim, importance_scores=importance_scores)
    return module


def custom_from_mask(module: Any, name: str, mask: Any) -> Any:
    """Prune a parameter by a mask; returns the module."""
    CustomFromMask.apply(module, name, mask)
    return module


def global_unstructured(
    parameters: Any, pruning_method: Any, importance_scores: Any = None, **kwargs: Any
) -> None:
    """Prune several parameters as if they were one vector.

    Args:
        parameters: (module, name) pairs.
        pruning_method: an unstructured method.
        importance_scores: by (module, name), where others than the parameters decide.
        kwargs: of the method, such as `amount`.

    Example:
        >>> import chainrule as torch
        >>> from chainrule.nn.utils import prune
        >>> net = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Linear(4, 4))
        >>> pairs = [(net[0], "weight"), (net[1], "weight")]
        >>> prune.global_unstructured(pairs, prune.L1Unstructured, amount=10)
        >>> sum(int((m.weight == 0).sum()) for m in net)
        10
    """
    if not isinstance(parameters, Iterable):
        raise TypeError("global_unstructured(): parameters is not an Iterable")
    scores = {} if importance_scores is None else importance_scores
    if not isinstance(scores, dict):
        raise TypeError("global_unstructured(): importance_scores must be of type dict")
    pairs = list(parameters)
    flat = T.cat([scores.get(p, getattr(*p)).detach().reshape(-1) for p in pairs], 0)
    default = T.cat(
        [getattr(m, n + "_mask", T.ones_like(getattr(m, n))).reshape(-1) for m, n in pairs], 0
    )
    container = PruningContainer()
    container._tensor_name = "temp"
    method = pruning_method(**kwargs)
    method._tensor_name = "temp"
    container.add_pruning_method(method)
    if method.PRUNING_TYPE != "unstructured":
        raise TypeError(
            'Only "unstructured" PRUNING_TYPE supported for the `pruning_method`. Found method '
            f"{pruning_method} of type {method.PRUNING_TYPE}"
        )
    mask, start = container.compute_mask(flat, default.detach()), 0
    for module, name in pairs:
        shape, n = getattr(module, name).shape, getattr(module, name).numel()
        custom_from_mask(module, name, mask=mask[start : start + n].reshape(shape))
        start += n


def remove(module: Any, name: str) -> Any:
    """Make a pruned parameter an ordinary one, with its zeros; returns the module."""
    found = _hook_of(module, name)
    if found is None:
        raise ValueError(
            f"Parameter '{name}' of module {module} has to be pruned before pruning can be removed"
        )
    key, hook = found
    hook.remove(module)
    del module._forward_pre_hooks[key]
    return module


def is_pruned(module: Any) -> bool:
    """Whether the module, or one below it, has a pruned parameter.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.utils.prune.is_pruned(torch.nn.Linear(2, 2))
        False
    """
    return any(
        isinstance(hook, BasePruningMethod)
        for each in module.modules()
        for hook in each._forward_pre_hooks.values()
    )
