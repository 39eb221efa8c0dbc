"""Kernels in C against their NumPy twins, and the way a call finds either."""

from __future__ import annotations

import copy
import importlib
import os
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from kernels import compiled_calls

from chainrule.kernels import compiled

NATIVE = compiled.NATIVE
MACHINE = re.compile(r"core\.|ops\.").match  # makers of tensors: test_compiled_tensors.py
needs_native = pytest.mark.skipif(NATIVE is None, reason="installed without a C compiler")


def _cases() -> Iterator[Any]:
    for found in pkgutil.iter_modules(compiled_calls.__path__):
        calls = importlib.import_module(f"kernels.compiled_calls.{found.name}")
        for name, lists in calls.CALLS.items():
            path = f"{found.name.replace('__', '.')}.{name}"
            tolerance = getattr(calls, "TOLERANCE", {}).get(name, 1e-6)
            if name in getattr(calls, "EXACT", ()):
                tolerance = 0.0
            if name in getattr(calls, "CANCELS", ()):
                tolerance = -tolerance
            written = getattr(calls, "WRITES", {}).get(name, ())
            for i, arguments in enumerate(lists):
                case = path, arguments, tolerance, written, name in getattr(calls, "DENSE", ())
                yield pytest.param(*case, id=f"{path}-{i}")


def kernel(path: str) -> Any:
    """The public kernel of a path, as the ops call it."""
    module, _, name = path.rpartition(".")
    room = "chainrule." if path.startswith("ops.") else "chainrule.kernels."
    return getattr(importlib.import_module(room + module), name)


def _spread(value: Any) -> Any:
    """The same numbers, every second place of a larger array."""
    if not isinstance(value, np.ndarray) or not value.ndim:
        return value
    wide = np.zeros((*value.shape[:-1], 2 * value.shape[-1]), value.dtype)
    wide[..., ::2] = value
    return wide[..., ::2]


def _flat(results: Any) -> list[Any]:
    if isinstance(results, (tuple, list)):
        return [r for part in results for r in _flat(part)]
    if hasattr(results, "random_raw"):  # a generator of words
        return list(results.state["state"].values())
    return [results]


def _close(got: Any, wanted: Any, tolerance: float) -> None:
    """Below 0 the tolerance is meant of the largest number, where others have lost digits."""
    for ours, twin in zip(_flat(got), _flat(wanted), strict=True):
        assert type(ours) is type(twin) or isinstance(twin, np.generic)
        if twin is None:
            continue
        if isinstance(twin, (np.ndarray, np.generic)):
            assert ours.dtype == twin.dtype
            assert ours.shape == twin.shape
        if tolerance == 0.0:
            np.testing.assert_array_equal(ours, twin)
        elif tolerance < 0:
            large = np.abs(twin)[np.isfinite(twin)].max(initial=0)
            np.testing.assert_allclose(ours, twin, rtol=-tolerance, atol=-tolerance * large)
        else:
            tiny = 1e-38 if np.asarray(twin).dtype == np.float32 else 0.0
            np.testing.assert_allclose(ours, twin, rtol=tolerance, atol=tiny)


def _copies(values: Any) -> list[Any]:
    made = [np.array(v, copy=True) if isinstance(v, np.ndarray) else v for v in values]
    return [copy.deepcopy(v) if hasattr(v, "random_raw") else v for v in made]


@needs_native
@pytest.mark.parametrize(("path", "arguments", "tolerance", "written", "dense"), list(_cases()))
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_both_give_the_same(
    path: str, arguments: Any, tolerance: float, written: Any, dense: bool
) -> None:
    both = kernel(path)
    after = _copies(arguments)  # what the twin leaves of its arguments
    wanted = both.__wrapped__(*after)
    for given in (_copies(arguments), [a if dense else _spread(a) for a in _copies(arguments)]):
        _close(both(*given), wanted, tolerance)
        for i, (a, before) in enumerate(zip(given, arguments, strict=True)):
            if i in written:
                _close(a, after[i], tolerance)
            elif not written and isinstance(a, np.ndarray):
                np.testing.assert_array_equal(a, before)  # nothing was written to


@needs_native
@pytest.mark.parametrize("path", [p for p in NATIVE.paths() if not MACHINE(p)] if NATIVE else [])
def test_every_compiled_kernel_is_used_and_tested(path: str) -> None:
    assert type(kernel(path)).__name__ == "Kernel"
    assert any(case.values[0] == path for case in list(_cases()))


def test_the_package_works_without_the_extension() -> None:
    program = (
        "import chainrule as torch; from chainrule.kernels import compiled as c;"
        "x = torch.tensor([1.0, -2.0], requires_grad=True);"
        "torch.nn.functional.silu(x).sum().backward(); print(c.NATIVE, x.grad)"
    )
    environment = {**os.environ, "CHAINRULE_NATIVE": "0"}
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "None tensor([ 0.9277, -0.0908])\n"


def test_a_broken_extension_is_said_and_done_without() -> None:
    program = (
        "import sys, importlib, warnings\n"
        "class Broken:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.endswith('._native'): raise ImportError('undefined symbol: x')\n"
        "sys.meta_path.insert(0, Broken())\n"
        "with warnings.catch_warnings(record=True) as said:\n"
        "    warnings.simplefilter('always')\n"
        "    import chainrule as torch\n"
        "print([str(w.message).partition(';')[0] for w in said], torch.ones(2) * 2)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    environment.pop("CHAINRULE_NATIVE", None)
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    told = "the compiled kernels of chainrule cannot be loaded (undefined symbol: x)"
    assert done.stdout == f"['{told}'] tensor([2., 2.])\n"
