"""Hooks of modules: where they are kept, how they are registered, and the call that runs them.

A module keeps its hooks in tables (`TABLES`), empty for nearly all modules; `Module.__call__` asks
whether they are, and `GLOBAL` (the ids of hooks on all modules), before it comes here. Full
backward hooks need to see the gradients of a module's inputs and outputs, so the tensors are led
through an identity Function whose node carries the hook (`_BackwardHook`).
Called by `module.py` only; users reach it through `Module` and the `register_module_...` functions.
"""

from __future__ import annotations

import functools
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

from ..._state import grad_enabled
from ...autograd.function import Function
from ...core.hooks import RemovableHandle
from ...core.tensor import Tensor

__all__ = [
    "HookedCalls",
    "register_module_backward_hook",
    "register_module_buffer_registration_hook",
    "register_module_forward_hook",
    "register_module_forward_pre_hook",
    "register_module_full_backward_hook",
    "register_module_full_backward_pre_hook",
    "register_module_module_registration_hook",
    "register_module_parameter_registration_hook",
]

TABLES = (
    "_backward_pre_hooks",
    "_backward_hooks",
    "_forward_hooks",
    "_forward_hooks_with_kwargs",
    "_forward_hooks_always_called",
    "_forward_pre_hooks",
    "_forward_pre_hooks_with_kwargs",
    "_state_dict_hooks",
    "_state_dict_pre_hooks",
    "_load_state_dict_pre_hooks",
    "_load_state_dict_post_hooks",
)

Table = OrderedDict[int, Any]
GLOBAL: Table = OrderedDict()  # the ids of all hooks below; what a call asks for
_forward_pre: Table = OrderedDict()
_forward: Table = OrderedDict()
_forward_kwargs: Table = OrderedDict()
_forward_always: Table = OrderedDict()
_backward_pre: Table = OrderedDict()
_backward: Table = OrderedDict()
_registration: dict[str, Table] = {k: OrderedDict() for k in ("parameter", "buffer", "module")}
_global_full: list[bool | None] = [None]  # whether the global backward hooks are full ones


# ---------------------------------------------------------------- hooks on all modules


def _kept(table: Table, hook: Any, *marks: Table, first: bool = False) -> RemovableHandle:
    """Keep a hook in `table`, and its id in `marks`."""
    handle = RemovableHandle(table, extra_dict=list(marks))
    table[handle.id] = hook
    for mark in marks:
        mark[handle.id] = True
    if first:
        for each in (table, *marks):
            each.move_to_end(handle.id, last=False)
    return handle


def register_module_forward_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, args)` before the forward of every module; it may return new args.

    Example:
        >>> import chainrule as torch
        >>> from chainrule.nn.modules.module import register_module_forward_pre_hook
        >>> with register_module_forward_pre_hook(lambda m, args: print(type(m).__name__)):
        ...     y = torch.nn.ReLU()(torch.ones(1))
        ReLU
    """
    return _kept(_forward_pre, hook, GLOBAL)


def register_module_forward_hook(
    hook: Callable[..., Any], *, with_kwargs: bool = False, always_call: bool = False
) -> RemovableHandle:
    """Call `hook(module, args, output)` after the forward of every module; it may return a new
    output."""
    marks = [_forward_kwargs] * with_kwargs + [_forward_always] * always_call
    return _kept(_forward, hook, GLOBAL, *marks)


def register_module_backward_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """The old form of `register_module_full_backward_hook`: sees the gradients of one node."""
    if _global_full[0] is True and _backward:
        raise RuntimeError(
            "Cannot use both regular backward hooks and full backward hooks as a global Module "
            "hook. Please use only one of them."
        )
    _global_full[0] = False
    return _kept(_backward, hook, GLOBAL)


def register_module_full_backward_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, grad_input, grad_output)` when the gradients of a module's inputs are
    known; it may return new ones."""
    if _global_full[0] is False and _backward:
        raise RuntimeError(
            "Cannot use both regular backward hooks and full backward hooks as a global Module "
            "hook. Please use only one of them."
        )
    _global_full[0] = True
    return _kept(_backward, hook, GLOBAL)


def register_module_full_backward_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, grad_output)` when the gradients of a module's outputs are known."""
    return _kept(_backward_pre, hook, GLOBAL)


def register_module_parameter_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, name, parameter)` at every registration; it may return another one."""
    return _kept(_registration["parameter"], hook)


def register_module_buffer_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, name, buffer)` at every registration; it may return another one."""
    return _kept(_registration["buffer"], hook)


def register_module_module_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, name, submodule)` at every registration; it may return another one."""
    return _kept(_registration["module"], hook)


def registered(what: str, module: Any, name: str, value: Any) -> Any:
    """What the registration hooks make of a value that is being registered."""
    for hook in _registration[what].values() if _registration[what] else ():
        made = hook(module, name, value)
        if made is not None:
            value = made
    return value


# ---------------------------------------------------------------- hooks of one module


class HookedCalls:
    """The part of `Module` that registers hooks and runs a call with them."""

    _forward_hooks: Table
    _forward_hooks_with_kwargs: Table
    _forward_hooks_always_called: Table
    _forward_pre_hooks: Table
    _forward_pre_hooks_with_kwargs: Table
    _backward_hooks: Table
    _backward_pre_hooks: Table
    _is_full_backward_hook: bool | None
    forward: Callable[..., Any]

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call `hook(module, args)` before forward; what it returns, if not None, replaces args.

        Args:
            hook: the function.
            prepend: run it before the others.
            with_kwargs: call `hook(module, args, kwargs)`, which returns None or (args, kwargs).
        """
        marks = [self._forward_pre_hooks_with_kwargs] if with_kwargs else []
        return _kept(self._forward_pre_hooks, hook, *marks, first=prepend)

    def register_forward_hook(
        self,
        hook: Callable[..., Any],
        *,
        prepend: bool = False,
        with_kwargs: bool = False,
        always_call: bool = False,
    ) -> RemovableHandle:
        """Call `hook(module, args, output)` after forward; what it returns, if not None, replaces
        output.

        Args:
            hook: the function.
            prepend: run it before the others.
            with_kwargs: call `hook(module, args, kwargs, output)`.
            always_call: run it even when the call raises.
        """
        marks = [self._forward_hooks_with_kwargs] if with_kwargs else []
        marks += [self._forward_hooks_always_called] if always_call else []
        return _kept(self._forward_hooks, hook, *marks, first=prepend)

    def register_full_backward_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call `hook(module, grad_output)` when the gradients of the outputs are known; it may
        return new ones."""
        return _kept(self._backward_pre_hooks, hook, first=prepend)

    def register_full_backward_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call `hook(module, grad_input, grad_output)` when the gradients of the inputs are known;
        it may return new gradients of the inputs."""
        if self._is_full_backward_hook is False:
            raise RuntimeError(
                "Cannot use both regular backward hooks and full backward hooks on a single "
                "Module. Please use only one of them."
            )
        self._is_full_backward_hook = True
        return _kept(self._backward_hooks, hook, first=prepend)

    def register_backward_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """The old form of `register_full_backward_hook`: it sees the gradients of the last node
        only."""
        if self._is_full_backward_hook is True:
            raise RuntimeError(
                "Cannot use both regular backward hooks and full backward hooks on a single "
                "Module. Please use only one of them."
            )
        self._is_full_backward_hook = False
        return _kept(self._backward_hooks, hook)

    # ------------------------------------------------------------ the call with hooks

    def _call_hooked(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        called: set[int] = set()
        result = None
        try:
            args, kwargs = self._before(args, kwargs)
            pre, full, old = self._backward_kinds()
            watch = _BackwardHook(self, full, pre) if pre or full else None
            if watch is not None:
                args = watch.inputs(args)
            result = self.forward(*args, **kwargs)
            for key, hook, keyed in self._after():
                called.add(key)
                made = hook(self, args, kwargs, result) if keyed else hook(self, args, result)
                if made is not None:
                    result = made
            if watch is not None:
                result = watch.outputs(result)
            if old:
                self._hook_last_node(result, old)
            return result
        except Exception:
            self._always(called, args, kwargs, result)
            raise

    def _before(self, args: Any, kwargs: Any) -> tuple[Any, Any]:
        hooks = [*_forward_pre.items(), *self._forward_pre_hooks.items()]
        for key, hook in hooks:
            if key in self._forward_pre_hooks_with_kwargs:
                made = hook(self, args, kwargs)
                if made is None:
                    continue
                if not (isinstance(made, tuple) and len(made) == 2):
                    raise RuntimeError(
                        "forward pre-hook must return None or a tuple of (new_args, new_kwargs), "
                        f"but got {made}."
                    )
                args, kwargs = made
            else:
                made = hook(self, args)
                if made is not None:
                    args = made if isinstance(made, tuple) else (made,)
        return args, kwargs

    def _after(self) -> Iterator[tuple[int, Any, bool]]:
        for key, hook in [*_forward.items()]:
            yield key, hook, key in _forward_kwargs
        for key, hook in [*self._forward_hooks.items()]:
            yield key, hook, key in self._forward_hooks_with_kwargs

    def _always(self, called: set[int], args: Any, kwargs: Any, result: Any) -> None:
        """Run the hooks that run in any case and did not yet."""
        for key, hook, keyed in self._after():
            wanted = key in _forward_always or key in self._forward_hooks_always_called
            if not wanted or key in called:
                continue
            try:
                made = hook(self, args, kwargs, result) if keyed else hook(self, args, result)
                result = result if made is None else made
            except Exception as error:
                warnings.warn(
                    f"{'global ' if key in _forward else ''}module forward hook with "
                    "``always_call=True`` raised an exception that was silenced as another error "
                    f"was raised in forward: {error!s}",
                    stacklevel=2,
                )

    def _backward_kinds(self) -> tuple[list[Any], list[Any], list[Any]]:
        """Backward hooks: those before, full ones, old ones."""
        pre = [*_backward_pre.values(), *self._backward_pre_hooks.values()]
        full: list[Any] = []
        old: list[Any] = []
        if _backward:
            (full if _global_full[0] else old).extend(_backward.values())
        if self._backward_hooks:
            (full if self._is_full_backward_hook else old).extend(self._backward_hooks.values())
        return pre, full, old

    def _hook_last_node(self, result: Any, hooks: list[Any]) -> None:
        found = result
        while not isinstance(found, Tensor):
            values = list(found.values()) if isinstance(found, dict) else list(found)
            tensors = [v for v in values if isinstance(v, Tensor)]
            found = tensors[0] if tensors else values[0]
        if found.grad_fn is not None:
            for hook in hooks:
                found.grad_fn.register_hook(functools.partial(hook, self))


# ---------------------------------------------------------------- full backward hooks


class BackwardHookFunction(Function):
    """The identity on some tensors, whose one node a backward hook is hung on."""

    @staticmethod
    def forward(ctx: Any, *args: Any) -> Any:
        ctx.mark_non_differentiable(*[a for a in args if not a.requires_grad])
        return args

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return grads


class _BackwardHook:
    """Sees one call's gradients: those of the outputs first, then those of the inputs."""

    def __init__(self, module: Any, full: list[Any], pre: list[Any]) -> None:
        self.module, self.full, self.pre = module, full, pre
        self.grad_outputs: Any = None
        self.n_outputs = self.n_inputs = 0
        self.input_places: list[int] | None = None
        self.output_places: list[int] | None = None

    def inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The same arguments, led through a node that hooks run after."""
        made, places, node = _led(args)
        if node is not None:
            node.register_hook(self._on_inputs)
        self.input_places, self.n_inputs = places, len(args)
        return made

    def outputs(self, result: Any) -> Any:
        """The same outputs, led through a node that hooks run before."""
        alone = not isinstance(result, tuple)
        values = (result,) if alone else result
        made, places, node = _led(values)
        if node is not None:
            node.register_prehook(self._on_outputs)
        self.output_places, self.n_outputs = places, len(values)
        return made[0] if alone else made

    def _on_outputs(self, grads: tuple[Any, ...]) -> Any:
        full = _spread(grads, self.output_places, self.n_outputs)
        for hook in self.pre:
            made = hook(self.module, full)
            if made is not None:
                full = self._checked("Backward pre hook", made, len(full))
        self.grad_outputs = full
        changed = tuple(full[i] for i in self.output_places or ())
        if self.input_places is None:
            for hook in self.full:
                made = hook(self.module, _spread((), [], self.n_inputs), full)
                if made is not None and not (
                    isinstance(made, tuple) and all(g is None for g in made)
                ):
                    raise RuntimeError(
                        "Backward hook for Modules where no input requires gradient should always "
                        "return None or None for all gradients."
                    )
            self.grad_outputs = None
        return changed if self.pre else None

    def _on_inputs(self, grad_input: tuple[Any, ...], _: Any) -> Any:
        if self.grad_outputs is None:
            raise RuntimeError(
                "Module backward hook for grad_input is called before the grad_output one. This "
                "happens because the gradient in your nn.Module flows to the Module's input "
                "without passing through the Module's output. Make sure that the output depends "
                "on the input and that the loss is computed based on the output."
            )
        full = _spread(grad_input, self.input_places, self.n_inputs)
        for hook in self.full:
            made = hook(self.module, full, self.grad_outputs)
            if made is not None:
                full = self._checked("Backward hook", made, len(full))
        self.grad_outputs = None
        return tuple(full[i] for i in self.input_places or ())

    def _checked(self, what: str, made: Any, n: int) -> tuple[Any, ...]:
        made = made if isinstance(made, tuple) else (made,)
        if len(made) != n:
            raise RuntimeError(
                f"{what} returned an invalid number of grad_"
                f"{'output' if 'pre' in what else 'input'}, got {len(made)}, but expected {n}"
            )
        return made


def _led(values: tuple[Any, ...]) -> tuple[tuple[Any, ...], list[int] | None, Any]:
    """The tensors among `values` led through one identity node: (values, their places, node)."""
    places = [i for i, v in enumerate(values) if isinstance(v, Tensor)]
    if not (grad_enabled() and any(values[i].requires_grad for i in places)):
        return values, None, None
    through = BackwardHookFunction.apply(*[values[i] for i in places])
    through = through if isinstance(through, tuple) else (through,)
    node = next(t.grad_fn for t in through if t.grad_fn is not None)
    made = list(values)
    for i, t in zip(places, through, strict=True):
        made[i] = t
    kind: Any = type(values)
    return (kind(*made) if hasattr(kind, "_fields") else kind(made)), places, node


def _spread(grads: Any, places: list[int] | None, n: int) -> tuple[Any, ...]:
    """Gradients of the tensors at `places`, None elsewhere."""
    full: list[Any] = [None] * n
    for i, g in zip(places or (), grads, strict=False):
        full[i] = g
    return tuple(full)
