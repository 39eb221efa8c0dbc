"""`functional_call` and `stack_module_state`: modules as functions of their parameters.

A module is anything with `named_parameters`, `named_buffers`, `_parameters`, `_buffers` and
`_modules` (that is `nn.Module`, which this room does not import).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ..core.record import OPS
from ..core.tensor import Tensor

__all__ = ["functional_call", "replace_all_batch_norm_modules_", "stack_module_state"]


def functional_call(
    module: Any,
    parameter_and_buffer_dicts: Any,
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """`module(*args, **kwargs)` with other tensors in the place of its parameters and buffers.

    Args:
        module: the module; it is as before afterwards.
        parameter_and_buffer_dicts: tensors by the names of `named_parameters` and `named_buffers`,
            or a sequence of such dicts.
        args: a tuple of arguments, or the single argument.
        tie_weights: what is given under one name of a shared parameter also stands for its others.
        strict: all parameters and buffers must be given, and nothing else (else names that the
            module does not have are ignored).

    Returns:
        What the module returns.

    Raises:
        ValueError: a name in several dicts; a name given twice for one tied parameter.
        TypeError: something else than a tensor is given.
        RuntimeError: with `strict`, names that are missing or unknown.

    Example:
        >>> import chainrule as torch
        >>> layer = torch.nn.Linear(2, 1)
        >>> given = {"weight": torch.ones(1, 2), "bias": torch.zeros(1)}
        >>> torch.func.functional_call(layer, given, torch.ones(2)).detach()
        tensor([2.])
    """
    given = _merged(parameter_and_buffer_dicts)
    with _swapped(module, given, tie_weights, strict):
        if args is None:
            args = ()
        elif not isinstance(args, tuple):
            args = (args,)
        return module(*args, **(kwargs or {}))


def _merged(dicts: Any) -> dict[str, Tensor]:
    if isinstance(dicts, dict):
        return dicts
    if not isinstance(dicts, Sequence):
        raise ValueError(
            "Expected parameter_and_buffer_dicts to be a dict, or a list/tuple of dicts, but got "
            f"{type(dicts)}"
        )
    if not all(isinstance(d, dict) for d in dicts):
        raise ValueError("Expected all elements of parameter_and_buffer_dicts to be dictionaries")
    names = [k for d in dicts for k in d]
    repeated = [k for k in dict.fromkeys(names) if names.count(k) > 1]
    if repeated:
        raise ValueError(
            f"{repeated} appeared in multiple dictionaries; behavior of functional call is "
            "ambiguous"
        )
    return {k: v for d in dicts for k, v in d.items()}


def _places(module: Any) -> dict[str, tuple[dict[str, Any], str]]:
    """For every name of a parameter or buffer, tied ones included: the dict it is in, its key."""
    found: dict[str, tuple[dict[str, Any], str]] = {}
    stack = [("", module)]
    while stack:
        prefix, m = stack.pop()
        for table in (m._parameters, m._buffers):
            found.update((prefix + k, (table, k)) for k, t in table.items() if t is not None)
        stack += [(f"{prefix}{k}.", c) for k, c in m._modules.items() if c is not None]
    return found


@contextmanager
def _swapped(module: Any, given: dict[str, Tensor], tie: bool, strict: bool) -> Iterator[None]:
    places = _places(module)
    if tie:
        given = _tied(places, given)
    if strict:
        _check_names(module, places, given)
    old: list[tuple[dict[str, Any], str, Any]] = []
    try:
        for name, t in given.items():
            if not isinstance(t, Tensor):
                raise TypeError(f"{t} is not an instance of torch.Tensor")
            if name in places:
                table, key = places[name]
                old.append((table, key, table[key]))
                table[key] = t
        yield
    finally:
        for table, key, t in reversed(old):
            table[key] = t


def _tied(places: dict[str, Any], given: dict[str, Tensor]) -> dict[str, Tensor]:
    """The given tensors under all names of what they replace."""
    groups: dict[int, list[str]] = {}
    for name, (table, key) in places.items():
        groups.setdefault(id(table[key]), []).append(name)
    made = dict(given)
    for names in groups.values():
        here = [n for n in names if n in given]
        if len({id(given[n]) for n in here}) > 1:
            raise ValueError(
                f"functional_call got multiple values for keys {sorted(here)}, which are tied. "
                "Consider using tie_weights=False"
            )
        if here:
            made.update((n, given[here[0]]) for n in names)
    return made


def _check_names(module: Any, places: dict[str, Any], given: dict[str, Tensor]) -> None:
    unexpected = sorted(n for n in given if n not in places)
    missing = sorted(n for n in places if n not in given)
    words = [
        f"\n\t{what} key(s): {', '.join(map(repr, names))}."
        for what, names in (("Unexpected", unexpected), ("Missing", missing))
        if names
    ]
    if words:
        raise RuntimeError(
            f"Error(s) in reparametrizing for {type(module).__name__}:{''.join(words)}"
        )


def stack_module_state(models: Sequence[Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Parameters and buffers of several models of one class, stacked along a new dimension 0.

    Returns:
        (parameters, buffers): dicts of tensors, for `vmap` over `functional_call`.

    Raises:
        RuntimeError: no models, of several classes, or some in training mode and some not.
    """
    if len(models) == 0:
        raise RuntimeError("stack_module_state: Expected at least one model, got 0.")
    if not (all(m.training for m in models) or all(not m.training for m in models)):
        raise RuntimeError(
            "stack_module_state: Expected all models to have the same training/eval mode."
        )
    if not all(type(m) is type(models[0]) for m in models):
        raise RuntimeError("stack_module_state: Expected all models to be of the same class.")
    return tuple(  # type: ignore[return-value]
        _stacked([dict(getattr(m, names)()) for m in models])
        for names in ("named_parameters", "named_buffers")
    )


def _stacked(states: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    return {name: _leaf([s[name] for s in states], name) for name in states[0]}


def _leaf(tensors: list[Tensor], name: str) -> Tensor:
    wanted = {t.requires_grad for t in tensors}
    if len(wanted) > 1:
        raise RuntimeError(f"Expected {name} from each model to have the same .requires_grad")
    made: Tensor = OPS.stack(tensors, 0)
    return made.detach().requires_grad_() if wanted == {True} else made


def replace_all_batch_norm_modules_(root: Any) -> Any:
    """Make every batch norm in the module use the statistics of its batch only, in place: the
    running ones, which `vmap` cannot write, are taken away.

    A batch norm is a module of the class `_BatchNorm` or one derived from it.

    Args:
        root: a module.

    Returns:
        The same module.
    """
    for module in (root, *root.modules()):
        is_norm = any(c.__name__ == "_BatchNorm" for c in type(module).__mro__)
        if is_norm and module.track_running_stats:
            module.running_mean = module.running_var = module.num_batches_tracked = None
            module.track_running_stats = False
    return root
