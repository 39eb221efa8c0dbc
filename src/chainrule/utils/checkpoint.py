"""`torch.utils.checkpoint`: not keep what a part of the forward saves, but compute it again.

`use_reentrant=False`: the part runs under saved-tensor hooks that keep only a number for each saved
value; when backward asks for the first, the part runs again, under hooks that collect the values,
until the last that is needed has come (early stop).
`use_reentrant=True`: the part runs unrecorded inside a custom Function, whose backward runs it
again, recorded, and calls backward on that.
Both put the random number generator back to where it was, so that dropout falls the same way.
"""

from __future__ import annotations

import threading
import warnings
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from .. import errors
from .._state import grad_enabled
from ..amp.autocast_mode import autocast, get_autocast_dtype, is_autocast_enabled
from ..autograd import backward
from ..autograd.function import Function
from ..autograd.grad_mode import enable_grad, no_grad
from ..autograd.graph import saved_tensors_hooks
from ..core.node import INFERENCE
from ..core.primitive import PUBLIC
from ..core.pytree import flatten
from ..core.record import version_of
from ..core.tensor import Tensor
from ..core.watch import current_watch
from .selective import (
    SAC_IGNORED_OPS,
    CheckpointPolicy,
    SelectiveCheckpointContext,
    create_selective_checkpoint_contexts,
)

__all__ = [
    "SAC_IGNORED_OPS",
    "CheckpointError",
    "CheckpointFunction",
    "CheckpointPolicy",
    "DefaultDeviceType",
    "GraphExecGroup",
    "SelectiveCheckpointContext",
    "check_backward_validity",
    "checkpoint",
    "checkpoint_sequential",
    "create_selective_checkpoint_contexts",
    "detach_variable",
    "get_device_states",
    "noop_context_fn",
    "set_checkpoint_debug_enabled",
    "set_checkpoint_early_stop",
    "set_device_states",
]


class CheckpointError(RuntimeError):
    """The second run of a checkpointed part was not like the first."""


class _Enough(Exception):
    """Everything that is needed has been computed again."""


_settings: dict[str, Any] = {"early_stop": None, "debug": None}


def noop_context_fn() -> tuple[AbstractContextManager[Any], AbstractContextManager[Any]]:
    """Nothing around the forward, nothing around the second run."""
    return nullcontext(), nullcontext()


@contextmanager
def set_checkpoint_early_stop(enable: bool) -> Iterator[None]:
    """Within it, whether the second run ends as soon as it can, whatever `checkpoint` was told."""
    before, _settings["early_stop"] = _settings["early_stop"], enable
    try:
        yield
    finally:
        _settings["early_stop"] = before


@contextmanager
def set_checkpoint_debug_enabled(enabled: bool | None) -> Iterator[None]:
    """Within it, whether errors list the values of both runs, whatever `checkpoint` was told."""
    before, _settings["debug"] = _settings["debug"], enabled
    try:
        yield
    finally:
        _settings["debug"] = before


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,
    context_fn: Callable[[], Any] = noop_context_fn,
    determinism_check: str = "default",
    debug: bool = False,
    early_stop: bool = True,
    preserve_rng_state: bool = True,
    **kwargs: Any,
) -> Any:
    """`function(*args, **kwargs)`, of which nothing but the arguments is kept for backward.

    Args:
        function: is run a second time during backward, so it must compute the same again.
        use_reentrant: False is the better way (see the module); to be given explicitly.
        context_fn: returns two context managers, for the forward and for the second run.
        determinism_check: "default" compares shapes and dtypes of both runs, "none" does not.
        debug: list the values of both runs in errors.
        early_stop: end the second run as soon as everything needed has been computed.
        preserve_rng_state: draw the same random numbers in the second run.

    Example:
        >>> import chainrule as torch
        >>> from chainrule.utils.checkpoint import checkpoint
        >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> y = checkpoint(lambda t: t.exp().sin(), x, use_reentrant=False)
        >>> y.sum().backward()
        >>> x.grad
        tensor([-2.4784,  3.3129])
    """
    if use_reentrant is None:
        _warn_not_given("checkpoint", "Starting in PyTorch 2.9, calling checkpoint without "
                        "use_reentrant will raise an exception.")  # fmt: skip
        use_reentrant = True
    if not use_reentrant:
        frame = _Frame(function, args, kwargs, context_fn, determinism_check, preserve_rng_state)
        frame.debug = debug if _settings["debug"] is None else _settings["debug"]
        stop = _settings["early_stop"]
        frame.early_stop = early_stop if stop is None else stop
        return frame.forward()
    if kwargs:
        raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
    if context_fn is not noop_context_fn or debug is not False:
        raise ValueError(
            "Passing `context_fn` or `debug` is only supported when use_reentrant=False."
        )
    check_backward_validity(args)
    return CheckpointFunction.apply(function, preserve_rng_state, *args)


def _warn_not_given(name: str, since: str) -> None:
    warnings.warn(
        f"torch.utils.checkpoint{'' if name == 'checkpoint' else '.' + name}: the use_reentrant "
        f"parameter should be passed explicitly. {since} use_reentrant=False is recommended, but "
        "if you need to preserve the current default behavior, you can pass use_reentrant=True. "
        "Refer to docs for more details on the differences between the two variants.",
        UserWarning,
        stacklevel=3,
    )


def checkpoint_sequential(
    functions: Any,
    segments: int,
    input: Any,
    use_reentrant: bool | None = None,
    preserve_rng_state: bool = True,
    **kwargs: Any,
) -> Any:
    """A chain of functions (or a `nn.Sequential`) with all but the last of its `segments` parts
    checkpointed.

    Example:
        >>> import chainrule as torch
        >>> from chainrule.utils.checkpoint import checkpoint_sequential
        >>> x = torch.tensor([0.5], requires_grad=True)
        >>> y = checkpoint_sequential([torch.sin, torch.exp, torch.cos], 2, x, use_reentrant=False)
        >>> y.backward()
        >>> x.grad
        tensor([-1.4160])
    """
    if use_reentrant is None:
        _warn_not_given("checkpoint_sequential", "In version 2.9 we will raise an exception if "
                        "use_reentrant is not passed.")  # fmt: skip
        use_reentrant = True
    if kwargs:
        raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
    is_module = hasattr(functions, "children")
    parts = list(functions.children() if is_module else functions)
    if segments < 1:
        raise ValueError(
            f"segments must be at least 1\ngot: {segments}\nHint: 1 checkpoints nothing, n keeps "
            "the activations at n - 1 places"
        )
    size = len(parts) // segments
    done = 0
    for _ in range(segments - 1 if size else 0):
        input = checkpoint(
            _chain(parts[done : done + size]),
            input,
            use_reentrant=use_reentrant,
            preserve_rng_state=preserve_rng_state,
        )
        done += size
    return _chain(parts[done:])(input)


def _chain(parts: Sequence[Callable[[Any], Any]]) -> Callable[[Any], Any]:
    def run(value: Any) -> Any:
        for part in parts:
            value = part(value)
        return value

    return run


# ---------------------------------------------------------------- random numbers


class _Random:
    """Where the random number generator stood."""

    def __init__(self, wanted: bool) -> None:
        self.state = PUBLIC["get_rng_state"]() if wanted else None

    @contextmanager
    def again(self) -> Iterator[None]:
        """The generator stands there again; afterwards it goes on where it was."""
        if self.state is None:
            yield
            return
        now = PUBLIC["get_rng_state"]()
        PUBLIC["set_rng_state"](self.state)
        try:
            yield
        finally:
            PUBLIC["set_rng_state"](now)


def _same_precision() -> Callable[[], AbstractContextManager[Any]]:
    """Makes contexts in which autocast is what it is now."""
    enabled, dtype = is_autocast_enabled("cpu"), get_autocast_dtype("cpu")
    return lambda: autocast("cpu", dtype=dtype, enabled=enabled)


class DefaultDeviceType:
    """Whose random number generators are kept besides the CPU's; there is no other device here."""

    _default: str | None = None

    @staticmethod
    def set_device_type(device: str = "cuda") -> None:
        """Name the device that `get_device_type` gives."""
        DefaultDeviceType._default = device

    @staticmethod
    def get_device_type() -> str:
        """The device named last; "cpu" at first."""
        return DefaultDeviceType._default or "cpu"


def get_device_states(*args: Any) -> tuple[list[int], list[Tensor]]:
    """Numbers and random states of the devices, other than the CPU, that tensors among `args` are
    on: none here. (The CPU's own state is `get_rng_state()`.)

    Example:
        >>> import chainrule as torch
        >>> from chainrule.utils.checkpoint import get_device_states
        >>> get_device_states(torch.ones(2))
        ([], [])
    """
    found = [t for t in flatten(args)[0] if isinstance(t, Tensor) and t.device.type != "cpu"]
    assert not found, "every tensor is on the CPU"
    return [], []


def set_device_states(
    devices: Sequence[int], states: Sequence[Tensor], *, device_type: str | None = None
) -> None:
    """Put the generators of devices back to states that `get_device_states` gave.

    Raises:
        RuntimeError: a device is named: this package computes on the CPU only.
    """
    kind = DefaultDeviceType.get_device_type() if device_type is None else device_type
    for device, _ in zip(devices, states, strict=False):
        if kind != "meta":
            raise RuntimeError(
                errors.hinted(
                    f"there is no device {kind}:{device} whose random state could be set",
                    hint="the CPU's state is set with torch.set_rng_state",
                )
            )


# ---------------------------------------------------------------- not reentrant


class GraphExecGroup:
    """Several backward calls that together compute a checkpointed part again once only.

    Within it or not, a value that was computed again and is not used yet is kept for the next
    backward, so the part runs again only when one is asked for a second time. It says that this is
    meant, and cannot be nested, as in PyTorch.

    Example:
        >>> import chainrule as torch
        >>> from chainrule.utils.checkpoint import GraphExecGroup, checkpoint
        >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> y = checkpoint(lambda t: (t.exp(), t.sin()), x, use_reentrant=False)
        >>> with GraphExecGroup():
        ...     y[0].sum().backward()
        ...     y[1].sum().backward()
        >>> x.grad
        tensor([3.2586, 6.9729])
    """

    def __enter__(self) -> GraphExecGroup:
        if _group.current is not None:
            raise RuntimeError(
                f"GraphExecGroup contexts cannot be nested. Already inside group {_group.current}"
            )
        _group.current = self
        return self

    def __exit__(self, *exc: object) -> None:
        _group.current = None


class _Group(threading.local):
    current: GraphExecGroup | None = None


_group = _Group()


class _Holder:
    """Stands in the graph for a saved value: its number, and its value once computed again."""

    __slots__ = ("__weakref__", "frame", "number", "shown", "value")

    def __init__(self, frame: _Frame, number: int, t: Tensor) -> None:
        self.frame, self.number = frame, number
        self.value: Tensor | None = None
        self.shown = _facts(t)


def _facts(t: Tensor) -> dict[str, Any]:
    return {"shape": t.shape, "dtype": t.dtype, "device": t.device}


class _Frame:
    """One checkpointed call."""

    debug = False
    early_stop = True

    def __init__(
        self, function: Any, args: Any, kwargs: Any, context_fn: Any, check: str, keep_random: bool
    ) -> None:
        if check not in ("default", "none"):
            raise ValueError(
                f"determinism_check should be one of ['default', 'none'], but got {check}"
            )
        self.function, self.args, self.kwargs = function, args, kwargs
        self.around, self.around_again = context_fn()
        self.check = check
        self.random, self.precision = _Random(keep_random), _same_precision()
        self.versions = [
            (t, version_of(t)) for t in args if isinstance(t, Tensor) and t._vc is not INFERENCE
        ]
        self.holders: list[weakref.ref[_Holder]] = []
        self.facts: list[dict[str, Any]] = []

    def forward(self) -> Any:
        """The first run: every saved value becomes a number."""
        if not grad_enabled():
            with self.around:
                return self.function(*self.args, **self.kwargs)
        with saved_tensors_hooks(self._pack, self._unpack), self.around:
            return self.function(*self.args, **self.kwargs)

    def _pack(self, t: Tensor) -> _Holder:
        holder = _Holder(self, len(self.holders), t)
        self.holders.append(weakref.ref(holder))
        self.facts.append(holder.shown)
        return holder

    def _unpack(self, holder: _Holder) -> Tensor:
        if holder.value is None:
            self._compute_again()
        value, holder.value = holder.value, None  # backward asks once; another walk computes again
        if value is None:
            raise self._different_number(-1)
        return value

    def _compute_again(self) -> None:
        """The second run: collect the saved values in their order."""
        found = 0

        def pack(t: Tensor) -> Tensor:
            nonlocal found
            number, found = found, found + 1
            if number >= len(self.holders):
                raise self._more()
            holder = self.holders[number]()
            kept = t.detach()
            if holder is not None:
                self._compare(number, kept)
                holder.value = kept
            if self.early_stop and found == len(self.holders):
                raise _Enough
            return kept

        for i, (t, version) in enumerate(self.versions):
            if version_of(t) != version:
                raise _modified(i, t, version)
        hooks = saved_tensors_hooks(pack, lambda kept: kept)
        again = self.random.again()
        try:
            with again, self.precision(), enable_grad(), hooks, self.around_again:
                self.function(*self.args, **self.kwargs)
        except _Enough:
            return
        if found != len(self.holders):
            raise self._different_number(found)

    def _compare(self, number: int, t: Tensor) -> None:
        if self.check == "default" and _facts(t) != self.facts[number]:
            raise CheckpointError(
                "torch.utils.checkpoint: Recomputed values for the following tensors have "
                "different metadata than during the forward pass.\n"
                f"tensor at position {number}:\nsaved metadata: {self.facts[number]}\n"
                f"recomputed metadata: {_facts(t)}\n" + self._list() + _MUST_REPEAT
            )

    def _more(self) -> CheckpointError:
        return CheckpointError(
            "torch.utils.checkpoint: trying to save more tensors during recomputation than during "
            f"the original forward pass.\nsaved in forward: {len(self.holders)}\n"
            + self._list() + _MUST_REPEAT
        )  # fmt: skip

    def _different_number(self, found: int) -> CheckpointError:
        return CheckpointError(
            "torch.utils.checkpoint: A different number of tensors was saved during the original "
            f"forward and recomputation.\nNumber of tensors saved during forward: "
            f"{len(self.holders)}\nNumber of tensors saved during recomputation: {found}.\n"
            + self._list() + _MUST_REPEAT
        )  # fmt: skip

    def _list(self) -> str:
        if not self.debug:
            return ""
        return "".join(f"forward saved {i}: {facts}\n" for i, facts in enumerate(self.facts))


def _modified(i: int, t: Tensor, version: int) -> RuntimeError:
    origin = f", which is output {t.output_nr} of {errors.op_of(t.grad_fn)}," if t.grad_fn else ""
    return RuntimeError(
        errors.hinted(
            "one of the variables needed for gradient computation has been modified by an inplace "
            f"operation: [{errors.type_name(t.dtype)} {list(t.shape)}]{origin} is at version "
            f"{version_of(t)}; expected version {version} instead.",
            f"argument {i} of a checkpointed function, which is to run again with it",
            hint="write the in-place line out of place, or clone() before it",
        )
    )


_MUST_REPEAT = (
    "Hint: the function must compute the same when it runs again; look for branches on a counter, "
    "the time or random numbers (preserve_rng_state=True), and for variables that change between "
    "forward and backward"
)


# ---------------------------------------------------------------- reentrant


def check_backward_validity(inputs: Any) -> None:
    """Warn when no argument requires grad: then no gradient can leave the part."""
    if not any(t.requires_grad for t in inputs if isinstance(t, Tensor)):
        warnings.warn(
            "None of the inputs have requires_grad=True. Gradients will be None",
            UserWarning,
            stacklevel=3,
        )


def detach_variable(inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments as leaves that require grad where the arguments do."""
    return tuple(
        t.detach().requires_grad_(t.requires_grad) if isinstance(t, Tensor) else t for t in inputs
    )


class CheckpointFunction(Function):
    """Runs a function unrecorded, and again, recorded, in backward."""

    @staticmethod
    def forward(ctx: Any, run_function: Any, preserve_rng_state: bool, *args: Any) -> Any:
        """The first run."""
        ctx.run_function, ctx.random = run_function, _Random(preserve_rng_state)
        ctx.precision = _same_precision()
        ctx.template = [None if isinstance(a, Tensor) else (a,) for a in args]
        ctx.save_for_backward(*[a for a in args if isinstance(a, Tensor)])
        with no_grad():
            return run_function(*args)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """The second run and its backward."""
        watch = current_watch()
        if watch is not None and watch.wanted is not None:
            raise RuntimeError(
                errors.hinted(
                    "When use_reentrant=True, torch.utils.checkpoint is incompatible with .grad() "
                    "or passing an `inputs` parameter to .backward(). To resolve this error, you "
                    "can either set use_reentrant=False, or call .backward() without passing the "
                    "`inputs` argument.",
                    hint="checkpoint(function, ..., use_reentrant=False)",
                )
            )
        tensors = iter(ctx.saved_tensors)
        inputs = detach_variable(tuple(next(tensors) if t is None else t[0] for t in ctx.template))
        with ctx.random.again(), ctx.precision(), enable_grad():
            outputs = ctx.run_function(*inputs)
        pairs = [
            (t, g)
            for t, g in zip(_as_tuple(outputs), grad_outputs, strict=True)
            if isinstance(t, Tensor) and t.requires_grad
        ]
        if not pairs:
            raise RuntimeError(
                "none of output has requires_grad=True, this checkpoint() is not necessary"
            )
        backward([t for t, _ in pairs], [g for _, g in pairs])
        return (None, None, *(t.grad if isinstance(t, Tensor) else None for t in inputs))


def _as_tuple(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)
