"""An optimizer on other parameters and another state, for a while."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..core.tensor import Tensor
from .optimizer import Optimizer

__all__ = ["swap_in_optimizer_params_and_state"]


@contextmanager
def swap_in_optimizer_params_and_state(
    optimizer: Optimizer,
    swapin_parameters: dict[str, Tensor],
    swapin_optim_state: dict[str, Any],
) -> Iterator[None]:
    """Let an optimizer work on given parameters, with a given state, inside of `with`.

    Args:
        optimizer: has made a step before, so that it has a state.
        swapin_parameters: tensors by name, in the order of the optimizer's parameters.
        swapin_optim_state: as `optimizer.state_dict()` gives it. Its tensors are used as they are,
            so that steps change them; new entries stay inside.

    Raises:
        RuntimeError: no state yet, or other numbers of groups or parameters.

    Example:
        >>> import chainrule as torch
        >>> w = torch.ones(2, requires_grad=True)
        >>> optimizer = torch.optim.SGD([w], lr=0.1, momentum=0.9)
        >>> w.grad = torch.ones(2)
        >>> optimizer.step()
        >>> other = torch.zeros(2)
        >>> swapped = torch.optim.swap_in_optimizer_params_and_state
        >>> with swapped(optimizer, {"w": other}, optimizer.state_dict()):
        ...     other.grad = torch.ones(2)
        ...     optimizer.step()
        >>> other
        tensor([-0.1900, -0.1900])
    """
    params = list(swapin_parameters.values())
    groups = _groups(optimizer, params, swapin_optim_state)
    saved = swapin_optim_state.get("state")
    if not isinstance(saved, dict):
        raise RuntimeError(
            "swap_in_optimizer_params_and_state requires swapin_optim_state['state'] to be a dict "
            "mapping packed parameter ids to per-param state dicts, got "
            f"{type(saved).__name__}."
        )
    live = optimizer.param_groups, optimizer.state
    numbers = [n for g in swapin_optim_state["param_groups"] for n in g["params"]]
    state: defaultdict[Tensor, Any] = defaultdict(dict)
    for n, p in zip(numbers, params, strict=True):
        state[p] = dict(saved.get(n, {}))
    optimizer.param_groups, optimizer.state = groups, state
    try:
        yield
    finally:
        optimizer.param_groups, optimizer.state = live


def _groups(
    optimizer: Optimizer, params: list[Tensor], swapped: dict[str, Any]
) -> list[dict[str, Any]]:
    """The given groups on the given parameters."""
    if not optimizer.state:
        raise RuntimeError(
            "swap_in_optimizer_params_and_state requires initialized optimizer state.\n"
            "Hint: make one step before"
        )
    live, given = optimizer.param_groups, swapped.get("param_groups") or []
    if sum(len(g["params"]) for g in live) != len(params):
        raise RuntimeError(
            "swap_in_optimizer_params_and_state requires the explicit parameter state to match "
            "optimizer.param_groups ordering."
        )
    if len(live) != len(given):
        raise RuntimeError(
            "swapin_optim_state has a different number of parameter groups than the live optimizer."
        )
    made, left = [], iter(params)
    for i, (mine, theirs) in enumerate(zip(live, given, strict=True)):
        if len(mine["params"]) != len(theirs["params"]):
            raise RuntimeError(
                f"swapin_optim_state param group {i} has a different number of params than the "
                "live optimizer param group."
            )
        options = {k: v for k, v in theirs.items() if k != "params"}
        made.append({"params": [next(left) for _ in theirs["params"]], **options})
    return made
