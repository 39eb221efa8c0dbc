"""Parts of an optimizer's step, in place."""

import numpy as np
from kernels.compiled_calls import numbers


def _lists(arrays: int, count: int, scratch: bool = True) -> list:
    made = []
    for dtype in (np.float32, np.float64):
        for shape in ((7,), (1000,), (3, 0)):
            xs = [abs(numbers(*shape, seed=i)).astype(dtype) for i in range(arrays)]
            ns = [np.array(0.1 * (i + 1), dtype) for i in range(count)]
            made.append((*xs, *ns, *([np.zeros(shape, dtype)] if scratch else [])))
    return made


CALLS = {
    "mix": _lists(2, 2),
    "follow": _lists(2, 1),
    "follow_square": _lists(2, 2),
    "descend": _lists(2, 1, scratch=False) + _lists(2, 1),
    "adam": _lists(4, 5),
}
WRITES = {"mix": (0,), "follow": (0,), "follow_square": (0,), "descend": (0,), "adam": (0, 2, 3)}
TOLERANCE = dict.fromkeys(CALLS, 1e-5)
