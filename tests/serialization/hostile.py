"""Files that should never load: (name, bytes of the file, what the error says)."""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
from collections.abc import Iterator
from typing import Any

import chainrule as torch

MARKER = "chainrule_was_here"


def container(content: bytes, entries: dict[str, bytes] | None = None, **options: Any) -> bytes:
    """A zip container around a pickle, with storages."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", **options) as made:
        made.writestr("archive/data.pkl", content)
        made.writestr("archive/version", b"3\n")
        for name, data in (entries or {}).items():
            made.writestr(f"archive/{name}", data)
    return file.getvalue()


def calling(module: str, name: str, *args: str) -> bytes:
    """A pickle that calls a function with texts."""
    pushed = b"".join(b"X" + struct.pack("<I", len(a)) + a.encode() for a in args)
    return b"\x80\x02c" + f"{module}\n{name}\n".encode() + b"(" + pushed + b"tR."


def tensor(offset: bytes, shape: bytes, strides: bytes, count: bytes = b"K\x04") -> bytes:
    """A pickle of one float tensor on storage 0 with these numbers."""
    storage = (
        b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpu"
    )
    return (
        b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n("
        + storage + count + b"tQ" + offset + shape + strides
        + b"\x89ccollections\nOrderedDict\n)RtR."
    )  # fmt: skip


class _Evil:
    def __reduce__(self) -> Any:
        import os

        return os.mkdir, (MARKER,)


class _State:
    def __setstate__(self, state: Any) -> None:
        raise AssertionError("it ran")

    def __reduce__(self) -> Any:
        return _State, (), {"x": 1}


FOUR = {"data/0": b"\0" * 16}
K = b"K"


def calls() -> Iterator[tuple[str, bytes, str]]:
    """Pickles that call something."""
    for module, name in [
        ("os", "system"), ("posix", "system"), ("nt", "system"), ("subprocess", "Popen"),
        ("builtins", "eval"), ("builtins", "exec"), ("__builtin__", "eval"),
        ("builtins", "getattr"), ("builtins", "__import__"), ("importlib", "import_module"),
        ("torch", "load"), ("torch", "hub"), ("torch.serialization", "load"), ("pickle", "loads"),
        ("chainrule.serialization", "load"), ("numpy", "load"), ("runpy", "run_path"),
        ("functools", "partial"), ("operator", "attrgetter"), ("webbrowser", "open"),
        ("shutil", "rmtree"), ("ctypes", "CDLL"), ("socket", "socket"), ("builtins", "open"),
        ("torch.nn.modules.linear", "Linear"), ("copyreg", "_reconstructor"),
        ("torch._utils", "_import_dotted_name"), ("collections", "namedtuple"),
    ]:  # fmt: skip
        whole = container(calling(module, name, MARKER))
        said = module.replace("__builtin__", "builtins")
        yield f"calls {module}.{name}", whole, f"GLOBAL {said}.{name}"
    yield "reduces to mkdir", container(pickle.dumps(_Evil(), 2)), "not an allowed global"
    yield "sets a state", container(pickle.dumps(_State(), 2)), "not an allowed global"
    yield "protocol 4", container(pickle.dumps(_Evil(), 4)), "not an allowed global"


def damaged() -> Iterator[tuple[str, bytes, str]]:
    """Pickles that are none."""
    for name, content, said in [
        ("no end", b"\x80\x02}", "Weights only load failed"),
        ("no bytes", b"", "Weights only load failed"),
        ("unknown opcode", b"\x80\x02\xff.", "Weights only load failed"),
        ("text cut off", b"\x80\x02X\xff\xff\xff\x7fabc", "Weights only load failed"),
        ("persistent id by text", b"\x80\x02Pid\n.", "PERSID is not allowed"),
        ("extension", b"\x80\x02\x82\x01.", "EXT1 is not allowed"),
        ("instance", b"(ios\nsystem\n.", "INST is not allowed"),
        ("object", b"\x80\x02(cos\nsystem\no.", "not an allowed global"),
        ("pop of nothing", b"\x80\x020.", "Weights only load failed"),
        ("no such memo", b"\x80\x02h\x07.", "Weights only load failed"),
        ("unhashable key", b"\x80\x02}}K\x01s.", "Weights only load failed"),
        ("call of a number", b"\x80\x02K\x01)R.", "a call of a int"),
        ("call of a dtype", b"\x80\x02ctorch\nfloat32\n)R.", "a call of a dtype"),
        ("a name as the object", b"\x80\x02ctorch\nTensor\n.", "no object"),
        ("a name in a list", b"\x80\x02]ctorch\nTensor\na.", "a name, where an object is meant"),
        ("a name in a list of marks", b"\x80\x02(ctorch\nTensor\nl.", "a name, where an object"),
        ("a name in a tuple", b"\x80\x02ctorch\nTensor\n\x85.", "no object"),
        ("items for a name", b"\x80\x02ctorch\nTensor\nK\x01K\x02s.", "items for a Named"),
        ("state for a name", b"\x80\x02ctorch\nTensor\n}b.", "a state for a Named"),
        ("state for a dict", b"\x80\x02}}b.", "a state for a dict"),
        ("made by something else", b"\x80\x02ctorch._tensor\n_rebuild_from_type_v2\n(cos\nsystem\n"
         b"ctorch\nTensor\n)}tR.", "not an allowed global"),
        ("odd items", b"\x80\x02}(K\x01u.", "Weights only load failed"),
        ("a storage id of nothing", b"\x80\x02K\x01Q.", "no storage"),
        ("deep nesting of marks", b"\x80\x02" + b"(" * 100_000 + b".", "Weights only load failed"),
    ]:  # fmt: skip
        yield name, container(content, FOUR), said


def tensors() -> Iterator[tuple[str, bytes, str]]:
    """Tensors that reach beyond their storages."""
    big = b"\x8a\x08" + b"\xff" * 7 + b"\x7f"
    minus = b"J\xff\xff\xff\xff"
    for name, content in [
        ("beyond the storage", tensor(b"K\x00", b"K\x05\x85", b"K\x01\x85")),
        ("offset beyond", tensor(b"K\x04", b"K\x01\x85", b"K\x01\x85")),
        ("negative offset", tensor(minus, b"K\x01\x85", b"K\x01\x85")),
        ("negative stride", tensor(b"K\x03", b"K\x02\x85", minus + b"\x85")),
        ("negative size", tensor(b"K\x00", minus + b"\x85", b"K\x01\x85")),
        ("huge size", tensor(b"K\x00", big + b"\x85", b"K\x01\x85")),
        ("huge stride", tensor(b"K\x00", b"K\x02\x85", big + b"\x85")),
        ("two ranks", tensor(b"K\x00", b"K\x02K\x02\x86", b"K\x01\x85")),
        ("size of text", tensor(b"K\x00", b"X\x01\x00\x00\x00a\x85", b"K\x01\x85")),
        ("another count", tensor(b"K\x00", b"K\x01\x85", b"K\x01\x85", b"M\xff\xff")),
    ]:
        yield name, container(content, FOUR), "Weights only load failed"
    missing = tensor(b"K\x00", b"K\x01\x85", b"K\x01\x85")
    yield "no storage", container(missing), "no entry 'data/0'"


def broken_zips() -> Iterator[tuple[str, bytes, str]]:
    """Containers that are none, or would grow."""
    file = io.BytesIO()
    torch.save({"a": torch.arange(1000.0)}, file)
    good = file.getvalue()
    for part in (4, len(good) // 3, len(good) // 2, len(good) - 30, len(good) - 1):
        yield f"cut off at {part}", good[:part], "reading zip archive"
    yield "empty", b"", "Ran out of input"
    yield "no zip", b"garbage" * 100, "failed finding central directory"
    at = good.index(b"\x00\x00\x80?") + 2
    yield "changed byte", good[:at] + b"\x42" + good[at + 1 :], "Bad CRC-32"
    deflated = container(pickle.dumps([0] * 10, 2), {"data/0": b"\0" * 10**7}, compression=8)
    yield "zip bomb", deflated, "is compressed"
    yield "bare pickle", b"\x80\x02}q\x00.", "before PyTorch 1.6"
    yield "no pickle", _zip({"archive/version": b"3"}), "entries are named data.pkl"
    yield "two pickles", _zip({"a/data.pkl": b"", "b/data.pkl": b""}), "2 entries"
    yield "TorchScript", _zip({"a/constants.pkl": b"", "a/code/x.py": b""}), "TorchScript"
    order = {"archive/data.pkl": b"\x80\x02}.", "archive/byteorder": b"middle"}
    yield "byte order", _zip(order), "byteorder"
    yield "overlap", _overlapping(), "lies over another"


def _zip(entries: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        for name, data in entries.items():
            made.writestr(name, data)
    return file.getvalue()


def _overlapping() -> bytes:
    """Two entries of the directory that point to the same bytes."""
    content = bytearray(_zip({"archive/data.pkl": b"\x80\x02}.", "archive/data/0": b"\0" * 64}))
    second = content.rindex(b"PK\x01\x02")
    content[second + 42 : second + 46] = struct.pack("<I", 0)
    return bytes(content)


def files() -> Iterator[tuple[str, bytes, str]]:
    """All of them."""
    for some in (calls, damaged, tensors, broken_zips):
        yield from some()
