"""The container: a zip file with `data.pkl`, and the bytes of every storage under `data/`.

Entries are stored, not compressed, each at a multiple of 64 bytes, so that they can be mapped. What
is read is checked first: an entry that is compressed, encrypted, beyond the end of the file or over
another one is refused, so no file can grow into more memory than it has bytes.
"""

from __future__ import annotations

import contextlib
import hashlib
import struct
import sys
import zipfile
from collections.abc import Iterator, Sequence
from typing import Any

__all__ = ["Archive", "opened", "write"]

ALIGNMENT = 64
_STATIC = {
    ".format_version": b"1",
    ".storage_alignment": b"64",
    "byteorder": sys.byteorder.encode(),
}
_CORRUPT = (
    "If you are seeing this error, there is a high likelihood that your checkpoint file is "
    "corrupted. This can happen if the checkpoint was not saved properly, was transferred "
    "incorrectly, or the file was modified after saving."
)
_LARGE = 1 << 31


def write(file: Any, name: str, content: bytes, storages: Sequence[Any]) -> None:
    """Write a container.

    Args:
        name: the folder that everything is under.
        content: the pickle.
        storages: arrays of bytes, in the order of their numbers.
    """
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as made:
        _add(made, f"{name}/data.pkl", content)
        for entry, value in _STATIC.items():
            _add(made, f"{name}/{entry}", value)
        digest = hashlib.sha256(content)
        for i, data in enumerate(storages):
            view = memoryview(data)
            digest.update(view)
            _add(made, f"{name}/data/{i}", view)
        _add(made, f"{name}/version", b"3\n")
        identity = int.from_bytes(digest.digest()[:16], "big")
        _add(made, f"{name}/.data/serialization_id", str(identity).zfill(40).encode())


def _add(made: zipfile.ZipFile, entry: str, data: Any) -> None:
    info = zipfile.ZipInfo(entry)
    size = len(data)
    if size < _LARGE:
        stream: Any = made.fp
        start = stream.tell() + 30 + len(entry.encode()) + 4
        padding = -start % ALIGNMENT
        info.extra = struct.pack("<HH", 0x4246, padding) + b"Z" * padding
    with made.open(info, "w", force_zip64=size >= _LARGE) as out:
        out.write(data)


class Archive:
    """An opened container whose entries have been checked.

    Attributes:
        swapped: its numbers are in the other byte order.
    """

    def __init__(self, file: Any) -> None:
        self._file = file
        try:
            self._zip = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, EOFError, struct.error) as error:
            raise RuntimeError(
                "PytorchStreamReader failed reading zip archive: failed finding central directory. "
                f"{_CORRUPT}\nzip: {error}"
            ) from None
        self._entries = self._checked()
        order = self.content("byteorder").strip() if "byteorder" in self._entries else b"little"
        if order not in (b"little", b"big"):
            raise _refused(f"byteorder is {order[:20]!r}")
        self.swapped = order.decode() != sys.byteorder

    def _checked(self) -> dict[str, zipfile.ZipInfo]:
        """The entries by name below the folder."""
        file, names = self._file, self._zip.namelist()
        size = file.seek(0, 2)
        pickles = [n for n in names if n.count("/") == 1 and n.endswith("/data.pkl")]
        if len(pickles) != 1:
            if any(n.endswith("/constants.pkl") for n in names):
                raise _refused("it is a TorchScript archive; torch.jit.load is not here")
            raise _refused(f"{len(pickles)} entries are named data.pkl, one is expected")
        folder = pickles[0].rpartition("/")[0] + "/"
        found: dict[str, zipfile.ZipInfo] = {}
        end = 0
        for info in sorted(self._zip.infolist(), key=lambda i: i.header_offset):
            if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1:
                raise _refused(f"entry {info.filename!r} is compressed or encrypted")
            if info.file_size != info.compress_size:
                raise _refused(f"entry {info.filename!r} has two sizes")
            if info.header_offset < end or info.header_offset + info.file_size > size:
                raise _refused(f"entry {info.filename!r} lies over another, or beyond the end")
            end = info.header_offset + 30 + info.file_size
            if info.filename in found or info.filename.removeprefix(folder) in found:
                raise _refused(f"entry {info.filename!r} is there twice")
            found[info.filename.removeprefix(folder)] = info
        return found

    def content(self, name: str) -> bytes:
        """The content of an entry, its checksum verified."""
        info = self._entries.get(name)
        if info is None:
            raise _refused(f"it has no entry {name!r}")
        try:
            return self._zip.read(info)
        except (zipfile.BadZipFile, EOFError, struct.error) as error:
            raise _refused(f"entry {name!r}: {error}") from None

    def pickle(self) -> bytes:
        """The pickle."""
        return self.content("data.pkl")

    def place(self, name: str) -> tuple[int, int]:
        """Where an entry's bytes are in the file: start and length, for mapping."""
        info = self._entries.get(name)
        if info is None:
            raise _refused(f"it has no entry {name!r}")
        self._file.seek(info.header_offset + 26)
        lengths = struct.unpack("<HH", self._file.read(4))
        return info.header_offset + 30 + sum(lengths), info.file_size


def _refused(what: str) -> RuntimeError:
    return RuntimeError(f"PytorchStreamReader failed reading zip archive: {what}. {_CORRUPT}")


@contextlib.contextmanager
def opened(file: Any) -> Iterator[Archive]:
    """An Archive on a file that is read from its start.

    Raises:
        EOFError: the file is empty.
        RuntimeError: it is no such container.
    """
    start = file.read(4)
    file.seek(0)
    if not start:
        raise EOFError("Ran out of input\nHint: the file is empty")
    if start[:2] == b"\x80\x02" and start[2:4] in (b"\x8a\n", b"}q", b"ce", b"]q"):
        raise RuntimeError(
            "this file has the format from before PyTorch 1.6, or is a bare pickle\n"
            "Hint: load it with PyTorch and save it again; torch.save writes the zip format"
        )
    yield Archive(file)
