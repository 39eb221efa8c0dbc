"""Into memory that is there already: zeros, copies, and the four operations.

Called by the in-place methods of `ops/make/misc.py` and `ops/math/arithmetic.py`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .compiled import compiled, compiled_as

__all__ = ["add_into", "clear", "divide_into", "multiply_into", "overwrite", "subtract_into"]

Array = Any


@compiled
def clear(x: Array) -> None:
    """Zeros into the memory of x."""
    x.fill(0)


@compiled
def overwrite(a: Array, b: Array) -> None:
    """The elements of b into the memory of a."""
    a[...] = b


# name(x, y, to), as NumPy's ufuncs
add_into = compiled_as("writing.add_into", np.add)
subtract_into = compiled_as("writing.subtract_into", np.subtract)
multiply_into = compiled_as("writing.multiply_into", np.multiply)
divide_into = compiled_as("writing.divide_into", np.divide)
