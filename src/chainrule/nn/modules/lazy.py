"""`LazyModuleMixin`: modules that learn the sizes of their input at their first call.

Until then their parameters are uninitialised. A forward pre-hook calls `initialize_parameters` with
the arguments of the first call, and the module becomes one of its ordinary class.
"""

from __future__ import annotations

from typing import Any

from ..parameter import is_lazy

__all__ = ["LazyModuleMixin"]


class LazyModuleMixin:
    """The part of a lazy module that waits for the first call.

    A subclass (`class LazyX(LazyModuleMixin, X)`) sets `cls_to_become = X`, makes its parameters
    uninitialised, and defines `initialize_parameters(*args)`.

    Example:
        >>> import chainrule as torch
        >>> layer = torch.nn.LazyLinear(2)
        >>> layer.has_uninitialized_params()
        True
        >>> y = layer(torch.ones(1, 3))
        >>> layer
        Linear(in_features=3, out_features=2, bias=True)
    """

    cls_to_become: Any = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        me: Any = self
        self._load_hook = me._register_load_state_dict_pre_hook(self._lazy_load_hook)
        self._initialize_hook = me.register_forward_pre_hook(
            self._infer_parameters, with_kwargs=True
        )

    def initialize_parameters(self, *args: Any, **kwargs: Any) -> None:
        """Materialise the parameters for these arguments of the first call."""
        raise NotImplementedError(
            f"initialize_parameters is not implemented for {type(self).__name__}"
        )

    def has_uninitialized_params(self) -> bool:
        """Whether some parameter or buffer of the module has no shape yet."""
        me: Any = self
        return any(is_lazy(t) for t in (*me._parameters.values(), *me._buffers.values()))

    def _lazy_load_hook(self, state_dict: Any, prefix: str, *rest: Any) -> None:
        me: Any = self
        for table in (me._parameters, me._buffers):
            for name, t in table.items():
                given = state_dict.get(prefix + name)
                if given is not None and t is not None and is_lazy(t) and not is_lazy(given):
                    t.materialize(given.shape)

    def _infer_parameters(self, module: Any, args: Any, kwargs: Any = None) -> None:
        module.initialize_parameters(*args, **(kwargs or {}))
        if module.has_uninitialized_params():
            raise RuntimeError(
                f"module {self._get_name()} has not been fully initialized"  # type: ignore[attr-defined]
            )
        module._initialize_hook.remove()
        module._load_hook.remove()
        del module._initialize_hook, module._load_hook
        if module.cls_to_become is not None:
            module.__class__ = module.cls_to_become
