"""Elements in other places."""

import numpy as np
from kernels.compiled_calls import numbers

V, M, CUBE, EMPTY = numbers(13), numbers(5, 7), numbers(3, 4, 5), np.zeros((0, 3), np.float32)
WIDE = numbers(70, 90)
ALL = (V, M, CUBE, WIDE, M.astype(float), np.arange(12).reshape(3, 4), EMPTY, M.astype(np.float16))
SEEN = [
    (M.T,),
    (CUBE.transpose(2, 0, 1),),
    (CUBE.transpose(1, 0, 2),),
    (WIDE.T,),
    (WIDE[::-1, ::-2],),
    (np.broadcast_to(V, (3, 13)),),
    (CUBE[:, 1:3, ::2],),
]

CALLS = {
    "contiguous": [*[(x,) for x in ALL], *SEEN],
    "flip": [(x, (0,)) for x in ALL]
    + [(M, (1,)), (M, (0, 1)), (CUBE, (1, 2)), (M.T, (0,)), (M, ())],
    "rot90": [
        (x, k, dims)
        for x in (M, WIDE, M.T, CUBE)
        for k in (0, 1, 2, 3, -1)
        for dims in ((0, 1), (1, 0))
    ]
    + [(CUBE, 1, (0, 2))],
    "roll": [(x, (s,), ()) for x in (V, M, CUBE) for s in (0, 3, -2, 100)]
    + [
        (M, (2,), (1,)),
        (M, (-1,), (0,)),
        (CUBE, (3,), (1,)),
        (M, (1, 2), (0, 1)),
        (EMPTY, (1,), (0,)),
    ],
    "tril": [(x, k) for x in (M, CUBE, WIDE, M.astype(float), EMPTY) for k in (0, 1, -2, 50, -50)],
    "triu": [(x, k) for x in (M, CUBE, WIDE, M.astype(float), EMPTY) for k in (0, 1, -2, 50, -50)],
    "diag_embed": [(V, k, 0, 1) for k in (0, 2, -3)] + [(M, 1, 1, 2), (V, 0, 1, 0)],
    "joined": [
        ([M, M], 0),
        ([M, M[:2]], 0),
        ([M, numbers(5, 1)], 1),
        ([CUBE, CUBE, CUBE], -1),
        ([V], 0),
        ([EMPTY, EMPTY], 1),
        ([M, M.astype(float)], 0),
    ],
    "stacked": [([M, M], d) for d in (0, 1, 2, -1)] + [([V, V, V], 1), ([EMPTY, EMPTY], 0)],
}
EXACT = tuple(CALLS)
