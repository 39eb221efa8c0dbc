"""The command itself: version, help, info, and what it says without its optional packages."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest

Cli = Callable[..., "subprocess.CompletedProcess[str]"]


def without(environment: dict[str, str], package: str, *args: str) -> tuple[int, str]:
    """Run the command in a Python that cannot find the package."""
    program = (
        "import sys, importlib.abc\n"
        "class Absent(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name.partition('.')[0] == {package!r}:\n"
        "            raise ModuleNotFoundError(name)\n"
        "import importlib.util\n"
        "find = importlib.util.find_spec\n"
        f"importlib.util.find_spec = lambda n, *a: None if n == {package!r} else find(n, *a)\n"
        "sys.meta_path.insert(0, Absent())\n"
        f"sys.argv = ['chainrule', *{args!r}]\n"
        "from chainrule.cli import main\n"
        "sys.exit(main())\n"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stderr


def test_without_click_one_line_says_how_to_get_it(environment: dict[str, str]) -> None:
    hint = 'chainrule: needs click: pip install "chainrule[notebook]"\n'
    assert without(environment, "click", "info") == (1, hint)


def test_without_jupyter_notebooks_say_how_to_get_it(
    environment: dict[str, str], write_notebook: Callable[..., object]
) -> None:
    path = str(write_notebook("a.ipynb", "1"))
    hint = 'Error: notebooks need nbclient: pip install "chainrule[notebook]"\n'
    assert without(environment, "nbclient", "run", path) == (1, hint)


def test_the_package_does_not_load_the_command(environment: dict[str, str]) -> None:
    program = (
        "import numpy, sys\nbefore = set(sys.modules)\nimport chainrule\n"
        "heavy = {'click', 'rich', 'nbclient', 'difflib', 'scipy', 'ml_dtypes', 'chainrule.cli'}\n"
        "print(sorted(heavy & (set(sys.modules) - before)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "[]\n"


def test_version_and_help(cli: Cli) -> None:
    pytest.importorskip("click")
    assert cli("--version").stdout.startswith("chainrule ")
    text = cli("--help").stdout
    assert all(f"  {command} " in text for command in ("run", "check", "info", "bench"))


def test_info_names_what_a_bug_report_needs(cli: Cli) -> None:
    done = cli("info")
    assert done.returncode == 0
    rows = dict(line.split(maxsplit=1) for line in done.stdout.splitlines())
    assert rows["numpy"] == np.__version__
    assert {"chainrule", "python", "blas", "click", "nbclient", "scipy", "torch"} <= set(rows)


def test_an_unknown_command(cli: Cli) -> None:
    done = cli("drun")
    assert done.returncode == 2
    assert "No such command 'drun'" in done.stderr
