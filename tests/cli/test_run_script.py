"""`chainrule run script.py` behaves as `python script.py`, with chainrule for torch."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

Cli = Callable[..., "subprocess.CompletedProcess[str]"]
Write = Callable[[str, str], Path]


def test_torch_is_chainrule_and_arguments_pass(cli: Cli, write: Write) -> None:
    write("prog/helper.py", "ANSWER = 42\n")
    write(
        "prog/main.py",
        "import sys, os, torch, chainrule, helper\n"
        "import torch.nn.functional as F\n"
        "x = torch.tensor(3.0, requires_grad=True)\n"
        "(x * x).backward()\n"
        "print(x.grad, torch is chainrule, F is chainrule.nn.functional)\n"
        "print(__name__, __file__ == sys.argv[0], sys.argv[1:], helper.ANSWER)\n"
        "print(os.path.basename(sys.path[0]))\n",
    )
    done = cli("run", "prog/main.py", "--check", "-o", "x", "--", "--timeout")
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "tensor(6.) True True",
        "__main__ True ['--check', '-o', 'x', '--', '--timeout'] 42",
        "prog",
    ]
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("statement", "code", "stderr"),
    [
        ("raise SystemExit", 0, ""),
        ("sys.exit(7)", 7, ""),
        ("sys.exit('no more')", 1, "no more\n"),
        ("raise ValueError('bad')", 1, "ValueError: bad\n"),
        ("raise KeyboardInterrupt", 130, "KeyboardInterrupt\n"),
        ("sys.excepthook = lambda *e: print('mine', file=sys.stderr); 1/0", 1, "mine\n"),
    ],
)
def test_exit_codes(cli: Cli, write: Write, statement: str, code: int, stderr: str) -> None:
    write("leave.py", f"import sys\n{statement}\n")
    done = cli("run", "leave.py")
    assert done.returncode == code
    assert done.stderr.endswith(stderr)


def test_the_traceback_begins_in_the_script(cli: Cli, write: Write) -> None:
    write("bad.py", "def f(n):\n    return 1 / n\n\nf(0)\n")
    done = cli("run", "bad.py")
    python = subprocess.run(
        [sys.executable, "bad.py"], cwd=write("x.py", "").parent, capture_output=True, text=True
    )
    assert done.returncode == 1
    shown, expected = (text.replace(os.sep, "/") for text in (done.stderr, python.stderr))
    head, _, rest = expected.partition('File "')
    assert shown == head + 'File "' + rest.replace(str(write("x.py", "").parent) + "/", "")


def test_a_syntax_error_shows_the_line_only(cli: Cli, write: Write) -> None:
    write("syntax.py", "x = 1\ny = (\n")
    done = cli("run", "syntax.py")
    assert done.returncode == 1
    assert done.stderr.startswith('  File "syntax.py", line 2\n')
    assert "SyntaxError" in done.stderr and "runpy" not in done.stderr


def test_a_missing_name_gives_a_hint(cli: Cli, write: Write) -> None:
    write("typo.py", "import torch\ntorch.tensro(1.0)\n")
    done = cli("run", "typo.py")
    assert done.returncode == 1
    assert "AttributeError: module 'torch' has no attribute 'tensro'" in done.stderr
    assert done.stderr.endswith("Hint: did you mean torch.tensor?\n")


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("nowhere.py", "no such file: nowhere.py"),
        (".", ". is a directory; give a .py script or an .ipynb notebook"),
        ("data.txt", "data.txt: neither a .py script nor an .ipynb notebook"),
    ],
)
@pytest.mark.parametrize("command", ["run", "check"])
def test_bad_input_is_one_line(
    cli: Cli, write: Write, command: str, name: str, complaint: str
) -> None:
    write("data.txt", "")
    done = cli(command, name)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"Error: {complaint}\n")


def test_options_of_notebooks_are_refused_for_scripts(cli: Cli, write: Write) -> None:
    write("a.py", "print('ran')\n")
    done = cli("run", "--check", "a.py")
    assert done.returncode == 2
    assert "are for notebooks" in done.stderr and "ran" not in done.stdout


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_control_c(tmp_path: Path, environment: dict[str, str], write: Write) -> None:
    write("wait.py", "import time\nprint('go', flush=True)\ntime.sleep(60)\n")
    command = [sys.executable, "-m", "chainrule", "run", "wait.py"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=-1, stderr=-1, text=True
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == "go\n"
        start = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=30)
    assert process.returncode == 130
    assert time.monotonic() - start < 30
    assert stderr.endswith("KeyboardInterrupt\n")
