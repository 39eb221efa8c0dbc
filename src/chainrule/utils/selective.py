"""Selective checkpointing: which results a checkpointed part keeps, op by op.

Two interpreters: `Keeping` runs in the forward and asks the policy about every op; `Giving` runs in
the second run and, where a result was kept, hands it out instead of computing it, with the node
that the op would have recorded. They stand below the saved-tensor hooks of the checkpoint, as
PyTorch's stand below autograd. Called by `utils/checkpoint.py`.
"""

from __future__ import annotations

import enum
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from .. import _state
from .._state import S, grad_enabled, modes, set_grad
from ..autograd.following import Follower
from ..core.interpreter import Interpreter, below, current, remove
from ..core.record import record, version_of
from ..core.tensor import Tensor, wrap
from ..ops.interop import aten
from ..ops.interop.aten import Overload, Packet, overload_of

__all__ = [
    "SAC_IGNORED_OPS",
    "CheckpointPolicy",
    "SelectiveCheckpointContext",
    "create_selective_checkpoint_contexts",
]


class CheckpointPolicy(enum.Enum):
    """What a policy says of one op's result: keep it, or compute it again in backward.

    MUST_ and PREFER_ mean the same here; CPU_OFFLOAD is SAVE, since everything is on the CPU.
    """

    MUST_SAVE = 0
    PREFER_SAVE = 1
    MUST_RECOMPUTE = 2
    PREFER_RECOMPUTE = 3
    MUST_CPU_OFFLOAD = 4
    PREFER_CPU_OFFLOAD = 5


_RECOMPUTED = (CheckpointPolicy.MUST_RECOMPUTE, CheckpointPolicy.PREFER_RECOMPUTE)


class SelectiveCheckpointContext:
    """What a policy is told besides the op and its arguments.

    Attributes:
        is_recompute: False: the policy is asked in the forward only.
        op_output: the result of the op, detached.
    """

    def __init__(self, *, is_recompute: bool, op_output: Any = None) -> None:
        self.is_recompute = is_recompute
        self.op_output = op_output


# Ops about which no policy is asked.
SAC_IGNORED_OPS: set[Any] = {
    aten.detach.default,
    *(
        Overload(name, "default")
        for name in (
            "dim is_contiguous is_non_overlapping_and_dense is_strides_like_format numel size "
            "storage_offset stride sym_numel sym_size sym_storage_offset sym_stride"
        ).split()
    ),
    Overload("is_contiguous", "memory_format"),
}

_RECOMPUTE, _CONSUMED = object(), object()
_MISMATCH = (
    "This can happen if the operations in the checkpointed region are nondeterministic or depend "
    "on global state that changed between forward and backward."
)


class _Kept:
    """A result that was kept, and its version."""

    __slots__ = ("t", "version")

    def __init__(self, t: Tensor) -> None:
        self.t, self.version = _bare(t), version_of(t)

    def value(self, mutable: bool) -> Tensor:
        """A new tensor of the same memory."""
        if not mutable and version_of(self.t) != self.version:
            raise RuntimeError(
                "Tensor cached during selective activation checkpoint has been mutated\n"
                "Hint: let the policy recompute it, or pass allow_cache_entry_mutation=True"
            )
        return wrap(self.t._data)


def _bare(t: Tensor) -> Tensor:
    """The same memory and version counter, outside of the graph."""
    made = wrap(t._data)
    if t._vc is None:
        t._vc = [0]
    made._vc = t._vc
    return made


class _Selective(Interpreter):
    """What the two runs share: their place on the stack, and the number of each call."""

    follows = True

    def __init__(self, storage: dict[str, dict[int, Any]]) -> None:
        self.storage = storage
        self.calls: dict[str, int] = defaultdict(int)

    def __enter__(self) -> Any:
        self.calls.clear()
        stack = modes()
        at = len(stack)
        while at and isinstance(stack[at - 1], Follower):
            at -= 1  # below what looks at nodes
        stack.insert(at, self)
        with _state._lock:
            S.mode_count += 1
            S.mode = current
        return self

    def __exit__(self, *exc: object) -> None:
        remove(self)

    def process(self, prim: Any, inputs: tuple[Any, ...], params: tuple[Any, ...]) -> Any:
        if prim.kind == "custom" and len(modes()) == 1:
            return prim.evaluate(inputs, params)  # the ops of its forward come here one by one
        op = None if prim.kind == "custom" else overload_of(prim, inputs, params)
        if op is None or op in SAC_IGNORED_OPS:
            with below(self):
                return prim.call(*inputs, params=params)
        number = self.calls[prim.name]
        self.calls[prim.name] = number + 1
        return self.one(prim, op, number, inputs, params)

    def one(self, prim: Any, op: Overload, number: int, inputs: Any, params: Any) -> Any:
        """One call of an op."""
        raise NotImplementedError


class Keeping(_Selective):
    """The forward: keeps the results that the policy wants to keep."""

    def __init__(self, policy: Callable[..., Any], storage: Any) -> None:
        super().__init__(storage)
        self.policy = policy

    def one(self, prim: Any, op: Overload, number: int, inputs: Any, params: Any) -> Any:
        with below(self):
            out = prim.call(*inputs, params=params)
            before = set_grad(False)
            try:
                context = SelectiveCheckpointContext(
                    is_recompute=False, op_output=_each(out, _bare)
                )
                said = self.policy(context, op, *inputs, *params)
            finally:
                set_grad(before)
        if isinstance(said, bool):
            said = CheckpointPolicy.MUST_SAVE if said else CheckpointPolicy.PREFER_RECOMPUTE
        keep = said not in _RECOMPUTED and not prim.view and len(modes()) == 1
        self.storage[prim.name][number] = _each(out, _Kept) if keep else _RECOMPUTE
        return out


def _each(out: Any, f: Callable[[Tensor], Any]) -> Any:
    return tuple(map(f, out)) if isinstance(out, tuple) else f(out)


class Giving(_Selective):
    """The second run: hands out what was kept."""

    def __init__(self, storage: Any, mutable: bool) -> None:
        super().__init__(storage)
        self.mutable = mutable

    def one(self, prim: Any, op: Overload, number: int, inputs: Any, params: Any) -> Any:
        entries = self.storage.get(prim.name)
        if entries is None:
            raise RuntimeError(
                f"{op} encountered during backward but not found in storage. {_MISMATCH}"
            )
        entry = entries.get(number)
        if entry is None:
            raise RuntimeError(
                f"{op} invocation index {number} encountered during backward but not found in "
                f"storage. {_MISMATCH}"
            )
        if entry is _CONSUMED:
            raise RuntimeError(
                "Trying to backward an extra time. You are only allowed to backward once on any "
                "region computed under selective activation checkpoint."
            )
        if entry is _RECOMPUTE:
            with below(self):
                return prim.call(*inputs, params=params)
        entries[number] = _CONSUMED
        made = _each(entry, lambda kept: kept.value(self.mutable))
        outs = made if isinstance(made, tuple) else (made,)
        if grad_enabled() and prim.tracked(inputs):
            record(prim, outs, inputs, params)
        return made


def create_selective_checkpoint_contexts(
    policy_fn_or_list: Any, allow_cache_entry_mutation: bool = False
) -> tuple[Any, Any]:
    """The two contexts of a checkpoint that keeps some results instead of computing them again.

    Args:
        policy_fn_or_list: `policy(ctx, op, *args, **kwargs)`, which returns a `CheckpointPolicy`
            (or whether to keep) for one call of `op` (`torch.ops.aten...`, equal to its public
            function); or a list of the ops to keep: `torch.ops.aten.mm.default`, or the function
            `torch.mm`.
        allow_cache_entry_mutation: do not check that kept results are unmodified.

    Returns:
        The contexts of the forward and of the second run, for `checkpoint(context_fn=)`.

    Raises:
        TypeError: neither a function nor a list. ValueError: what is listed is no op.

    Example:
        >>> import functools
        >>> import chainrule as torch
        >>> from chainrule.utils.checkpoint import checkpoint, create_selective_checkpoint_contexts
        >>> keep = functools.partial(create_selective_checkpoint_contexts, [torch.exp])
        >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> f = lambda t: t.exp().sin()
        >>> checkpoint(f, x, use_reentrant=False, context_fn=keep).sum().backward()
        >>> x.grad
        tensor([-2.4784,  3.3129])
    """
    if isinstance(policy_fn_or_list, list):
        for op in policy_fn_or_list:
            _need_op(op)
        wanted = list(policy_fn_or_list)

        def policy(ctx: Any, op: Overload, *args: Any, **kwargs: Any) -> CheckpointPolicy:
            listed = op in wanted
            return CheckpointPolicy.MUST_SAVE if listed else CheckpointPolicy.PREFER_RECOMPUTE

    elif callable(policy_fn_or_list):
        policy = policy_fn_or_list
    else:
        raise TypeError("policy_fn_or_list must be either a function or a list of ops.")
    storage: dict[str, dict[int, Any]] = defaultdict(dict)
    return Keeping(policy, storage), Giving(storage, allow_cache_entry_mutation)


def _need_op(op: Any) -> None:
    if isinstance(op, Overload) or (callable(op) and not isinstance(op, Packet)):
        return
    more = (
        f" Please update the OpOverloadPacket to a specific OpOverload.For example, if you have "
        f"`torch.ops.{op}`, change it to `torch.ops.{op}.default`."
        if isinstance(op, Packet)
        else ""
    )
    raise ValueError(
        f"Expected op in `op_list` to be an OpOverload but got: {op} of type {type(op)}.{more}"
    )
