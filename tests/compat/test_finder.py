"""`import torch` is chainrule after `install()`, and is not after `uninstall()`.

Each test runs in a process of its own: the interpreter's import system is what is tested.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import chainrule

SOURCE = str(Path(chainrule.__file__).parents[1])


def python(program: str) -> str:
    """What the program prints; its error fails the test."""
    path = os.pathsep.join(filter(None, [SOURCE, os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_no_module_has_a_second_copy() -> None:
    assert (
        python("""
import sys, chainrule
assert chainrule.install() is chainrule.install() is chainrule
import torch, torch.nn.functional as F, torch.optim
from torch import nn
from torch.nn import functional
assert torch is chainrule
assert F is functional is nn.functional is chainrule.nn.functional
assert F is sys.modules["torch.nn.functional"] is sys.modules["chainrule.nn.functional"]
assert torch.optim is chainrule.optim
assert F.__name__ == F.__spec__.name == "chainrule.nn.functional"
copies = [n for n, m in sys.modules.items() if n.startswith("torch") and m.__name__ == n]
print(copies, len([f for f in sys.meta_path if type(f).__name__ == "TorchFinder"]))
""")
        == "[] 1\n"
    )


def test_a_module_can_be_reloaded_and_asked_for() -> None:
    assert (
        python("""
import importlib, importlib.util as util, chainrule
chainrule.install()
import torch.nn.functional as F
assert importlib.reload(F) is F
print(util.find_spec("torch") is not None, util.find_spec("torch.nn.functional").name)
print(util.find_spec("torch.no_such_module"))
""")
        == "True chainrule.nn.functional\nNone\n"
    )


def test_a_missing_module_is_named_with_a_hint() -> None:
    assert python("""
import chainrule
chainrule.install()
for name in ("torch.nn.functionl", "torch.nested", "torch.zzz.deeper"):
    try:
        __import__(name)
    except ModuleNotFoundError as error:
        print(error.name, "|", str(error).replace(chr(10), " | "))
""").splitlines() == [
        "torch.nn.functionl | No module named 'torch.nn.functionl' | PyTorch 2.13 has no "
        "torch.nn.functionl either. | Hint: did you mean torch.nn.functional?",
        "torch.nested | No module named 'torch.nested' | PyTorch 2.13 has torch.nested; "
        "chainrule does not have it yet.",
        "torch.zzz | No module named 'torch.zzz' | PyTorch 2.13 has no torch.zzz either.",
    ]


def test_uninstall_takes_everything_back() -> None:
    assert (
        python("""
import sys, chainrule
before = list(sys.meta_path), set(sys.modules)
chainrule.install()
import torch.nn.functional
chainrule.uninstall()
chainrule.uninstall()
print(sys.meta_path == before[0], [m for m in sys.modules if m.partition(".")[0] == "torch"])
assert chainrule.nn.functional.__spec__.name == "chainrule.nn.functional"
""")
        == "True []\n"
    )


def test_the_real_torch_is_left_alone() -> None:
    assert python("""
import sys, types, chainrule
real = sys.modules["torch"] = types.ModuleType("torch")
real.__version__ = "9.9"
try:
    chainrule.install()
except ImportError as error:
    print(str(error).splitlines()[0], "Hint:" in str(error))
chainrule.uninstall()
print(sys.modules["torch"] is real)
""").splitlines() == [
        "chainrule cannot stand in for torch: the real torch (9.9) is already imported True",
        "True",
    ]


def test_the_ipython_extension_installs() -> None:
    assert (
        python("""
import chainrule
chainrule.load_ipython_extension(None)
import torch
print(torch is chainrule)
""")
        == "True\n"
    )
