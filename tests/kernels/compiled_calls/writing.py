"""Into memory that is there already."""

import numpy as np
from kernels.compiled_calls import numbers
from kernels.compiled_calls.elementwise import _INTEGERS, _MASK, _WIDE, BINARY

_OPERATIONS = ("add_into", "subtract_into", "multiply_into", "divide_into")
_INTO = [(*pair, np.empty_like(pair[0])) for pair in BINARY[:3]]

CALLS = {
    "clear": [(numbers(5, 33),), (_INTEGERS,), (_MASK,)],
    "overwrite": [_WIDE, (numbers(5, 3), numbers(3)), (_INTEGERS, -_INTEGERS)],
    **{key: [*_INTO, (numbers(5, 3), numbers(3), numbers(5, 3))] for key in _OPERATIONS},
}
EXACT = tuple(CALLS)
WRITES = {"clear": (0,), "overwrite": (0,)} | dict.fromkeys(_OPERATIONS, (2,))
