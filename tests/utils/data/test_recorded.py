"""Orders, splits and worker seeds are PyTorch's (recorded by record_loading.py)."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import pytest

import chainrule as torch
from chainrule.utils import data


def _script() -> Any:
    path = Path(__file__).with_name("record_loading.py")
    spec = importlib.util.spec_from_file_location("record_loading", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SCRIPT = _script()
RECORDED = json.loads(SCRIPT.FILE.read_text())


@pytest.mark.parametrize("expression", SCRIPT.EXPRESSIONS)
def test_same_order_and_the_stream_goes_on_the_same(expression: str) -> None:
    assert SCRIPT.answer(torch, data, expression) == RECORDED["answers"][expression]


@pytest.mark.skipif(sys.platform == "win32", reason="the data set is made in a function: fork only")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_workers_are_seeded_as_pytorchs(monkeypatch: pytest.MonkeyPatch) -> None:
    import multiprocessing

    fork = multiprocessing.get_context("fork")
    monkeypatch.setattr(multiprocessing, "get_context", lambda method=None: fork)
    assert SCRIPT.seen_by_workers(torch, data) == RECORDED["workers"]
