"""Records the public names of PyTorch for `chainrule.compat`; needs the real torch, is no test.

    python3 dev.py oracle
    .venv-oracle/bin/python tests/compat/record_names.py

writes `src/chainrule/compat/pytorch_names.txt`: names only, each section wrapped and sorted. What
a module merely imported (typing, functools, ...) is left out.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import textwrap
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

TARGET = Path(__file__).parents[2] / "src" / "chainrule" / "compat" / "pytorch_names.txt"
SPACES = """
torch torch.Tensor torch.nn torch.nn.functional torch.nn.init torch.nn.utils torch.nn.utils.rnn
torch.nn.utils.parametrize torch.nn.utils.parametrizations torch.nn.parameter torch.nn.modules
torch.optim torch.optim.lr_scheduler torch.optim.swa_utils torch.autograd torch.autograd.functional
torch.autograd.graph torch.autograd.forward_ad torch.autograd.function torch.func torch.linalg
torch.fft torch.special torch.random torch.utils torch.utils.data torch.utils.checkpoint
torch.distributions torch.distributed torch.testing torch.signal.windows torch.masked torch.cuda
torch.amp torch.compiler torch.finfo torch.iinfo torch.Generator
""".split()
LEFT_OUT = {
    "TYPE_CHECKING",
    "common_args",
    "common_notes",
    "factory_common_args",
    "multi_dim_common",
}
HEADER = """Public names of PyTorch {version}, made by tests/compat/record_names.py; do not edit.
A line [torch.nn] opens a module or a class; the words below it are the names it has.
[modules] lists modules, two levels deep.
"""


def main() -> None:
    """Write the names file."""
    warnings.simplefilter("ignore")
    import torch

    sections = {space: public(torch, space) for space in SPACES}
    sections["modules"] = modules(torch)
    version = torch.__version__.partition("+")[0]
    text = HEADER.format(version=version)
    for space, names in sections.items():
        text += (
            f"\n[{space}]\n" + textwrap.fill(" ".join(names), 100, break_on_hyphens=False) + "\n"
        )
    TARGET.write_text(text, encoding="utf-8", newline="\n")
    print(f"{TARGET.name}: {sum(map(len, sections.values()))} names in {len(sections)} sections")


def public(torch: ModuleType, space: str) -> list[str]:
    """The names of one module or class without underscore that are PyTorch's own."""
    owner: Any = torch
    for part in space.split(".")[1:]:
        owner = getattr(owner, part, None) or importlib.import_module(f"{owner.__name__}.{part}")
    promised = set(getattr(owner, "__all__", ()))
    names = {n for n in promised | set(dir(owner)) if not n.startswith("_")} - LEFT_OUT
    return sorted(n for n in names if n in promised or is_own(owner, n))


def is_own(owner: Any, name: str) -> bool:
    """Whether PyTorch defined this attribute, rather than imported it from elsewhere."""
    if inspect.isclass(owner):
        return True
    value = getattr(owner, name, None)
    if inspect.ismodule(value):
        return value.__name__.startswith(f"{owner.__name__}.")
    home = getattr(value, "__module__", None) or "torch"
    return home.partition(".")[0] == "torch" and type(value).__module__ != "__future__"


def modules(torch: ModuleType) -> list[str]:
    """torch's public modules, two levels deep, without importing them."""
    top = [f"torch.{m.name}" for m in pkgutil.iter_modules(torch.__path__)]
    top = [name for name in top if "._" not in name]
    below = [
        f"{parent}.{m.name}"
        for parent in top
        for m in pkgutil.iter_modules([str(Path(torch.__path__[0], parent.rpartition(".")[2]))])
        if not m.name.startswith("_")
    ]
    return sorted(["torch", *top, *below])


if __name__ == "__main__":
    main()
