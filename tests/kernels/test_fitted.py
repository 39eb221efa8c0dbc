"""The polynomials of the compiled kernels are those that the tool fits."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]


def _numbers(text: str) -> list[float]:
    return [float(found) for found in re.findall(r"(-?\d\.\d+e[+-]\d+)f", text)]


def test_the_header_is_what_the_tool_prints() -> None:
    tool = [sys.executable, str(ROOT / "tools" / "fit_polynomials.py")]
    printed = subprocess.run(tool, capture_output=True, text=True, check=True).stdout
    header = (ROOT / "src/chainrule/kernels/native/fitted.h").read_text()
    number = r"-?\d\.\d+e[+-]\d+"
    assert re.sub(number, "", printed) == re.sub(number, "", header)
    # other builds of LAPACK may round the last coefficients otherwise
    np.testing.assert_allclose(_numbers(printed), _numbers(header), rtol=1e-2)
    errors = [float(e) for e in re.findall(r"relative error (\S+) \*/", printed)]
    assert len(errors) == 7 and max(errors) < 6e-8  # half a unit in the last place
