"""Functions of bits, and truth."""

import numpy as np
from kernels.compiled_calls import SPECIAL
from kernels.compiled_calls.elementwise import _INTEGERS, _MASK, _WIDE, BINARY

CALLS = {
    **dict.fromkeys(("copysign", "hypot", "nextafter"), BINARY),
    "bitwise_not": [(_INTEGERS,), (_MASK,), (_INTEGERS.astype(np.int32),)],
    "all_equal": [
        _WIDE, (_WIDE[0], _WIDE[0].copy()), (SPECIAL, SPECIAL), (_MASK, _MASK), (_MASK, ~_MASK),
        (_INTEGERS, _INTEGERS), (_INTEGERS, -_INTEGERS), (np.zeros(3), -np.zeros(3)),
        (_MASK, _MASK[:5]),
    ],
    **{
        f"logical_{word}": [
            *BINARY[:4], (_INTEGERS, _INTEGERS % 3), (_MASK, _INTEGERS % 2 == 0),
            (_MASK, _INTEGERS),  # two dtypes: the twin
        ]
        for word in ("and", "or", "xor")
    },
}  # fmt: skip
EXACT = tuple(set(CALLS) - {"hypot"})
