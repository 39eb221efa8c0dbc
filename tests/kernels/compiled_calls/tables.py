"""Special functions."""

import numpy as np
from kernels.compiled_calls import SPECIAL, numbers

_REALS = [
    (numbers(7),), (numbers(5, 33),), (numbers(1000, low=-12, high=12),), (SPECIAL,),
    (numbers(300, low=-60, high=60),),
]  # fmt: skip
_POSITIVE = [
    (numbers(7, low=0.1, high=3),), (numbers(1000, low=0.3, high=30),), (SPECIAL,),
    (numbers(300, low=0, high=0.3),), (numbers(300, low=30, high=90),),
]  # fmt: skip
_EDGES = np.array([0, -0.0, 1, -1, 0.5, np.inf, -np.inf, np.nan, 1e-30, 1e30, 40, 300], np.float32)
_A, _X = (np.ascontiguousarray(v) for v in np.meshgrid(_EDGES, _EDGES))
_PAIRS = [
    (numbers(1000, low=0.2, high=3), numbers(1000, low=0.2, high=3, seed=1)),
    (numbers(1000, low=0.02, high=40), numbers(1000, low=0, high=60, seed=1)),
    (numbers(3, 5, low=0.2, high=3), numbers(5, low=0.2, high=3, seed=1)),
    (_A, _X),
]

_USUAL = SPECIAL[~(np.isfinite(SPECIAL) & (np.abs(SPECIAL) > 1e4))]  # waves without a phase

CALLS = {
    **dict.fromkeys(("i0", "i0e", "i1", "i1e", "erfcx", "log_ndtr"), _REALS),
    **{key: [*_REALS[:3], (_USUAL,), _REALS[4]] for key in ("bessel_j0", "bessel_j1", "airy_ai")},
    **dict.fromkeys(("k0", "k1", "k0e", "k1e"), _POSITIVE),
    **{key: [*_POSITIVE[:2], (_USUAL,), *_POSITIVE[3:]] for key in ("bessel_y0", "bessel_y1")},
    **{key: [*_REALS, *_POSITIVE] for key in ("lgamma", "digamma")},
    "polygamma": [(a, n) for (a,) in _POSITIVE for n in (1, 2, 5, 0)],
    "ndtri": [(numbers(1000, low=0, high=1),), (SPECIAL,), (numbers(50, low=0, high=1e-3),)],
    "zeta": [
        (numbers(1000, low=1.1, high=12), numbers(1000, low=0.1, high=40, seed=1)), (_A, _X),
    ],
    "spherical_bessel_j0": [*_REALS, (numbers(99, low=-2e6, high=2e6),)],
    "igamma": _PAIRS,
    "igammac": _PAIRS,
}  # fmt: skip
# near the zeros of the oscillating ones, and where SciPy computes in float32
TOLERANCE = dict.fromkeys(CALLS, 3e-6) | dict.fromkeys(
    ("bessel_j0", "bessel_j1", "bessel_y0", "bessel_y1", "airy_ai", "lgamma", "digamma"), 1e-4
)
