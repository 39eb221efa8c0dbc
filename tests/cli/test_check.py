"""`chainrule check`: the torch names of a program, found without running it."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("click")

from chainrule.cli.uses import UseFinder

Cli = Callable[..., "subprocess.CompletedProcess[str]"]
Write = Callable[[str, str], Path]


def uses(source: str) -> list[tuple[str, bool]]:
    finder = UseFinder()
    finder.visit(ast.parse(source))
    return [(use.name, use.sure) for use in finder.uses]


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("import torch\ntorch.nn.Linear", ["torch", "torch.nn.Linear"]),
        ("import torch as t\nt.sin", ["torch", "torch.sin"]),
        ("import chainrule as t\nt.sin", ["torch", "torch.sin"]),
        (
            "import torch.nn.functional as F\nF.relu",
            ["torch.nn.functional", "torch.nn.functional.relu"],
        ),
        ("import torch.optim\ntorch.sin", ["torch.optim", "torch.sin"]),
        (
            "from torch import nn, tensor as tt\nnn.Linear",
            ["torch.nn", "torch.tensor", "torch.nn.Linear"],
        ),
        ("import torch\nnn = torch.nn\nnn.Linear", ["torch", "torch.nn", "torch.nn.Linear"]),
        ("from torch import nn\nnn = 3\nnn.Linear", ["torch.nn"]),
        ("from torch import nn\nfor nn in x: nn.y", ["torch.nn"]),
        ("from torch import nn\ndef f(nn): nn.x\nnn.y", ["torch.nn", "torch.nn.y"]),
        ("from torch import nn\ndef f(): nn = 3\nnn.y", ["torch.nn", "torch.nn.y"]),
        ("from torch import nn\ng = lambda nn: nn.x", ["torch.nn"]),
        ("import torch\ntorch.mine = 3", ["torch"]),
        ("from .torch import nn\nimport torchvision\ntorchvision.x", []),
        ("from torch.nn import *", ["torch.nn"]),
    ],
)
def test_names_are_followed(source: str, names: list[str]) -> None:
    assert [name for name, sure in uses(source) if sure] == names


def test_methods_of_what_may_be_a_tensor_are_possible() -> None:
    source = (
        "import numpy as np\nx.sin().cosh_()\nnp.sinh(1)\n'a'.split()\nself.relu(x)\nself.w.exp()"
    )
    assert uses(source) == [
        ("torch.Tensor.cosh_", False),
        ("torch.Tensor.sin", False),
        ("torch.Tensor.exp", False),
    ]


def test_what_is_expected_to_be_missing_is_possible() -> None:
    source = "try:\n    import torch.cuda\nexcept (ImportError, OSError):\n    import torch\n"
    assert uses(source) == [("torch.cuda", False), ("torch", True)]
    assert uses("try:\n    import torch\nfinally:\n    pass\n") == [("torch", True)]


def test_a_program_without_gaps(cli: Cli, write: Write) -> None:
    write("a.py", "import torch\nx = torch.tensor(1.0)\nprint('not run')\nx.backward()\n")
    done = cli("check", "a.py")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "OK: a.py: chainrule has all 2 torch names in it\n"


def test_gaps_are_listed_with_place_and_hint(cli: Cli, write: Write) -> None:
    write("a.py", "import torch\n\ntorch.tensro(1.0)\ntorch.qqqq.at.all\ntorch.qqqq.at.all\n")
    done = cli("check", "a.py")
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "a.py:3: missing: torch.tensro; PyTorch 2.13 has no such name either; "
        "Hint: nearest is torch.tensor",
        "a.py:4: missing: torch.qqqq; PyTorch 2.13 has no such name either",
        "a.py:5: missing: torch.qqqq; PyTorch 2.13 has no such name either",
        "a.py: 3 missing, 0 possibly missing, of 3 names",
    ]


def test_a_possible_gap_does_not_fail(cli: Cli, write: Write) -> None:
    write("a.py", "x.storage_offset_of_nothing()\nx.to_mkldnn()\n")
    done = cli("check", "a.py")
    assert done.returncode == 0
    assert done.stdout.splitlines()[0].startswith(
        "a.py:2: possibly missing: torch.Tensor.to_mkldnn; "
    )


def test_notebooks_keep_cell_and_line(cli: Cli, write_notebook: Callable[..., Path]) -> None:
    write_notebook(
        "a.ipynb",
        "# %% md torch.no",
        "%matplotlib inline\n!pip install x\nimport torch\nfiles = !ls\ntorch.tensor?\ntorch.no_1",
        "%%bash\nls (torch.no_2\n",
        "%%time\nfor i in range(3):\n    %timeit f()\nawait torch.no_3",
        "y = (7\n % 2) + torch.no_4",
    )
    done = cli("check", "a.ipynb")
    places = [line.partition(";")[0] for line in done.stdout.splitlines()]
    assert places == [
        "a.ipynb: cell 2 line 6: missing: torch.no_1",
        "a.ipynb: cell 4 line 4: missing: torch.no_3",
        "a.ipynb: cell 5 line 2: missing: torch.no_4",
        "a.ipynb: 3 missing, 0 possibly missing, of 4 names",
    ]
    assert done.returncode == 1


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("a.py", b"x = (\n", "a.py:1: syntax error: '(' was never closed"),
        ("a.py", b"x = '\xff'\n", "a.py: invalid or missing encoding declaration"),
        ("a.py", b"x = '\0'\n", "a.py"),
        ("a.ipynb", b"{", "a.ipynb is not a notebook: "),
        (
            "a.ipynb",
            b'{"cells": [{"cell_type": "code", "source": ["x =\\n", "y"]}]}',
            "a.ipynb: cell 1 line 1: syntax error: invalid syntax",
        ),
    ],
)
def test_what_cannot_be_read(
    cli: Cli, tmp_path: Path, name: str, content: bytes, complaint: str
) -> None:
    (tmp_path / name).write_bytes(content)
    done = cli("check", name)
    assert done.returncode == 2
    assert done.stderr.startswith(f"Error: {complaint}") and done.stderr.count("\n") == 1
