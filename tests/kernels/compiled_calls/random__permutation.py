"""Permutations: both leave the same, and the same state."""

import numpy as np
from numpy.random import MT19937

CALLS = {"shuffle": [(MT19937(n), np.zeros(n, np.int64)) for n in (0, 1, 2, 10, 64, 65, 624, 3000)]}
EXACT = tuple(CALLS)
WRITES = {"shuffle": (0, 1)}
