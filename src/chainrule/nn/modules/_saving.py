"""`state_dict` and `load_state_dict`: the part of `Module` that saves and loads.

A state is an OrderedDict from path to tensor with an attribute `_metadata` (the version of each
module's layout), in PyTorch's order, so states move between the two. Modules may save more
(`get_extra_state`) and read older layouts (`_load_from_state_dict`).
"""

from __future__ import annotations

import functools
import weakref
from collections import OrderedDict, namedtuple
from collections.abc import Callable, Mapping
from typing import Any

from ...autograd.grad_mode import no_grad
from ...core.hooks import RemovableHandle
from ...core.tensor import Tensor
from ..parameter import Parameter, is_lazy
from ._hooks import _kept

__all__ = ["Saving"]

EXTRA = "_extra_state"


class IncompatibleKeys(namedtuple("_IncompatibleKeys", ["missing_keys", "unexpected_keys"])):
    """What `load_state_dict` found missing, and what it did not know."""

    __slots__ = ()

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return (
            f"_IncompatibleKeys(missing_keys={self.missing_keys!r}, "
            f"unexpected_keys={self.unexpected_keys!r})"
        )

    __str__ = __repr__


class _WithModule:
    """A hook that wants the module first, without keeping the module alive."""

    def __init__(self, hook: Any, module: Any) -> None:
        self.hook, self.module = hook, weakref.ref(module)
        functools.update_wrapper(self, hook)

    def __call__(self, *args: Any) -> Any:
        return self.hook(self.module(), *args)

    def __getstate__(self) -> dict[str, Any]:
        return {"hook": self.hook, "module": self.module()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.hook = state["hook"]
        self.module = weakref.ref(state["module"])


class Saving:
    """The part of `Module` that saves and loads."""

    _version: Any
    _parameters: dict[str, Any]
    _buffers: dict[str, Any]
    _modules: dict[str, Any]
    _non_persistent_buffers_set: set[str]
    _state_dict_hooks: Any
    _state_dict_pre_hooks: Any
    _load_state_dict_pre_hooks: Any
    _load_state_dict_post_hooks: Any

    # ------------------------------------------------------------ more than tensors

    def get_extra_state(self) -> Any:
        """What else `state_dict` should hold; a subclass that has such state defines this."""
        raise RuntimeError(
            "Reached a code path in Module.get_extra_state() that should never be called. Please "
            "file an issue at https://github.com/pytorch/pytorch/issues/new?template=bug-report.yml"
            " to report this bug."
        )

    def set_extra_state(self, state: Any) -> None:
        """Take back what `get_extra_state` gave."""
        raise RuntimeError(
            "Reached a code path in Module.set_extra_state() that should never be called. Please "
            "file an issue at https://github.com/pytorch/pytorch/issues/new?template=bug-report.yml"
            " to report this bug."
        )

    # ------------------------------------------------------------ hooks

    def register_state_dict_post_hook(self, hook: Callable[..., None]) -> RemovableHandle:
        """Call `hook(module, state_dict, prefix, local_metadata)` when the state is complete."""
        hook._from_public_api = True  # type: ignore[attr-defined]
        return _kept(self._state_dict_hooks, hook)

    def _register_state_dict_hook(self, hook: Any) -> RemovableHandle:
        if getattr(hook, "_from_public_api", False):
            raise RuntimeError(
                "Cannot register the same function as the state dict post hook that was "
                "previously registered via register_state_dict_post_hook"
            )
        return _kept(self._state_dict_hooks, hook)

    def register_state_dict_pre_hook(self, hook: Callable[..., None]) -> RemovableHandle:
        """Call `hook(module, prefix, keep_vars)` before the state is put together."""
        return _kept(self._state_dict_pre_hooks, hook)

    def register_load_state_dict_pre_hook(self, hook: Callable[..., None]) -> RemovableHandle:
        """Call `hook(module, state_dict, prefix, local_metadata, strict, missing_keys,
        unexpected_keys, error_msgs)` before this module is loaded."""
        return _kept(self._load_state_dict_pre_hooks, _WithModule(hook, self))

    def _register_load_state_dict_pre_hook(
        self, hook: Any, with_module: bool = False
    ) -> RemovableHandle:
        return _kept(
            self._load_state_dict_pre_hooks, _WithModule(hook, self) if with_module else hook
        )

    def register_load_state_dict_post_hook(self, hook: Callable[..., None]) -> RemovableHandle:
        """Call `hook(module, incompatible_keys)` when this module is loaded; it may edit the
        lists."""
        return _kept(self._load_state_dict_post_hooks, hook)

    # ------------------------------------------------------------ saving

    def state_dict(
        self, *args: Any, destination: Any = None, prefix: str = "", keep_vars: bool = False
    ) -> Any:
        """Parameters and persistent buffers by their paths.

        Args:
            destination: a dict to fill; a new one by default.
            prefix: put before every path.
            keep_vars: the parameters themselves, not detached.

        Returns:
            An OrderedDict; its tensors share memory with the module.

        Example:
            >>> import chainrule as torch
            >>> list(torch.nn.Linear(2, 1).state_dict())
            ['weight', 'bias']
        """
        if args:
            destination = args[0] if destination is None else destination
            prefix = args[1] if len(args) > 1 and prefix == "" else prefix
            keep_vars = args[2] if len(args) > 2 and keep_vars is False else keep_vars
        if destination is None:
            destination = OrderedDict()
            destination._metadata = OrderedDict()
        metadata: dict[str, Any] = {"version": self._version}
        if hasattr(destination, "_metadata"):
            destination._metadata[prefix[:-1]] = metadata
        for hook in self._state_dict_pre_hooks.values():
            hook(self, prefix, keep_vars)
        self._save_to_state_dict(destination, prefix, keep_vars)
        for name, module in self._modules.items():
            if module is not None:
                module.state_dict(
                    destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars
                )
        for hook in self._state_dict_hooks.values():
            made = hook(self, destination, prefix, metadata)
            if not getattr(hook, "_from_public_api", False):
                destination = destination if made is None else made
            elif made is not None:
                raise RuntimeError("state_dict post-hook must return None")
        return destination

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        """Put this module's own tensors into `destination`."""
        for name, t in self._persistent():
            if t is not None:
                lazy = is_lazy(t)
                destination[prefix + name] = t if keep_vars or lazy else t.detach()
        if _overrides(self, "get_extra_state"):
            destination[prefix + EXTRA] = self.get_extra_state()

    def _persistent(self) -> list[tuple[str, Any]]:
        buffers = [
            (k, b) for k, b in self._buffers.items() if k not in self._non_persistent_buffers_set
        ]
        return [*self._parameters.items(), *buffers]

    # ------------------------------------------------------------ loading

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> Any:
        """Copy the tensors of a state into this module's.

        Args:
            state_dict: tensors by path.
            strict: all paths must be there, and no others.
            assign: take the tensors themselves instead of copying their values.

        Returns:
            A named tuple: missing_keys, unexpected_keys.

        Raises:
            RuntimeError: paths or shapes that do not fit; all of them are listed.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
        metadata = getattr(state_dict, "_metadata", None)
        state_dict = OrderedDict(state_dict)
        if metadata is not None:
            state_dict._metadata = metadata  # type: ignore[attr-defined]
        missing: list[str] = []
        unexpected: list[str] = []
        messages: list[str] = []
        _load(self, state_dict, metadata, "", strict, assign, (missing, unexpected, messages))
        if strict:
            for words, keys in (("Unexpected", unexpected), ("Missing", missing)):
                if keys:
                    listed = ", ".join(f'"{k}"' for k in keys)
                    messages.insert(0, f"{words} key(s) in state_dict: {listed}. ")
        if messages:
            listed = "\n\t".join(messages)
            raise RuntimeError(
                f"Error(s) in loading state_dict for {type(self).__name__}:\n\t{listed}"
            )
        return IncompatibleKeys(missing, unexpected)

    def _load_from_state_dict(
        self,
        state_dict: Any,
        prefix: str,
        local_metadata: Any,
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        """Take this module's own tensors from `state_dict`; note what does not fit."""
        for hook in self._load_state_dict_pre_hooks.values():
            hook(
                state_dict,
                prefix,
                local_metadata,
                strict,
                missing_keys,
                unexpected_keys,
                error_msgs,
            )
        own = {k: t for k, t in self._persistent() if t is not None}
        assign = local_metadata.get("assign_to_params_buffers", False)
        for name, t in own.items():
            key = prefix + name
            if key in state_dict:
                message = self._take(name, t, key, state_dict[key], assign)
                error_msgs.extend([message] if message else [])
            elif strict:
                missing_keys.append(key)
        if _overrides(self, "set_extra_state"):
            if prefix + EXTRA in state_dict:
                self.set_extra_state(state_dict[prefix + EXTRA])
            elif strict:
                missing_keys.append(prefix + EXTRA)
        elif strict and prefix + EXTRA in state_dict:
            unexpected_keys.append(prefix + EXTRA)
        if strict:
            unexpected_keys += self._unknown(state_dict, prefix, own)

    def _unknown(self, state_dict: Any, prefix: str, own: dict[str, Any]) -> list[str]:
        found = []
        for key in state_dict:
            if key.startswith(prefix) and key != prefix + EXTRA:
                head, dot, _ = key[len(prefix) :].partition(".")
                if (dot and head not in self._modules) or (not dot and head not in own):
                    found.append(key)
        return found

    def _take(self, name: str, t: Any, key: str, given: Any, assign: bool) -> str:
        """Load one tensor; what is wrong with it, or nothing."""
        if not isinstance(given, Tensor):
            return (
                f'While copying the parameter named "{key}", expected torch.Tensor or Tensor-like '
                f"object from checkpoint but received {type(given)}"
            )
        lazy = is_lazy(t)
        if not lazy:
            if t.dim() == 0 and given.dim() == 1:
                given = given[0]
            if given.shape != t.shape:
                return (
                    f"size mismatch for {key}: copying a param with shape {given.shape} from "
                    f"checkpoint, the shape in current model is {t.shape}."
                )
        try:
            self._store(name, t, given, assign)
        except Exception as error:
            args = tuple(str(a).partition("\n")[0] for a in error.args)
            return (
                f'While copying the parameter named "{key}", whose dimensions in the model are '
                f"{t.shape} and whose dimensions in the checkpoint are {given.shape}, an exception "
                f"occurred : {args}."
            )
        return ""

    def _store(self, name: str, t: Any, given: Tensor, assign: bool) -> None:
        if not assign:
            with no_grad():
                if is_lazy(t) and not is_lazy(given):
                    t.materialize(given.shape)
                if not is_lazy(given) or not is_lazy(t):
                    t.copy_(given)
            return
        if isinstance(t, Parameter):
            if not isinstance(given, Parameter):
                given = Parameter(given, t.requires_grad)
            else:
                given.requires_grad_(t.requires_grad)
        setattr(self, name, given)


def _load(
    module: Any, state: Any, metadata: Any, prefix: str, strict: bool, assign: bool, found: Any
) -> None:
    """Load a module and those below it, notes into `found` (missing, unexpected, messages)."""
    local = {} if metadata is None else metadata.get(prefix[:-1], {})
    if assign:
        local["assign_to_params_buffers"] = assign
    module._load_from_state_dict(state, prefix, local, True, *found)
    for name, child in module._modules.items():
        if child is not None:
            below = f"{prefix}{name}."
            part = OrderedDict((k, v) for k, v in state.items() if k.startswith(below))
            _load(child, part, metadata, below, strict, assign, found)
    keys = IncompatibleKeys(found[0], found[1])
    for hook in module._load_state_dict_post_hooks.values():
        if hook(module, keys) is not None:
            raise AssertionError(
                "Hooks registered with ``register_load_state_dict_post_hook`` are not expected to "
                "return new values, if incompatible_keys need to be modified, it should be done "
                "inplace."
            )


def _overrides(module: Any, name: str) -> bool:
    return getattr(type(module), name) is not getattr(Saving, name)
