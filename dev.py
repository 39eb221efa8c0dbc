"""The project's commands for a fresh clone. Needs Python >= 3.10 with pip, nothing else.

    python3 dev.py demo             run the example notebook, compare it with what PyTorch printed
    python3 dev.py test [ARGS]      run the tests, as CI does; ARGS go to pytest
    python3 dev.py lint             ruff check, ruff format --check, mypy, clang-format
    python3 dev.py docs             write docs/ops.md from the registry
    python3 dev.py oracle           optional: PyTorch 2.13.0 in .venv-oracle, to compare with

Each command first brings `.venv` up to date: it is made when missing, and filled again (the C
kernels compiled, if there is a compiler) when pyproject.toml or the kernels' source has changed.
The folder can be deleted at any time.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
NATIVE = HERE / "src" / "chainrule" / "kernels" / "native"
VENV, ORACLE = HERE / ".venv", HERE / ".venv-oracle"
EXTRAS = ("notebook", "dev")  # each holds the one before
EXAMPLE = os.path.join("examples", "a_neuron.ipynb")
TORCH = "torch==2.13.0"
OLDEST = (3, 10)


def main() -> int:
    """Run one command; its exit code is this script's."""
    if sys.version_info < OLDEST:
        return fail("chainrule needs Python >= 3.10; this is " + sys.version.split()[0])
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=COMMANDS, metavar="demo|test|lint|docs|oracle")
    arguments, rest = parser.parse_known_args()
    if rest and arguments.command != "test":
        parser.error("only `test` takes further arguments")
    try:
        return COMMANDS[arguments.command](rest)
    except KeyboardInterrupt:
        return 130


def demo(_: list[str]) -> int:
    """Show the example notebook and check it against PyTorch's stored outputs."""
    python = prepare("notebook")
    say(f"running {EXAMPLE}; `import torch` in it is chainrule")
    return call(python, "-m", "chainrule", "run", EXAMPLE, "--check", "--show")


def test(arguments: list[str]) -> int:
    """The whole test suite on all cores."""
    return call(prepare("dev"), "-m", "pytest", "-n", "auto", *arguments)


def lint(_: list[str]) -> int:
    """All three even when the first one complains."""
    python = prepare("dev")
    jobs = (("ruff", "check"), ("ruff", "format", "--check"), ("mypy",))
    codes = []
    for job in jobs:
        say(" ".join(job))
        codes.append(call(python, "-m", *job))
    say("clang-format --dry-run")
    sources = [str(file) for file in sorted(NATIVE.iterdir()) if file.suffix in (".c", ".h")]
    codes.append(call(python.parent / "clang-format", "--dry-run", "--Werror", *sources))
    return max(codes)


def docs(_: list[str]) -> int:
    """The pages that are written from the code."""
    return call(prepare("dev"), os.path.join("tools", "write_ops.py"))


def oracle(_: list[str]) -> int:
    """PyTorch in a place of its own; chainrule itself never depends on it."""
    python = make_venv(ORACLE)
    say(f"installing {TORCH} into {ORACLE.name} (large)")
    pip(python, TORCH, "numpy>=2")
    say(f"ready: {ORACLE.name} has {TORCH}")
    return 0


def prepare(extra: str) -> Path:
    """The Python of `.venv` with the project (editable) and the extra installed."""
    python = make_venv(VENV)
    wanted = fingerprint()
    stamp = VENV / "chainrule-dev.txt"
    found = stamp.read_text(encoding="utf-8").split() if stamp.exists() else []
    if found[:1] == [wanted] and extra in found[1:]:
        return python
    installed = found[1:] if found[:1] == [wanted] else []
    say(f"installing chainrule[{extra}] into {VENV.name}")
    stamp.unlink(missing_ok=True)
    pip(python, "--editable", f"{HERE}[{extra}]")
    covered = EXTRAS[: EXTRAS.index(extra) + 1]
    stamp.write_text(" ".join([wanted, *sorted({*installed, *covered})]), encoding="utf-8")
    return python


def make_venv(folder: Path) -> Path:
    """A virtual environment whose Python works; made anew when there is none."""
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if works(python):
        return python
    say(f"making {folder.name} with Python {sys.version.split()[0]}")
    made = subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=False)
    if made.returncode or not works(python):
        raise SystemExit(fail("the venv could not be made (on Debian: apt install python3-venv)"))
    return python


def works(python: Path) -> bool:
    """Whether this Python starts, has pip and is new enough; a moved venv does not."""
    if not python.exists():
        return False
    probe = f"import sys, pip; sys.exit(sys.version_info < {OLDEST})"
    done = subprocess.run([str(python), "-c", probe], capture_output=True, check=False)
    return done.returncode == 0


def fingerprint() -> str:
    """Changes when pyproject.toml or the extension's source does, or when the clone was moved."""
    files = [HERE / "pyproject.toml", HERE / "setup.py", *sorted(NATIVE.iterdir())]
    content = b"".join(file.read_bytes() for file in files) + str(HERE).encode()
    return hashlib.sha256(content).hexdigest()[:16]


def pip(python: Path, *arguments: str) -> None:
    """Install quietly; a failure shows what pip said and ends the command."""
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run([*command, *arguments], cwd=HERE, text=True, stderr=subprocess.PIPE)
    if done.returncode:
        print("\n".join(done.stderr.strip().splitlines()[-15:]), file=sys.stderr)
        raise SystemExit(
            fail("pip failed as shown above; if the index can be reached, run this again")
        )


def call(python: Path, *arguments: str) -> int:
    """Run a module of the venv in the project's folder; what it prints is shown as it comes."""
    return subprocess.run([str(python), *arguments], cwd=HERE, check=False).returncode


def say(text: str) -> None:
    """One line of progress."""
    print(f"dev: {text}", flush=True)


def fail(text: str) -> int:
    """One line of complaint; the exit code."""
    print(f"dev: {text}", file=sys.stderr, flush=True)
    return 1


COMMANDS = {"demo": demo, "test": test, "lint": lint, "docs": docs, "oracle": oracle}

if __name__ == "__main__":
    sys.exit(main())
