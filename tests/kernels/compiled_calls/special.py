"""erf, its complement and its inverse."""

import numpy as np
from kernels.compiled_calls import UNARY, numbers

CALLS = {
    "erf": UNARY,
    "erfc": [*UNARY, (numbers(1000, low=4.0, high=11.0),)],
    "erfinv": [
        (numbers(1000, low=-1.0, high=1.0),),
        (numbers(3, 5, low=-1e-3, high=1e-3),),
        (np.float32([0.0, -0.0, 1.0, -1.0, 1.5, -2.0, np.inf, np.nan, 1e-45, 0.99999994]),),
    ],
}
