"""How a batch comes home from a worker: small things through the pipe, arrays in shared memory.

A batch is pickled with its arrays left out (protocol 5). Their bytes go into one block of shared
memory that never has a name: an anonymous file, whose descriptor travels through the pipe. So there
is nothing to unlink: the system frees a block when the last process that holds it lets go of it or
is killed, and a block still in the pipe dies with the pipe. `multiprocessing.shared_memory` has
names, and a name outlives processes that are killed. The receiver maps the block and the tensors
are views of it: no copy. Where descriptors cannot be sent (Windows), all goes through the pipe.
"""

from __future__ import annotations

import os
import pickle
import sys
import weakref
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

__all__ = ["receive", "send"]

_SMALL = 16384  # bytes; below this the pipe is faster than a block
_ALIGN = 64  # arrays begin at multiples of a cache line
_HANDLES = 128  # before 3.13 each mapping keeps a descriptor: beyond this many, blocks are copied
_SHARED = os.name == "posix"
_UNTRACKED: dict[str, Any] = {"trackfd": False} if sys.version_info >= (3, 13) else {}
_living: weakref.WeakSet[Any] = weakref.WeakSet()  # mappings that hold a descriptor


def send(pipe: Connection, key: Any, batch: Any, receiver: int) -> None:
    """Send (key, batch) to the process `receiver`."""
    from multiprocessing.reduction import send_handle

    blocks: list[memoryview] = []

    def in_band(buffer: pickle.PickleBuffer) -> bool:
        raw = buffer.raw()
        if not _SHARED or raw.nbytes < _SMALL:
            return True
        blocks.append(raw)
        return False

    body = pickle.dumps(batch, protocol=5, buffer_callback=in_band)
    sizes = [block.nbytes for block in blocks]
    if not sizes:
        pipe.send_bytes(pickle.dumps((key, sizes, body)))
        return
    handle = _anonymous()
    try:
        for start, block in zip(_starts(sizes), blocks, strict=True):
            _write(handle, block, start)
        pipe.send_bytes(pickle.dumps((key, sizes, body)))
        send_handle(pipe, handle, receiver)
    finally:
        os.close(handle)


def receive(pipe: Connection) -> tuple[Any, Any]:
    """The (key, batch) that comes next; EOFError when the sender is gone."""
    from multiprocessing.reduction import recv_handle

    key, sizes, body = pickle.loads(pipe.recv_bytes())
    if not sizes:
        return key, pickle.loads(body)
    handle = recv_handle(pipe)
    try:
        whole = memoryview(_mapped(handle, _starts(sizes)[-1] + sizes[-1]))
    finally:
        os.close(handle)
    parts = [whole[a : a + n] for a, n in zip(_starts(sizes), sizes, strict=True)]
    return key, pickle.loads(body, buffers=parts)


def _starts(sizes: list[int]) -> list[int]:
    starts = [0]
    for size in sizes[:-1]:
        starts.append(-(-(starts[-1] + size) // _ALIGN) * _ALIGN)
    return starts


def _anonymous() -> int:
    """The descriptor of a new file without a name, in memory where the system offers that."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("chainrule-batch")
    import tempfile

    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def _write(handle: int, block: memoryview, start: int) -> None:
    """Write all of `block`: one call of the system takes 2 GiB at most."""
    done = 0
    while done < block.nbytes:
        done += os.pwrite(handle, block[done:], start + done)


def _mapped(handle: int, size: int) -> Any:
    """The block's memory, writable; a private copy of it when too many descriptors are held."""
    import mmap

    if not _UNTRACKED and len(_living) >= _HANDLES:
        copy, done = memoryview(bytearray(size)), 0
        while done < size and (count := os.preadv(handle, [copy[done:]], done)):
            done += count
        return copy
    block = mmap.mmap(handle, size, **_UNTRACKED)
    if not _UNTRACKED:
        _living.add(block)
    return block
