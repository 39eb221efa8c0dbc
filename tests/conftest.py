"""What holds for every test: a fixed seed, no traces left behind, and hypothesis' two profiles."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

import chainrule
from chainrule import _state

settings.register_profile("dev", max_examples=30, deadline=None)
settings.register_profile("ci", max_examples=100, deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "dev")


@pytest.fixture(autouse=True)
def leaves_no_trace() -> Iterator[None]:
    """Seed before the test; fail it when grad mode, an interpreter or default dtype has leaked."""
    chainrule.manual_seed(0)
    before = _state.snapshot()
    yield
    after = _state.snapshot()
    assert after == before, f"the test left the state changed: {before} before, {after} after"
