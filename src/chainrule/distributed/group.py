"""The process group: none, or one with this process as its only member."""

from __future__ import annotations

import os
from enum import Enum
from typing import Any

__all__ = [
    "Backend", "GroupMember", "ProcessGroup", "ReduceOp", "destroy_process_group", "get_backend",
    "get_global_rank", "get_group_rank", "get_process_group_ranks", "get_rank", "get_world_size",
    "group", "init_process_group", "is_available", "is_backend_available", "is_gloo_available",
    "is_initialized", "is_mpi_available", "is_nccl_available", "is_torchelastic_launched",
    "member_of", "new_group",
]  # fmt: skip


class ReduceOp(Enum):
    """How `reduce` combines what the members bring; of one member, nothing is to be combined."""

    SUM = 0
    AVG = 1
    PRODUCT = 2
    MIN = 3
    MAX = 4
    BAND = 5
    BOR = 6
    BXOR = 7


class ProcessGroup:
    """A group whose only member is this process."""

    def __init__(self, backend: str) -> None:
        self.backend = backend

    def rank(self) -> int:
        """0."""
        return 0

    def size(self) -> int:
        """1."""
        return 1

    def name(self) -> str:
        """The backend that was asked for."""
        return self.backend


class _GroupMeta(type):
    @property
    def WORLD(cls) -> ProcessGroup | None:
        """The group of all processes; None before `init_process_group`."""
        return _world[0]


class group(metaclass=_GroupMeta):
    """`group.WORLD`."""


class GroupMember(group):
    """`GroupMember.WORLD`, and what a process gets that is not in a new group."""

    NON_GROUP_MEMBER = -100


class Backend(str):
    """The names of backends; the group of one does without them."""

    GLOO, NCCL, MPI, UCC, UNDEFINED = "gloo", "nccl", "mpi", "ucc", "undefined"


_world: list[ProcessGroup | None] = [None]


def is_available() -> bool:
    """True: for groups of one process."""
    return True


def is_backend_available(backend: str) -> bool:
    """Whether `init_process_group` takes this name."""
    return backend.lower() == "gloo"


def is_gloo_available() -> bool:
    """True: its name is taken for the group of one."""
    return True


def is_nccl_available() -> bool:
    """False."""
    return False


def is_mpi_available() -> bool:
    """False."""
    return False


def is_torchelastic_launched() -> bool:
    """Whether torchrun started this process."""
    return os.getenv("TORCHELASTIC_RUN_ID") is not None


def is_initialized() -> bool:
    """Whether `init_process_group` was called."""
    return _world[0] is not None


def init_process_group(
    backend: str | None = None,
    init_method: str | None = None,
    timeout: Any = None,
    world_size: int = -1,
    rank: int = -1,
    store: Any = None,
    group_name: str = "",
    pg_options: Any = None,
    device_id: Any = None,
) -> None:
    """Make the group of this one process.

    Args:
        backend: "gloo" (any name of a CPU backend; None is that).
        world_size, rank: 1 and 0, said here or by the environment (WORLD_SIZE, RANK).

    Raises:
        ValueError: called twice, or the environment says nothing and neither do the arguments.
        RuntimeError: more than one process, or a backend that needs a GPU.

    Example:
        >>> import chainrule as torch
        >>> torch.distributed.init_process_group("gloo", world_size=1, rank=0)
        >>> torch.distributed.get_rank(), torch.distributed.get_world_size()
        (0, 1)
        >>> torch.distributed.destroy_process_group()
    """
    if is_initialized():
        raise ValueError("trying to initialize the default process group twice!")
    name = (backend or "gloo").lower().rpartition("cpu:")[2].partition(",")[0]
    if name == "nccl":
        raise RuntimeError("Distributed package doesn't have NCCL built in\nHint: backend='gloo'")
    members = _told("WORLD_SIZE", world_size)
    _told("RANK", rank)
    if members != 1:
        raise RuntimeError(
            f"chainrule has process groups of one process only\nworld size: {members}\n"
            "Hint: start the program once, with WORLD_SIZE=1 and RANK=0"
        )
    _world[0] = ProcessGroup(name)


def _told(variable: str, argument: int) -> int:
    if argument >= 0:
        return argument
    value = os.getenv(variable)
    if value is None:
        raise ValueError(
            "Error initializing torch.distributed using env:// rendezvous: environment variable "
            f"{variable} expected, but not set\nHint: world_size=1, rank=0"
        )
    return int(value)


def destroy_process_group(group: Any = None) -> None:
    """Forget the group."""
    assert _world[0] is not None, "Process group cannot be None"
    if group is None or group is _world[0]:
        _world[0] = None


def member_of(group: Any = None) -> ProcessGroup:
    """The group, which must exist."""
    found = _world[0] if group is None else group
    if found is None or _world[0] is None:
        raise ValueError(
            "Default process group has not been initialized, please make sure to call "
            "init_process_group."
        )
    return found


def get_rank(group: Any = None) -> int:
    """0: the number of this process in the group."""
    return member_of(group).rank()


def get_world_size(group: Any = None) -> int:
    """1: the number of processes in the group."""
    return member_of(group).size()


def get_backend(group: Any = None) -> str:
    """The backend that was asked for."""
    return member_of(group).backend


def get_process_group_ranks(group: Any) -> list[int]:
    """[0]."""
    member_of(group)
    return [0]


def get_global_rank(group: Any, group_rank: int) -> int:
    """0, for 0."""
    return checked_rank(group_rank)


def get_group_rank(group: Any, global_rank: int) -> int:
    """0, for 0."""
    return checked_rank(global_rank)


def checked_rank(rank: int) -> int:
    """0; any other process does not exist."""
    if rank != 0:
        raise ValueError(f"Global rank {rank} is not part of group\nHint: the only rank is 0")
    return 0


def new_group(ranks: Any = None, timeout: Any = None, backend: Any = None, **options: Any) -> Any:
    """Another group of this one process; GroupMember.NON_GROUP_MEMBER for an empty list."""
    world = member_of()
    members = [0] if ranks is None else list(ranks)
    if len(members) > 1:
        raise ValueError(
            "the new group's world size should be less or equal to the world size set by "
            "init_process_group"
        )
    for rank in members:
        checked_rank(rank)
    return ProcessGroup(backend or world.backend) if members else GroupMember.NON_GROUP_MEMBER
