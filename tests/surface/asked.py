"""The programs that PyTorch (`record_surface.py`) and chainrule (`test_recorded.py`) both run."""

from __future__ import annotations

import importlib
from typing import Any

from core.asking import Program, answer, attempt

__all__ = ["PROGRAMS", "answers", "attempt", "module", "program"]

PROGRAMS: dict[str, Program] = {}


def program(f: Program) -> Program:
    PROGRAMS[f.__name__] = f
    return f


def module(torch: Any, path: str) -> Any:
    """A module below torch, which may need its own import."""
    return importlib.import_module(f"{torch.__name__}.{path}")


def answers(torch: Any) -> dict[str, Any]:
    return {name: answer(f, torch) for name, f in PROGRAMS.items()}
