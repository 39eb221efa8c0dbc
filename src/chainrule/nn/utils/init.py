"""`skip_init`: a module whose parameters are not drawn."""

from __future__ import annotations

import inspect
from typing import Any

from ...ops.make.random import get_rng_state, set_rng_state
from ..modules.module import Module

__all__ = ["skip_init"]


def skip_init(module_cls: type[Module], *args: Any, **kwargs: Any) -> Any:
    """`module_cls(*args, **kwargs)` without taking numbers from the random stream.

    The values of its parameters mean nothing; load or set them.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.utils.skip_init(torch.nn.Linear, 3, 2).weight.shape
        torch.Size([2, 3])
    """
    if not issubclass(module_cls, Module):
        raise RuntimeError(f"Expected a Module; got {module_cls}")
    if "device" not in inspect.signature(module_cls).parameters:
        raise RuntimeError("Module must support a 'device' arg to skip initialization")
    kwargs.pop("device", None)
    before = get_rng_state()
    made = module_cls(*args, **kwargs)
    set_rng_state(before)
    return made
