"""Benchmarks as ratios: candidates run interleaved, each in a process of its own, CPU time on one
pinned core.

    chainrule bench [NAME ...] [--rounds N] [--seconds S] [--against torch,jax,autograd] [--peer
    PYTHON] [--core N] python benchmarks/run.py ...        the same

NAME is a suite (tiny, derivatives, optimizers, training, overhead) or a program of one. Every
round times every candidate once; printed are the medians over the rounds and the median of the
per-round ratios candidate / chainrule (above 1: chainrule is faster). PyTorch, JAX and HIPS
autograd take part when the Python given by --peer (default: `.venv-oracle` if it is there, else
this Python) can import them. Shared machines are noisy: quote ratios, not microseconds.
"""

from __future__ import annotations

import argparse
import importlib
import json
import math
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
SUITES = ("tiny", "derivatives", "training", "optimizers")


class Worker:
    """A candidate's process for one program."""

    def __init__(self, python: str, suite: str, program: str, candidate: str, core: str) -> None:
        env = {**os.environ, **{f"{n}_NUM_THREADS": "1" for n in ("OMP", "OPENBLAS", "MKL")}}
        env["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
        if candidate == "chainrule":
            env["PYTHONPATH"] = os.pathsep.join(
                [str(HERE.parent / "src"), env.get("PYTHONPATH", "")]
            )
        command = [python, str(HERE / "worker.py"), suite, program, candidate, core]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=env,
        )
        self.status, _, self.version = (self._line() or "failed").partition(" ")

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def time(self, seconds: float) -> float:
        """CPU seconds per step."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{seconds}\n")
        self.process.stdin.flush()
        return float(self._line())

    def prepare(self, program: dict[str, Any]) -> str:
        """Set up another program, of a suite started with `-`: "ready", or what stands against
        it."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(program) + "\n")
        self.process.stdin.flush()
        return self._line()

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.wait()


def measure(options: argparse.Namespace, suite: str, program: str) -> dict[str, list[float]]:
    """Seconds per step in every round, by candidate."""
    candidates = {"chainrule": sys.executable, **dict.fromkeys(options.against, options.peer)}
    workers = {c: Worker(p, suite, program, c, options.core) for c, p in candidates.items()}
    try:
        ready = {c: w for c, w in workers.items() if w.status == "ready"}
        for c, w in workers.items():
            if w.status == "failed":
                print(f"  {c}: failed to start")
        if "chainrule" not in ready:
            raise SystemExit(
                f"chainrule cannot run {suite}.{program}: {workers['chainrule'].version}"
            )
        times: dict[str, list[float]] = {c: [] for c in ready}
        for _ in range(options.rounds):
            for c, w in ready.items():
                times[c].append(w.time(options.seconds))
        return times
    finally:
        for w in workers.values():
            w.close()


def report(title: str, times: dict[str, list[float]]) -> dict[str, float]:
    """Print one program's row; the ratios to chainrule."""
    ours = times["chainrule"]
    parts = [f"chainrule {statistics.median(ours) * 1e6:9.1f} us"]
    ratios = {}
    for c in [c for c in times if c != "chainrule"]:
        ratios[c] = statistics.median(t / o for t, o in zip(times[c], ours, strict=True))
        parts.append(f"{c} {statistics.median(times[c]) * 1e6:9.1f} us  x{ratios[c]:5.2f}")
    print(f"  {title:52s} " + "   ".join(parts), flush=True)
    return ratios


def run_suite(options: argparse.Namespace, suite: str, only: list[str]) -> None:
    """Time the programs of a suite and the geometric mean of their ratios."""
    programs: dict[str, tuple[str, Any]] = importlib.import_module(suite).PROGRAMS
    print(
        f"{suite}: {options.rounds} rounds, CPU time, core {options.core}, "
        f"{platform.processor() or platform.machine()}, "
        f"Python {platform.python_version()}"
    )
    rows = [
        report(programs[p][0], measure(options, suite, p))
        for p in programs
        if not only or p in only
    ]
    for c in options.against:
        ratios = [r[c] for r in rows if c in r]
        if ratios:
            mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
            print(
                f"  {c} / chainrule: geometric mean x{mean:.2f}, smallest x{min(ratios):.2f} "
                f"({len(ratios)} programs)"
            )


def default_peer() -> str:
    """`.venv-oracle` of the checkout if it is there, else this Python."""
    for inside in ("bin/python", "Scripts/python.exe"):
        found = HERE.parent / ".venv-oracle" / inside
        if found.exists():
            return str(found)
    return sys.executable


def main() -> int:
    """Parse the arguments and run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=0.2, help="budget of one timing")
    parser.add_argument(
        "--against", default="torch,jax,autograd", type=lambda s: [c for c in s.split(",") if c]
    )
    parser.add_argument(
        "--peer", default=default_peer(), help="the Python that has the other candidates"
    )
    parser.add_argument(
        "--core", default=str((os.cpu_count() or 1) - 1), help="core to pin to, or - for none"
    )
    options = parser.parse_args()
    sys.path.insert(0, str(HERE))
    known = {suite: list(importlib.import_module(suite).PROGRAMS) for suite in SUITES}
    unknown = [
        n
        for n in options.names
        if n not in known and n != "overhead" and not any(n in ps for ps in known.values())
    ]
    if unknown:
        parser.error(
            f"no benchmark named {unknown[0]}; there are overhead, "
            + ", ".join([*known, *(p for programs in known.values() for p in programs)])
        )
    for suite, programs in known.items():
        only = [n for n in options.names if n in programs]
        if not options.names or suite in options.names or only:
            run_suite(options, suite, only if suite not in options.names else [])
    if not options.names or "overhead" in options.names:
        return subprocess.call([sys.executable, str(HERE / "overhead.py"), options.core])
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
