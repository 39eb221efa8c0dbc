"""softmax, log_softmax and their derivatives."""

import numpy as np
from kernels.compiled_calls import SPECIAL, numbers
from kernels.compiled_calls.reduce import ALONG, ODD

WITHOUT_NAN = SPECIAL[~np.isnan(SPECIAL)]
ODD_ALONG = [(ODD, 0), (ODD, 1), (WITHOUT_NAN[:-4] * np.float32(0.5), 0)]
BACK = [(numbers(*x.shape, seed=1), np.abs(x) / 4, d) for x, d in ALONG]
BACK.append((np.broadcast_to(numbers(1, seed=2), (3, 4)), numbers(3, 4), 1))

CALLS = {
    "softmax": [*ALONG, *ODD_ALONG],
    "log_softmax": [*ALONG, *ODD_ALONG],
    "softmax_back": BACK,
    "log_softmax_back": BACK,
}
TOLERANCE = dict.fromkeys(CALLS, 3e-6)  # the twins sum in single precision
CANCELS = ("log_softmax", "softmax_back", "log_softmax_back")
