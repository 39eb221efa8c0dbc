"""Freed memory is kept, and can be given back."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

from chainrule.kernels.memory import keep_freed

FAULTS = """
import resource
import {module}
import numpy as np
for _ in range(3):
    np.ones(1 << 21)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    np.ones(1 << 21)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
on_glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc only")


def faults(module: str, **env: str) -> int:
    """Page faults of twenty arrays of 16 megabytes, one after the other."""
    command = [sys.executable, "-c", FAULTS.format(module=module)]
    whole = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **env}
    return int(subprocess.run(command, env=whole, capture_output=True, check=True).stdout)


@on_glibc
def test_memory_is_kept() -> None:
    assert faults("chainrule") < 100


@on_glibc
def test_the_environment_forbids_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAINRULE_KEEP_MEMORY", "0")
    assert keep_freed() is False


def test_other_systems_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert keep_freed() is False
