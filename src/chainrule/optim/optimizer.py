"""`Optimizer`: parameters in groups with their options, the state of each parameter, hooks, and
saving both.

A subclass gives `defaults` and writes `step`; everything else is here. Parameters are tensors,
`(name, tensor)` pairs, or dictionaries with `params` and options for them. `state_dict` has
PyTorch's layout: parameters are numbers in the order in which they were given."""

from __future__ import annotations

import functools
import warnings
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable
from copy import deepcopy
from itertools import chain, count
from typing import Any, TypeAlias

from .. import errors
from ..core.engine import RemovableHandle
from ..core.primitive import cast
from ..core.tensor import Tensor

__all__ = [
    "Optimizer", "ParamsT", "register_optimizer_step_post_hook",
    "register_optimizer_step_pre_hook", "required",
]  # fmt: skip

ParamsT: TypeAlias = "Iterable[Tensor] | Iterable[dict[str, Any]] | Iterable[tuple[str, Tensor]]"

_next_hook: Callable[[], int] = count().__next__
_before_every_step: OrderedDict[int, Any] = OrderedDict()
_after_every_step: OrderedDict[int, Any] = OrderedDict()


class _Required:
    """Stands in `defaults` for an option that every group must give."""

    def __repr__(self) -> str:
        return "<required parameter>"


required: Any = _Required()


class Optimizer:
    """The base of all optimizers.

    Args:
        params: tensors, (name, tensor) pairs, or dictionaries: {"params": [...], option: value}.
        defaults: the options that a group may give, and their values when it does not.

    Attributes:
        param_groups: the groups as dictionaries; change their options as you like, as in
            `group["lr"] *= 0.1`.
        state: what the optimizer keeps for every parameter, by parameter.

    Raises:
        TypeError: params is a tensor, or holds something else than tensors.
        ValueError: no parameters, a non-leaf, or a parameter in two groups.

    Example:
        >>> import chainrule as torch
        >>> class Plain(torch.optim.Optimizer):
        ...     def __init__(self, params, lr):
        ...         super().__init__(params, {"lr": lr})
        ...     @torch.no_grad()
        ...     def step(self):
        ...         for group in self.param_groups:
        ...             for p in group["params"]:
        ...                 p -= group["lr"] * p.grad
        >>> w = torch.tensor([1.0], requires_grad=True)
        >>> optimizer = Plain([w], lr=0.5)
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> w
        tensor([0.], requires_grad=True)
    """

    def __init__(self, params: Iterable[Any], defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self._make_hooks()
        if isinstance(params, Tensor):
            raise TypeError(
                errors.hinted(
                    "params argument given to the optimizer should be an iterable of Tensors or "
                    "dicts, but got "
                    f"{errors.type_name(params.dtype)}",
                    hint="put it into a list: [w]",
                )
            )
        self.state: defaultdict[Tensor, Any] = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []
        groups = list(params)
        if not groups:
            raise ValueError(
                "optimizer got an empty parameter list\n"
                "Hint: a generator can be used only once; write list(model.parameters())"
            )
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "step" in cls.__dict__:
            cls.step = _with_hooks(cls.__dict__["step"])  # type: ignore[method-assign]

    def _make_hooks(self) -> None:
        for name in _HOOKS:
            setattr(self, name, OrderedDict())

    # ------------------------------------------------------------ groups

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group: {"params": [...], option: value}; options left out get their defaults."""
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        _listed(param_group)
        for p in param_group["params"]:
            self._check_parameter(p)
        for name, default in self.defaults.items():
            if default is required and name not in param_group:
                raise ValueError(
                    f"parameter group didn't specify a value of required optimization parameter "
                    f"{name}"
                )
            param_group.setdefault(name, default)
        self._check_group(param_group)
        self.param_groups.append(param_group)

    def _check_parameter(self, p: Any) -> None:
        if not isinstance(p, Tensor):
            raise TypeError(
                f"optimizer can only optimize Tensors, but one of the params is {_type_of(p)}"
            )
        if not self.defaults.get("differentiable", None) and not (p.is_leaf or p.retains_grad):
            raise ValueError(
                errors.hinted(
                    "can't optimize a non-leaf Tensor",
                    f"it was made by {p.grad_fn.name()}" if p.grad_fn is not None else "",
                    hint="give the tensors made with requires_grad=True, not what is computed from "
                    "them",
                )
            )

    def _check_group(self, group: dict[str, Any]) -> None:
        params = group["params"]
        if len(params) != len(set(params)):
            warnings.warn(
                "optimizer contains a parameter group with duplicate parameters; in future, this "
                "will cause an "
                "error; see github.com/pytorch/pytorch/issues/40967 for more information",
                UserWarning,
                stacklevel=4,
            )
        if not set(params).isdisjoint(p for g in self.param_groups for p in g["params"]):
            raise ValueError("some parameters appear in more than one parameter group")
        named = "param_names" in group
        if self.param_groups and named != ("param_names" in self.param_groups[0]):
            raise ValueError(
                "all optimizer param groups should be with/without names. cannot add param group "
                f"{'with' if named else 'without'} names to the optimizer"
            )

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters; with set_to_none=False they become zeros in
        place.
        """
        for group in self.param_groups:
            for p in group["params"]:
                grad = p._grad
                if grad is None:
                    continue
                if set_to_none:
                    p._grad = None
                    continue
                if grad.grad_fn is not None:
                    grad.detach_()
                else:
                    grad.requires_grad_(False)
                grad.zero_()

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update the parameters; `closure`, if given, computes the loss again and returns it."""
        raise NotImplementedError

    # ------------------------------------------------------------ saving

    def state_dict(self) -> dict[str, Any]:
        """The state and the groups as plain dictionaries; parameters are numbered.

        Returns:
            {"state": {number: state}, "param_groups": [{..., "params": [numbers]}]}; tensors are
            not copied.
        """
        for hook in self._optimizer_state_dict_pre_hooks.values():
            hook(self)
        numbers: dict[int, int] = {}
        groups = []
        for group in self.param_groups:
            packed = {k: v for k, v in group.items() if k != "params"}
            for p in group["params"]:
                numbers.setdefault(id(p), len(numbers))
            packed["params"] = [numbers[id(p)] for p in group["params"]]
            groups.append(packed)
        state = {numbers[id(k)] if isinstance(k, Tensor) else k: v for k, v in self.state.items()}
        made: dict[str, Any] = {"state": state, "param_groups": groups}
        for hook in self._optimizer_state_dict_post_hooks.values():
            made = hook(self, made) or made
        return made

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from what `state_dict()` returned, in an optimizer with the same groups.

        Raises:
            ValueError: another number of groups, or of parameters in one.
        """
        state_dict = dict(state_dict)
        for hook in self._optimizer_load_state_dict_pre_hooks.values():
            state_dict = hook(self, state_dict) or state_dict
        groups, saved = self.param_groups, deepcopy(state_dict["param_groups"])
        if len(groups) != len(saved):
            raise ValueError(
                "loaded state dict has a different number of parameter groups\n"
                f"here: {len(groups)}, loaded: {len(saved)}\nHint: make the optimizer as the saved "
                f"one was made"
            )
        sizes = [(len(g["params"]), len(s["params"])) for g, s in zip(groups, saved, strict=True)]
        if any(a != b for a, b in sizes):
            raise ValueError(
                "loaded state dict contains a parameter group that doesn't match the size of "
                "optimizer's group\n"
                f"parameters (here, loaded) of each group: {sizes}"
            )
        numbers = chain.from_iterable(s["params"] for s in saved)
        by_number = dict(
            zip(numbers, chain.from_iterable(g["params"] for g in groups), strict=True)
        )
        state: defaultdict[Tensor, Any] = defaultdict(dict)
        for key, value in state_dict["state"].items():
            p = by_number.get(key)
            state[key if p is None else p] = value if p is None else _fitted(value, p)
        merged = [_merged(g, s) for g, s in zip(groups, saved, strict=True)]
        self.__setstate__({"state": state, "param_groups": merged})
        for hook in self._optimizer_load_state_dict_post_hooks.values():
            hook(self)

    def __getstate__(self) -> dict[str, Any]:
        return {"defaults": self.defaults, "state": self.state, "param_groups": self.param_groups}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if _HOOKS[0] not in self.__dict__:
            self._make_hooks()
        self.defaults.setdefault("differentiable", False)

    def _complete(self, **defaults: Any) -> None:
        """Options that groups saved by older programs lack."""
        for group in self.param_groups:
            for name, value in defaults.items():
                group.setdefault(name, value)

    def __repr__(self) -> str:
        lines = [type(self).__name__ + " ("]
        for i, group in enumerate(self.param_groups):
            lines += ([""] if i else []) + [f"Parameter Group {i}"]
            lines += [f"    {key}: {group[key]}" for key in sorted(group) if key != "params"]
        return "\n".join([*lines, ")"])

    # ------------------------------------------------------------ hooks

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(optimizer, args, kwargs)` before each step; it may return new ones."""
        return _register(self._optimizer_step_pre_hooks, hook)

    def register_step_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(optimizer, args, kwargs)` after each step."""
        return _register(self._optimizer_step_post_hooks, hook)

    def register_state_dict_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call `hook(optimizer)` before `state_dict()`."""
        return _register(self._optimizer_state_dict_pre_hooks, hook, prepend)

    def register_state_dict_post_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call `hook(optimizer, state_dict)` after `state_dict()`; it may return another one."""
        return _register(self._optimizer_state_dict_post_hooks, hook, prepend)

    def register_load_state_dict_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call `hook(optimizer, state_dict)` before loading; it may return another one."""
        return _register(self._optimizer_load_state_dict_pre_hooks, hook, prepend)

    def register_load_state_dict_post_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call `hook(optimizer)` after loading."""
        return _register(self._optimizer_load_state_dict_post_hooks, hook, prepend)

    _optimizer_step_pre_hooks: OrderedDict[int, Any]
    _optimizer_step_post_hooks: OrderedDict[int, Any]
    _optimizer_state_dict_pre_hooks: OrderedDict[int, Any]
    _optimizer_state_dict_post_hooks: OrderedDict[int, Any]
    _optimizer_load_state_dict_pre_hooks: OrderedDict[int, Any]
    _optimizer_load_state_dict_post_hooks: OrderedDict[int, Any]


_HOOKS = [n for n in Optimizer.__annotations__ if n.endswith("_hooks")]


def _register(hooks: OrderedDict[int, Any], hook: Any, prepend: bool = False) -> RemovableHandle:
    key = _next_hook()
    hooks[key] = hook
    if prepend:
        hooks.move_to_end(key, last=False)
    return RemovableHandle(hooks, key)


def register_optimizer_step_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(optimizer, args, kwargs)` before each step of every optimizer.

    Example:
        >>> import chainrule as torch
        >>> from chainrule.optim.optimizer import register_optimizer_step_pre_hook
        >>> def hook(optimizer, args, kwargs):
        ...     print(type(optimizer).__name__)
        >>> handle = register_optimizer_step_pre_hook(hook)
        >>> torch.optim.SGD([torch.ones(1)]).step()
        SGD
        >>> handle.remove()
    """
    return _register(_before_every_step, hook)


def register_optimizer_step_post_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(optimizer, args, kwargs)` after each step of every optimizer.

    Example:
        >>> import chainrule as torch
        >>> from chainrule.optim.optimizer import register_optimizer_step_post_hook
        >>> def hook(optimizer, args, kwargs):
        ...     print(type(optimizer).__name__)
        >>> handle = register_optimizer_step_post_hook(hook)
        >>> torch.optim.SGD([torch.ones(1)]).step()
        SGD
        >>> handle.remove()
    """
    return _register(_after_every_step, hook)


def _with_hooks(step: Any) -> Any:
    """`step` with the hooks around it."""

    @functools.wraps(step)
    def hooked(self: Any, *args: Any, **kwargs: Any) -> Any:
        before, after = self._optimizer_step_pre_hooks, self._optimizer_step_post_hooks
        if not (before or after or _before_every_step or _after_every_step):
            return step(self, *args, **kwargs)
        if type(self).step is not hooked:  # called by the step of a subclass, which has them
            return step(self, *args, **kwargs)
        for hook in [*_before_every_step.values(), *before.values()]:
            new = hook(self, args, kwargs)
            if new is None:
                continue
            if not isinstance(new, tuple) or len(new) != 2:
                raise RuntimeError(
                    f"{step} must return None or a tuple of (new_args, new_kwargs), but got {new}."
                )
            args, kwargs = new
        out = step(self, *args, **kwargs)
        for hook in [*after.values(), *_after_every_step.values()]:
            hook(self, args, kwargs)
        return out

    return hooked


# ---------------------------------------------------------------- small parts


def _type_of(value: Any) -> str:
    return type(value).__name__


def _listed(group: dict[str, Any]) -> None:
    """Bring `params` of a group to a list of tensors, and their names to `param_names`."""
    params = group["params"]
    if isinstance(params, Tensor):
        params = [params]
    elif isinstance(params, set):
        raise TypeError(
            "optimizer parameters need to be organized in ordered collections, but the ordering of "
            "tensors in sets "
            "will change between runs. Please use a list instead."
        )
    params = list(params)
    names = [p[0] for p in params if isinstance(p, tuple)]
    group["params"] = [p[1] if isinstance(p, tuple) else p for p in params]
    if names and len(names) != len(params):
        raise ValueError(
            "all optimizer params should be with/without names. Some param names are missing"
        )
    if names:
        group["param_names"] = names


def _merged(group: dict[str, Any], saved: dict[str, Any]) -> dict[str, Any]:
    """A loaded group on this optimizer's parameters (and their names)."""
    saved["params"] = group["params"]
    if "param_names" in group and "param_names" not in saved:
        saved["param_names"] = group["param_names"]
    return saved


def _fitted(value: Any, p: Tensor, key: Any = None) -> Any:
    """Loaded state with the dtype of its parameter; `step` keeps its own."""
    if isinstance(value, Tensor):
        if key == "step" or not p.is_floating_point():
            return value
        return cast(value, p.dtype)
    if isinstance(value, dict):
        return {k: _fitted(v, p, k) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_fitted(v, p) for v in value)
    return value
