"""Tells whether new outputs reproduce the stored ones.

Only white space and object addresses (`0x7f...`) may differ, and the temporary file name that
IPython gives a cell. Chunks of a stream are joined; results are compared as text, pictures by
their presence; errors by class and message: lines that chainrule adds below PyTorch's own message
do not count.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Item", "difference", "items", "same"]

VOLATILE = (
    (re.compile(r"0x[0-9a-f]+"), "0x..."),
    (re.compile(r"\S*ipykernel_\d+[/\\]\d+\.py"), "<cell>"),
)


@dataclass(frozen=True)
class Item:
    """What is compared of one output: its kind and its text."""

    kind: str
    text: str

    def agrees(self, got: Item) -> bool:
        """Whether `got` reproduces this one."""
        if self.kind != got.kind:
            return False
        lines = len(self.text.splitlines())
        text = "\n".join(got.text.splitlines()[:lines]) if self.kind == "error" else got.text
        return _folded(self.text) == _folded(text)


def items(outputs: Sequence[Any]) -> list[Item]:
    """The outputs of a cell in a form to compare: streams first, then results in order."""
    streams = [Item(name, _stream(outputs, name)) for name in ("stdout", "stderr")]
    return [s for s in streams if s.text.strip()] + [
        _item(output) for output in outputs if output.output_type != "stream"
    ]


def same(expected: list[Item], got: list[Item]) -> bool:
    """Whether every expected item is there, and no other."""
    return len(expected) == len(got) and all(map(Item.agrees, expected, got))


def difference(expected: list[Item], got: list[Item]) -> str:
    """The unified diff a person reads."""
    old, new = list(_lines(expected)), list(_lines(got))
    return "\n".join(difflib.unified_diff(old, new, "expected", "got", lineterm=""))


def _stream(outputs: Sequence[Any], name: str) -> str:
    return "".join(o.text for o in outputs if o.output_type == "stream" and o.name == name)


def _item(output: Any) -> Item:
    if output.output_type == "error":
        return Item("error", f"{output.ename}: {output.evalue}")
    pictures = sorted(mime for mime in output.data if mime.startswith("image/"))
    lines = [output.data.get("text/plain", ""), *(f"[{mime}]" for mime in pictures)]
    return Item(output.output_type, "\n".join(lines))


def _steady(text: str) -> str:
    for pattern, stand_in in VOLATILE:
        text = pattern.sub(stand_in, text)
    return text


def _folded(text: str) -> str:
    return " ".join(_steady(text).split())


def _lines(found: list[Item]) -> Iterator[str]:
    for item in found:
        yield f"[{item.kind}]"
        yield from _steady(item.text).splitlines()
