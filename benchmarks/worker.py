"""One candidate's process: sets a program up, then answers every line `SECONDS` with CPU seconds
per step.

Started by `run.py`, which keeps one worker per candidate alive and asks them in turn. With `-` as
the program it starts without one, and a line of JSON names the next (`prepare` of the suite).
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any


def load(candidate: str) -> tuple[str, Any]:
    """(idiom, module) of a candidate; ImportError when it is not installed."""
    if candidate in ("torch", "chainrule"):
        module = importlib.import_module(candidate)
        if candidate == "torch":
            module.set_num_threads(1)
        return "torch", module
    module = importlib.import_module(candidate)
    if candidate == "autograd":
        importlib.import_module("autograd.numpy")
    return candidate, module


def seconds_per_step(step: Callable[[], Any], budget: float) -> float:
    """CPU seconds of one step, over as many as fit the budget."""
    clock = time.process_time
    count = 1
    while True:
        start = clock()
        for _ in range(count):
            step()
        used = clock() - start
        if used > budget / 4:
            return used / count
        count = max(count + 1, min(count * 10, int(count * budget / max(used, 1e-6))))


def main() -> int:
    """`worker.py SUITE PROGRAM CANDIDATE CORE`."""
    suite, program, candidate, core = sys.argv[1:5]
    if core != "-" and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {int(core)})
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    try:
        idiom, module = load(candidate)
    except ImportError as error:
        print(f"missing {error}", flush=True)
        return 0
    if program == "-":
        return serve(importlib.import_module(suite).prepare, module)
    setups = importlib.import_module(suite).PROGRAMS[program][1]
    if idiom not in setups:
        print(f"missing no {idiom} version of {program}", flush=True)
        return 0
    step = setups[idiom](module)
    seconds_per_step(step, 0.05)  # warm up
    print(f"ready {getattr(module, '__version__', '')}", flush=True)
    for line in sys.stdin:
        print(seconds_per_step(step, float(line)), flush=True)
    return 0


def serve(prepare: Callable[..., Any], module: Any) -> int:
    """Set up one program after the other, and time the last."""
    print(f"ready {getattr(module, '__version__', '')}", flush=True)
    step: Any = None
    for line in sys.stdin:
        if line.startswith("{"):
            try:
                step = prepare(module, **json.loads(line))
                answer = "ready" if step is not None else "nothing"
                if step is not None:
                    seconds_per_step(step, 0.001)
            except Exception as error:  # the caller says which call this candidate cannot run
                answer = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
            print(answer, flush=True)
        else:
            print(seconds_per_step(step, float(line)), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
