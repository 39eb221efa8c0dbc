"""Views: the same memory under other shapes and strides."""

import numpy as np
from kernels.compiled_calls import numbers

V, M, CUBE, EMPTY = numbers(12), numbers(3, 4), numbers(2, 3, 4), np.zeros((0, 3), np.float32)
INTS = np.arange(12).reshape(3, 4)

CALLS = {
    "reshaped": [
        (x, sizes)
        for x in (V, M, INTS)
        for sizes in (
            (-1,),
            (2, 6),
            ((3, -1),),
            (12, 1, 1),
            ([4, 3],),
            (5, -1),
            (-1, -1),
            (7,),
            ("a",),
            (-2,),
        )
    ]
    + [(EMPTY, (0, 5)), (EMPTY, (-1,)), (EMPTY, (-1, 3))],
    "expand": [
        (V, (3, 12)),
        (V, (3, -1)),
        (V, (12,)),
        (M[:, :1], (3, 5)),
        (M[:, :1], (2, 3, 5)),
        (M[:1], (6, 4)),
        (M[:1], (0, 4)),
        (INTS, (2, 3, 4)),
    ],
    "select": [(M, 0, 1), (M, 1, 3), (CUBE, 1, 2), (INTS, 0, -1), (V, 0, 3)],
    "unbind": [(M, 0), (M, 1), (CUBE, 1), (V, 0), (EMPTY, 1)],
    "part": [
        (V, 0, 2, 9, 1),
        (V, 0, 2, 9, 3),
        (M, 1, 1, 4, 2),
        (CUBE, 1, 0, 0, 1),
        (EMPTY, 1, 1, 2, 1),
    ],
    "pieces": [(V, (5, 7), 0), (M, (1, 3), 1), (CUBE, (1, 0, 2), 1), (V, (20,), 0)],
    "unfolded": [(V, 0, 4, 2), (M, 1, 2, 1), (CUBE, 1, 3, 1), (M, 0, 1, 5)],
    "strided": [
        (V, (3, 4), (4, 1), 0),
        (V, (5, 3), (2, 1), 2),
        (V, (3, 2), (0, 1), 0),
        (V, (4, 4), (4, 1), 0),
        (M, (2, 2), (1, 4), 5),
        (M, (2,), (1,), -1),
        (M, (2, 0), (1, 1), 0),
        (M, (), (), 3),
    ],
    "diagonal": [(M, k, a, b) for k in (0, 1, -1, 3, 9, -9) for a, b in ((0, 1), (1, 0))]
    + [(CUBE, 1, 0, 2), (CUBE, 0, 1, 2), (INTS, 0, 0, 1)],
}
EXACT = tuple(CALLS)
DENSE = ("reshaped", "strided")  # others get None, or other elements
