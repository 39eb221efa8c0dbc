"""The text of tensors, compared character by character with recorded PyTorch answers.

The answers and the recipes of their arrays are in `tests/data/printing.json`, written by
`tools/record_printing.py`, which also makes the arrays here. Torch is needed by one test only.
"""

from __future__ import annotations

import doctest
import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from chainrule.core import printing
from chainrule.core.printing import format_value, get_printoptions, printoptions, tensor_repr

ROOT = Path(__file__).resolve().parents[2]


def load_recorder() -> ModuleType:
    path = ROOT / "tools" / "record_printing.py"
    spec = importlib.util.spec_from_file_location("record_printing", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


recorder = load_recorder()
ANSWERS = json.loads(recorder.DATA.read_text())


@pytest.fixture(autouse=True)
def default_options() -> Iterator[None]:
    printing.set_printoptions(profile="default")
    yield
    printing.set_printoptions(profile="default")


def need_ml_dtypes(recipe: dict[str, Any]) -> None:
    if "bfloat" in recipe["dtype"] or "float8" in recipe["dtype"]:
        pytest.importorskip("ml_dtypes")


def comparable(text: str) -> str:
    """The text; of an error that Python words itself (each version its own way) only the class."""
    return text.split(":")[0] if text.startswith(("ValueError", "OverflowError")) else text


# ---- recorded answers ----------------------------------------------------------------------------


@pytest.mark.parametrize("case", ANSWERS["prints"], ids=lambda case: case["array"]["dtype"])
def test_prints_as_pytorch(case: dict[str, Any]) -> None:
    need_ml_dtypes(case["array"])
    assert comparable(recorder.ours(case, printing)) == comparable(case["text"])


@pytest.mark.parametrize("case", ANSWERS["options"], ids=lambda case: str(case["calls"]))
def test_options_after_calls(case: dict[str, Any]) -> None:
    for call in case["calls"]:
        printing.set_printoptions(**call)
    assert get_printoptions() == case["options"]


@pytest.mark.parametrize("case", ANSWERS["formats"], ids=lambda case: case["spec"] or "empty")
def test_formats_as_pytorch(case: dict[str, Any]) -> None:
    need_ml_dtypes(case["array"])
    array = recorder.build(case["array"])
    try:
        text = format_value(array, case["spec"], lambda: "str", case["type"])
    except Exception as error:
        text = recorder.error_text(error)
    assert comparable(text) == comparable(case["text"])


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="compares with torch itself")
def test_random_tensors_against_torch() -> None:
    pytest.importorskip("ml_dtypes")
    assert recorder.fuzz(300, seed=11) == 0


# ---- options -------------------------------------------------------------------------------------


def test_context_restores_after_an_error() -> None:
    printing.set_printoptions(precision=2, sci_mode=True)
    before = get_printoptions()
    with pytest.raises(KeyError), printoptions(profile="full", precision=9):
        assert get_printoptions() == {
            **before,
            "threshold": np.inf,
            "precision": 9,
            "sci_mode": None,
        }
        raise KeyError
    assert get_printoptions() == before


def test_contexts_nest() -> None:
    with printoptions(precision=2), printoptions(edgeitems=5):
        assert (get_printoptions()["precision"], get_printoptions()["edgeitems"]) == (2, 5)
    assert get_printoptions()["precision"] == 4


def test_unknown_option() -> None:
    with pytest.raises(TypeError, match=r"set_printoptions\(\) got an unexpected keyword argument"):
        printing.set_printoptions(foo=1)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="unexpected keyword argument 'foo'"), printoptions(foo=1):
        pass


def test_options_are_a_copy() -> None:
    get_printoptions()["precision"] = 9
    assert get_printoptions()["precision"] == 4


# ---- arrays of every make ------------------------------------------------------------------------


def test_layout_of_memory_does_not_show() -> None:
    array = np.arange(12, dtype=np.float32).reshape(3, 4) / 4
    text = tensor_repr(array)
    wide = np.zeros((3, 8), np.float32)
    wide[:, ::2] = array
    assert tensor_repr(np.asfortranarray(array)) == text
    assert tensor_repr(wide[:, ::2]) == text
    assert tensor_repr(array[::-1, ::-1][::-1, ::-1]) == text
    assert (
        tensor_repr(np.broadcast_to(np.float32(2), (2, 2)))
        == "tensor([[2., 2.],\n        [2., 2.]])"
    )


def test_foreign_byte_order() -> None:
    assert tensor_repr(np.array([1.5, 2], ">f4")) == "tensor([1.5000, 2.0000])"


def test_scalars_and_zero_dimensions() -> None:
    assert tensor_repr(np.float32(2)) == tensor_repr(np.array(2, np.float32)) == "tensor(2.)"
    assert tensor_repr(np.int64(-3)) == "tensor(-3)"
    assert tensor_repr(np.bool_(True)) == "tensor(True)"


def test_array_is_not_changed() -> None:
    array = np.array([[1.5, np.nan], [np.inf, -0.0]])
    array.setflags(write=False)
    assert tensor_repr(array).startswith("tensor([[1.5000,    nan],\n        [   inf, -0.0000]]")


def test_numbers_can_be_read_back() -> None:
    values = np.random.default_rng(0).standard_normal((4, 5)) * 1e3
    with printoptions(precision=17, sci_mode=True):
        text = tensor_repr(values, default_dtype="float64")
    assert np.array_equal(eval(text, {"tensor": np.array}), values)


def test_long_dimensions_are_not_walked() -> None:
    huge = np.broadcast_to(np.float32(1), (10**6, 10**6))
    assert tensor_repr(huge).count("1.") == 36


def test_suffixes_wrap_under_the_prefix() -> None:
    facts = ["grad_fn=<AVeryLongNameBackward0>", "requires_grad=True"]
    with printoptions(linewidth=40):
        lines = tensor_repr(np.float64(1), prefix="Mine(", suffixes=facts).split("\n")
    assert lines[0] == "Mine(1., dtype=torch.float64,"
    assert lines[1:] == ["     grad_fn=<AVeryLongNameBackward0>,", "     requires_grad=True)"]


def test_text_is_made_only_when_wanted() -> None:
    def never() -> str:
        raise AssertionError

    assert format_value(np.float32(0.5), ".2f", never) == "0.50"
    with pytest.raises(TypeError, match=r"unsupported format string passed to Tensor.__format__"):
        format_value(np.zeros(2), ".2f", never)


def test_negative_edgeitems_have_a_hint() -> None:
    with (
        printoptions(edgeitems=-1, threshold=0),
        pytest.raises(RuntimeError, match="Hint: edgeitems"),
    ):
        tensor_repr(np.zeros((2, 2)))


# ---- the module ----------------------------------------------------------------------------------


def test_docstring_examples() -> None:
    result = doctest.testmod(printing)
    assert result.attempted >= 10 and result.failed == 0


def test_imports_numpy_only() -> None:
    """Loaded alone it brings in nothing besides NumPy and the standard library."""
    code = (
        "import sys, importlib.util as u, numpy; seen = set(sys.modules);"
        f"s = u.spec_from_file_location('p', {str(Path(printing.__file__))!r});"
        "m = u.module_from_spec(s); sys.modules['p'] = m; s.loader.exec_module(m);"
        "print(*sorted({n.split('.')[0] for n in set(sys.modules) - seen}))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(out.stdout.split()) - {"p"} <= sys.stdlib_module_names
