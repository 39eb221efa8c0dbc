"""Collectives of a group of one: what is sent comes back to the sender."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from ..autograd.grad_mode import no_grad
from ..core.tensor import Tensor
from .group import ReduceOp, member_of

__all__ = [
    "P2POp", "Work", "all_gather", "all_gather_into_tensor", "all_gather_object", "all_reduce",
    "all_to_all", "all_to_all_single", "barrier", "batch_isend_irecv", "broadcast",
    "broadcast_object_list", "gather", "gather_object", "irecv", "isend", "monitored_barrier",
    "recv", "reduce", "reduce_scatter", "reduce_scatter_tensor", "scatter",
    "scatter_object_list", "send",
]  # fmt: skip


class Work:
    """A collective that was asked for with `async_op=True`; it has finished already."""

    def wait(self, timeout: Any = None) -> bool:
        """True."""
        return True

    def is_completed(self) -> bool:
        """True."""
        return True

    def is_success(self) -> bool:
        """True."""
        return True


def _check(group: Any, *tensors: Any) -> None:
    for t in tensors:
        if not isinstance(t, Tensor):
            raise TypeError(
                "Invalid function argument. Expected parameter `tensor` of type torch.Tensor\n"
                f"             but got {type(t)} instead."
            )
    member_of(group)


def _root(operation: str, rank: int | None, group_rank: int | None = None) -> None:
    if (rank or 0) != 0 or (group_rank or 0) != 0:
        raise RuntimeError(
            f"{operation}: invalid root rank: {rank or group_rank}\n"
            "Hint: the only process of this group is rank 0"
        )


def _one(name: str, values: Sequence[Any]) -> Any:
    if len(values) != 1:
        raise RuntimeError(
            f"{name}: invalid tensor list (expected length 1, got {len(values)})\n"
            "Hint: one entry for each process of the group, which has one"
        )
    return values[0]


def _written(target: Tensor, source: Tensor) -> None:
    if target is not source:
        with no_grad():
            target.copy_(source.reshape(target.shape))


def _done(async_op: bool) -> Work | None:
    return Work() if async_op else None


# ---------------------------------------------------------------- of tensors


def all_reduce(
    tensor: Tensor, op: Any = ReduceOp.SUM, group: Any = None, async_op: bool = False
) -> Any:
    """The sum (or `op`) over the one member: `tensor` as it is.

    Example:
        >>> import chainrule as torch
        >>> torch.distributed.init_process_group("gloo", world_size=1, rank=0)
        >>> x = torch.ones(2)
        >>> torch.distributed.all_reduce(x)
        >>> x
        tensor([1., 1.])
        >>> torch.distributed.destroy_process_group()
    """
    _check(group, tensor)
    return _done(async_op)


def broadcast(
    tensor: Tensor, src: int | None = None, group: Any = None, async_op: bool = False,
    group_src: int | None = None,
) -> Any:  # fmt: skip
    """The tensor of rank `src`, which is this one."""
    _check(group, tensor)
    _root("broadcast", src, group_src)
    return _done(async_op)


def reduce(
    tensor: Tensor, dst: int | None = None, op: Any = ReduceOp.SUM, group: Any = None,
    async_op: bool = False, group_dst: int | None = None,
) -> Any:  # fmt: skip
    """The sum (or `op`) over the one member: `tensor` as it is."""
    _check(group, tensor)
    _root("reduce", dst, group_dst)
    return _done(async_op)


def all_gather(
    tensor_list: list[Tensor], tensor: Tensor, group: Any = None, async_op: bool = False
) -> Any:
    """Write `tensor` into the one tensor of `tensor_list`."""
    _check(group, tensor)
    _written(_one("allgather", tensor_list), tensor)
    return _done(async_op)


def all_gather_into_tensor(
    output_tensor: Tensor, input_tensor: Tensor, group: Any = None, async_op: bool = False
) -> Any:
    """Write `input_tensor` into `output_tensor`."""
    _check(group, output_tensor, input_tensor)
    _written(output_tensor, input_tensor)
    return _done(async_op)


def gather(
    tensor: Tensor, gather_list: list[Tensor] | None = None, dst: int | None = None,
    group: Any = None, async_op: bool = False, group_dst: int | None = None,
) -> Any:  # fmt: skip
    """Write `tensor` into the one tensor of `gather_list`.

    Raises:
        ValueError: no list, which rank `dst`, this one, must bring.
    """
    _check(group, tensor)
    _root("gather", dst, group_dst)
    if not gather_list:
        raise ValueError("Argument ``gather_list`` must be specified on destination rank.")
    _written(_one("gather", gather_list), tensor)
    return _done(async_op)


def scatter(
    tensor: Tensor, scatter_list: list[Tensor] | None = None, src: int | None = None,
    group: Any = None, async_op: bool = False, group_src: int | None = None,
) -> Any:  # fmt: skip
    """Write the one tensor of `scatter_list` into `tensor`.

    Raises:
        ValueError: no list, which rank `src`, this one, must bring.
    """
    _check(group, tensor)
    _root("scatter", src, group_src)
    if not scatter_list:
        raise ValueError("Argument ``scatter_list`` must be specified on source rank.")
    _written(tensor, _one("scatter", scatter_list))
    return _done(async_op)


def reduce_scatter(
    output: Tensor, input_list: list[Tensor], op: Any = ReduceOp.SUM, group: Any = None,
    async_op: bool = False,
) -> Any:  # fmt: skip
    """Write the one tensor of `input_list` into `output`."""
    _check(group, output)
    _written(output, _one("reduce_scatter", input_list))
    return _done(async_op)


def reduce_scatter_tensor(
    output: Tensor, input: Tensor, op: Any = ReduceOp.SUM, group: Any = None,
    async_op: bool = False,
) -> Any:  # fmt: skip
    """Write `input` into `output`."""
    _check(group, output, input)
    _written(output, input)
    return _done(async_op)


def all_to_all(
    output_tensor_list: list[Tensor], input_tensor_list: list[Tensor], group: Any = None,
    async_op: bool = False,
) -> Any:  # fmt: skip
    """Write the one tensor of the second list into the one of the first."""
    _check(group)
    source = _one("all_to_all", input_tensor_list)
    _written(_one("all_to_all", output_tensor_list), source)
    return _done(async_op)


def all_to_all_single(
    output: Tensor, input: Tensor, output_split_sizes: Any = None, input_split_sizes: Any = None,
    group: Any = None, async_op: bool = False,
) -> Any:  # fmt: skip
    """Write `input` into `output`."""
    _check(group, output, input)
    _written(output, input)
    return _done(async_op)


def barrier(group: Any = None, async_op: bool = False, device_ids: Any = None) -> Any:
    """Wait for nobody."""
    _check(group)
    return _done(async_op)


def monitored_barrier(group: Any = None, timeout: Any = None, wait_all_ranks: bool = False) -> None:
    """Wait for nobody."""
    _check(group)


# ---------------------------------------------------------------- of objects


def all_gather_object(object_list: list[Any], obj: Any, group: Any = None) -> None:
    """Put a copy of `obj` at the first place of `object_list`."""
    _check(group)
    object_list[0] = copy.deepcopy(obj)


def gather_object(
    obj: Any, object_gather_list: list[Any] | None = None, dst: int | None = None,
    group: Any = None, group_dst: int | None = None,
) -> None:  # fmt: skip
    """Put a copy of `obj` at the first place of `object_gather_list`."""
    _check(group)
    _root("gather_object", dst, group_dst)
    if not object_gather_list:
        raise ValueError("Argument ``gather_list`` must be specified on destination rank.")
    object_gather_list[0] = copy.deepcopy(obj)


def broadcast_object_list(
    object_list: list[Any], src: int | None = None, group: Any = None, device: Any = None,
    group_src: int | None = None,
) -> None:  # fmt: skip
    """The objects of rank `src`, which are these."""
    _check(group)
    _root("broadcast_object_list", src, group_src)


def scatter_object_list(
    scatter_object_output_list: list[Any], scatter_object_input_list: list[Any] | None = None,
    src: int | None = None, group: Any = None, group_src: int | None = None,
) -> None:  # fmt: skip
    """Put a copy of the one input object at the first place of the output list."""
    _check(group)
    _root("scatter_object_list", src, group_src)
    if not scatter_object_input_list:
        raise ValueError("Expected argument scatter_object_input_list to be a list of size 1.")
    scatter_object_output_list[0] = copy.deepcopy(scatter_object_input_list[0])


# ---------------------------------------------------------------- to another process


def _alone(name: str) -> NoReturn:
    raise ValueError(
        f"{name}: there is no other process in this group\n"
        "Hint: the group has one member, rank 0; sending to oneself would wait for ever"
    )


def send(
    tensor: Tensor, dst: int | None = None, group: Any = None, tag: int = 0, **options: Any
) -> None:
    """Refuses: there is no other process."""
    _check(group, tensor)
    _alone("send")


def recv(
    tensor: Tensor, src: int | None = None, group: Any = None, tag: int = 0, **options: Any
) -> int:
    """Refuses: there is no other process."""
    _check(group, tensor)
    _alone("recv")


def isend(
    tensor: Tensor, dst: int | None = None, group: Any = None, tag: int = 0, **options: Any
) -> Any:
    """Refuses: there is no other process."""
    _check(group, tensor)
    _alone("isend")


def irecv(
    tensor: Tensor, src: int | None = None, group: Any = None, tag: int = 0, **options: Any
) -> Any:
    """Refuses: there is no other process."""
    _check(group, tensor)
    _alone("irecv")


class P2POp:
    """One `isend` or `irecv` for `batch_isend_irecv`.

    Args:
        op: `isend` or `irecv`.
        tensor: what is sent, or received into.
        peer: the other rank.
    """

    def __init__(
        self, op: Callable[..., Any], tensor: Tensor, peer: int | None = None, group: Any = None,
        tag: int = 0, group_peer: int | None = None,
    ) -> None:  # fmt: skip
        if op not in (isend, irecv):
            raise ValueError(
                "Invalid ``op``. Expected ``op`` to be of type ``torch.distributed.isend`` or "
                "``torch.distributed.irecv``."
            )
        self.op, self.tensor, self.peer, self.group, self.tag = op, tensor, peer, group, tag


def batch_isend_irecv(p2p_op_list: list[P2POp]) -> list[Any]:
    """Start all of them; each refuses, as there is no other process."""
    return [p.op(p.tensor, p.peer, p.group, p.tag) for p in p2p_op_list]
