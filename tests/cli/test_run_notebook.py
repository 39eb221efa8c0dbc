"""`chainrule run notebook.ipynb`: executed in a kernel of its own, printed, written, compared."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

Cli = Callable[..., "subprocess.CompletedProcess[str]"]
WriteNotebook = Callable[..., Path]
EXAMPLE = Path(__file__).parents[2] / "examples" / "a_neuron.ipynb"


def stream(text: str, name: str = "stdout") -> dict[str, Any]:
    return {"output_type": "stream", "name": name, "text": text}


def result(text: str) -> dict[str, Any]:
    data = {"text/plain": text}
    return {"output_type": "execute_result", "execution_count": 1, "metadata": {}, "data": data}


def error(name: str, value: str) -> dict[str, Any]:
    return {"output_type": "error", "ename": name, "evalue": value, "traceback": []}


def outputs(path: Path) -> list[Any]:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [cell["outputs"] for cell in cells if cell["cell_type"] == "code"]


def test_outputs_are_printed_in_order(cli: Cli, write_notebook: WriteNotebook) -> None:
    path = write_notebook(
        "sub/a.ipynb",
        "# %% md prose",
        "import os, sys, torch, chainrule\nprint(torch is chainrule)\nos.getcwd()[-3:]",
        "torch.tensor([1.0, 2.0])",
        "print('careful', file=sys.stderr)",
    )
    before = path.read_bytes()
    done = cli("run", "sub/a.ipynb")
    assert done.stdout == "True\n'sub'\ntensor([1., 2.])\n"
    assert done.stderr == "careful\n"
    assert done.returncode == 0
    assert path.read_bytes() == before


def test_show_prints_prose_and_code_too(cli: Cli, write_notebook: WriteNotebook) -> None:
    write_notebook("a.ipynb", "# %% md\nSome *prose*.", "x = 1\nx + 1")
    done = cli("run", "a.ipynb", "--show")
    assert "Some *prose*." in done.stdout
    assert "In [1]: x = 1\n   ...: x + 1\nOut[1]: 2\n" in done.stdout


def test_a_failing_cell_ends_the_run_and_keeps_what_ran(
    cli: Cli, write_notebook: WriteNotebook, tmp_path: Path
) -> None:
    write_notebook("a.ipynb", "# %% md", "print(1)", "1 / 0", ("print(3)", stream("stale")))
    done = cli("run", "a.ipynb", "-o", "out.ipynb")
    assert done.returncode == 1
    assert "----> 1 1 / 0" in done.stderr and "\x1b" not in done.stderr
    assert done.stderr.endswith(
        "Error: a.ipynb: cell 3 raised ZeroDivisionError: division by zero\n"
    )
    first, second, third = outputs(tmp_path / "out.ipynb")
    assert first[0]["text"] == ["1\n"]
    assert second[0]["ename"] == "ZeroDivisionError"
    assert third == []
    assert {path.name for path in tmp_path.iterdir()} == {"a.ipynb", "out.ipynb"}


def test_check_accepts_space_addresses_and_expected_errors(
    cli: Cli, write_notebook: WriteNotebook
) -> None:
    write_notebook(
        "a.ipynb",
        ("print('a')\nprint('b  c')", stream("a\n"), stream("b c")),
        ("object()", result("<object at 0x7f0011223344>")),
        ("raise ValueError('first line\\nHint: more')", error("ValueError", "first line")),
        (
            "import warnings; warnings.warn('w')",
            stream(
                "/any/ipykernel_1/2.py:1: UserWarning: w\n  import warnings; warnings.warn('w')\n",
                "stderr",
            ),
        ),
        "x = 1",
    )
    done = cli("run", "a.ipynb", "--check")
    assert (done.stdout, done.stderr) == ("OK: 5 cells, 4 outputs reproduced\n", "")
    assert done.returncode == 0


def test_check_shows_what_differs(cli: Cli, write_notebook: WriteNotebook) -> None:
    write_notebook(
        "a.ipynb",
        "# %% md",
        ("# a comment\nprint(1)\nprint(2)", stream("1\n3\n")),
        ("1 / 0", error("ZeroDivisionError", "division by one")),
        ("5", result("5")),
        ("raise KeyError(1)", result("1")),
    )
    done = cli("run", "a.ipynb", "--check", "-o", "out.ipynb")
    assert done.returncode == 1
    assert done.stdout.startswith(
        "a.ipynb: cell 2 differs:\n    # a comment\n    print(1)\n    print(2)\n"
        "--- expected\n+++ got\n@@ -1,3 +1,3 @@\n [stdout]\n 1\n-3\n+2\n"
    )
    assert (
        "-ZeroDivisionError: division by one\n+ZeroDivisionError: division by zero" in done.stdout
    )
    assert "cell 4 differs" not in done.stdout
    assert "+KeyError: 1" in done.stdout
    assert done.stderr == "Error: a.ipynb: 3 of 4 cells differ\n"


def test_timeout(cli: Cli, write_notebook: WriteNotebook) -> None:
    write_notebook("a.ipynb", "1", "import time\ntime.sleep(60)")
    done = cli("run", "--timeout", "1", "a.ipynb")
    assert done.returncode == 1
    assert done.stderr.endswith("Error: a.ipynb: cell 2 ran longer than 1 s\n")


def test_a_dead_kernel(cli: Cli, write_notebook: WriteNotebook) -> None:
    write_notebook("a.ipynb", "import os\nos._exit(3)")
    done = cli("run", "a.ipynb")
    assert (done.returncode, done.stderr) == (1, "Error: a.ipynb: the kernel died in cell 1\n")


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_control_c_keeps_what_ran(
    tmp_path: Path, environment: dict[str, str], write_notebook: WriteNotebook
) -> None:
    write_notebook("a.ipynb", "import time\nprint('go', flush=True)\ntime.sleep(60)", "print(2)")
    command = [sys.executable, "-m", "chainrule", "run", "a.ipynb", "-o", "out.ipynb"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=-1, stderr=-1, text=True
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == "go\n"
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=30)
    assert (process.returncode, stderr) == (130, "Error: a.ipynb: interrupted in cell 1\n")
    assert outputs(tmp_path / "out.ipynb") == [[{**stream(""), "text": ["go\n"]}], []]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "is not a notebook: "),
        ("[]", "it has no list of cells"),
        ('{"cells": [1]}', "one of its cells has no cell_type"),
        (
            '{"cells": [], "metadata": null, "nbformat": 4, "nbformat_minor": 5}',
            "is not a notebook: ",
        ),
        (
            '{"cells": [], "metadata": {"kernelspec": {"name": "ir", "display_name": "R", '
            '"language": "R"}}, "nbformat": 4, "nbformat_minor": 5}',
            "is written for R, not Python",
        ),
    ],
)
def test_what_is_no_notebook(cli: Cli, tmp_path: Path, text: str, complaint: str) -> None:
    (tmp_path / "bad.ipynb").write_text(text)
    done = cli("run", "bad.ipynb")
    assert done.returncode == 2
    assert done.stderr.startswith("Error: bad.ipynb ") and complaint in done.stderr
    assert done.stderr.count("\n") == 1


def test_bad_options(cli: Cli, write_notebook: WriteNotebook) -> None:
    write_notebook("a.ipynb", "1")
    assert "its folder does not exist" in cli("run", "a.ipynb", "-o", "no/x.ipynb").stderr
    assert "a notebook takes no arguments: x" in cli("run", "a.ipynb", "x").stderr


def test_the_example_reproduces_pytorch(cli: Cli) -> None:
    done = cli("run", EXAMPLE, "--check")
    assert done.stdout == "OK: 15 cells, 15 outputs reproduced\n", done.stdout + done.stderr
