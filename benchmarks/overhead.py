"""What the engine costs beyond NumPy: the budgets of docs/design.md section 4, each as a ratio to
NumPy's own call.

    chainrule bench overhead

On float32 tensors of 4 elements, against `np.sin` timed beside it: a recorded unary op, an
unrecorded one, a step of its backward; and the time of `import chainrule` against `import numpy`,
in fresh processes.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

SRC = str(Path(__file__).resolve().parent.parent / "src")
BUDGETS = {"recorded": 4.0, "backward step": 5.0, "unrecorded": 2.5, "import": 1.5}


def per_call(f: Callable[[int], Any], n: int) -> float:
    """CPU seconds of one of the n calls that f(n) makes."""
    start = time.process_time()
    f(n)
    return (time.process_time() - start) / n


def ratios_per_round(rounds: int = 15, n: int = 4000) -> dict[str, list[float]]:
    """Ratios to `np.sin`, one per round, everything timed in turn."""
    import numpy as np

    import chainrule as torch

    array = np.ones(4, np.float32)
    plain, leaf = torch.ones(4), torch.ones(4, requires_grad=True)

    def bare(n: int) -> None:
        for _ in range(n):
            np.sin(array)

    def unrecorded(n: int) -> None:
        for _ in range(n):
            torch.sin(plain)

    def recorded(n: int) -> None:
        for _ in range(n):
            torch.sin(leaf)

    def chain(n: int) -> Any:
        x = leaf
        for _ in range(n):
            x = torch.sin(x)
        return x

    found: dict[str, list[float]] = {"recorded": [], "backward step": [], "unrecorded": []}
    for _ in range(rounds):
        base = per_call(bare, n)
        found["unrecorded"].append(per_call(unrecorded, n) / base)
        found["recorded"].append(per_call(recorded, n) / base)
        end, ones = chain(n), torch.ones(4)
        found["backward step"].append(per_call(lambda _, e=end, o=ones: e.backward(o), n) / base)
    return found


def import_ratios(rounds: int = 15) -> list[float]:
    """Wall time of the statement `import chainrule` over that of `import numpy`, each in a fresh
    process, interleaved."""
    cache = tempfile.TemporaryDirectory()  # compiled files, as an installed package has them
    env = {**os.environ, "PYTHONPATH": SRC, "PYTHONPYCACHEPREFIX": cache.name}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    timed = "import time; t = time.perf_counter(); import {}; print(time.perf_counter() - t)"

    def wall(module: str) -> float:
        command = [sys.executable, "-c", timed.format(module)]
        done = subprocess.run(command, check=True, env=env, capture_output=True, text=True)
        return float(done.stdout)

    wall("chainrule")
    return [wall("chainrule") / wall("numpy") for _ in range(rounds)]


def main() -> int:
    """Print every figure with its budget."""
    core = sys.argv[1] if len(sys.argv) > 1 else "-"
    if core != "-" and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {int(core)})
    sys.path.insert(0, SRC)
    print("overhead: ratios to np.sin on 4 float32 elements (import: to import numpy)")
    for name, values in {**ratios_per_round(), "import": import_ratios()}.items():
        middle = statistics.median(values)
        verdict = "within" if middle <= BUDGETS[name] else "OVER"
        print(
            f"  {name:14s} x{middle:5.2f}   ({min(values):.2f} to {max(values):.2f})   {verdict} "
            f"the budget x{BUDGETS[name]}"
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
