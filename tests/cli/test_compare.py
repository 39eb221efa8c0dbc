"""Which new outputs count as the stored ones."""

from __future__ import annotations

from types import SimpleNamespace as Output
from typing import Any

import pytest

pytest.importorskip("click")

from chainrule.cli.compare import Item, difference, items, same


def stream(text: str, name: str = "stdout") -> Any:
    return Output(output_type="stream", name=name, text=text)


def shown(**data: str) -> Any:
    mimes = {key.replace("_", "/"): value for key, value in data.items()}
    return Output(output_type="display_data", data=mimes)


def test_streams_are_joined_and_results_keep_their_order() -> None:
    found = items(
        [stream("a"), shown(text_plain="1"), stream("!", "stderr"), stream("b"), stream("")]
    )
    assert found == [Item("stdout", "ab"), Item("stderr", "!"), Item("display_data", "1")]


@pytest.mark.parametrize(
    ("expected", "got", "agree"),
    [
        ("a b", " a\n  b\n", True),
        ("a b", "ab", False),
        ("<f at 0x7f01>", "<f at 0x55aa>", True),
        ("0x1", "0x", False),
        ("tensor(1.)", "tensor(1.0000)", False),
        ("", "x", False),
    ],
)
def test_only_space_and_addresses_may_differ(expected: str, got: str, agree: bool) -> None:
    assert Item("stdout", expected).agrees(Item("stdout", got)) is agree


def test_lines_added_below_an_error_message_do_not_count() -> None:
    stored = Item("error", "RuntimeError: one\ntwo")
    assert stored.agrees(Item("error", "RuntimeError: one\ntwo\nHint: three"))
    assert not stored.agrees(Item("error", "RuntimeError: one\n2\nHint: three"))
    assert not stored.agrees(Item("error", "RuntimeError: one"))
    assert not stored.agrees(Item("stdout", "RuntimeError: one\ntwo"))


def test_pictures_are_compared_by_presence() -> None:
    stored = items([shown(text_plain="<Figure>", image_png="aaaa", text_html="<b>")])
    assert same(stored, items([shown(text_plain="<Figure>", image_png="bbbb")]))
    assert not same(stored, items([shown(text_plain="<Figure>")]))


def test_no_output_may_be_missing_or_new() -> None:
    one, two = items([stream("a")]), items([stream("a"), shown(text_plain="1")])
    assert not same(one, two) and not same(two, one)
    assert (
        difference(one, two)
        == "--- expected\n+++ got\n@@ -1,2 +1,4 @@\n [stdout]\n a\n+[display_data]\n+1"
    )
