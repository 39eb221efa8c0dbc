"""Public names: nothing private leaks, nothing of PyTorch is promised that does not exist,
`__all__` is true."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path
from types import ModuleType

import pytest

import chainrule as torch
from chainrule.compat.names import pytorch_names

PACKAGE = Path(torch.__file__).parent


def modules() -> list[str]:
    found = [m.name for m in pkgutil.walk_packages([str(PACKAGE)], "chainrule.")]
    return [name for name in found if not name.endswith("__main__")]


@pytest.mark.parametrize("name", modules())
def test_all_is_true(name: str) -> None:
    module = importlib.import_module(name)
    missing = [n for n in getattr(module, "__all__", ()) if not hasattr(module, n)]
    assert missing == []


def test_top_level_names_are_pytorchs() -> None:
    """Every public name of `chainrule` is a name of `torch`, or one of the few that are ours."""
    ours = {
        "cli",
        "compat",
        "compile",
        "core",
        "dtypes",
        "draw",
        "errors",
        "explain",
        "kernels",
        "ops",
        "install",
        "uninstall",
        "load_ipython_extension",
        "annotations",
        "safe_where",
        "onnx",
        "array_api",
    }
    mine = {n for n in vars(torch) if not n.startswith("_")}
    unknown = sorted(mine - pytorch_names("torch") - ours)
    assert unknown == [], "names that PyTorch has not: make them private, or list them here"


def test_star_import_gives_functions_not_modules_of_others() -> None:
    leaked = [
        n
        for n, v in vars(torch).items()
        if isinstance(v, ModuleType)
        and not v.__name__.startswith("chainrule")
        and not n.startswith("_")
    ]
    assert leaked == []
