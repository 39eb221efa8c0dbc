"""Random draws on plain ndarrays: the numbers PyTorch's CPU generator gives for the same seed.

What lives here: `engine` (seed, state bytes, 32-bit words), a file for each family of draws, whose
classes together make `MersenneTwister`, and below them `floats` and `box_muller`, the arithmetic
of PyTorch's kernels, so that results agree to the last bit.
Who may call: `ops/random`, and through it `nn.init`; nothing here knows of Tensors.
Where a value goes: `numpy.random.MT19937` gives 32-bit words (loaded at the first draw, never at
import) -> uniforms of 24 or 53 bits -> the distribution's transform -> the dtype asked for.
Every draw is `engine.kind(shape, dtype, *parameters)` and returns a C-contiguous ndarray;
`engine.fill(out, kind, *parameters)` writes to an array of any strides in PyTorch's visiting order.
Exact: float32 normals on all of their 2**24 inputs; float64 transforms call the C library's log,
log1p, sin, cos, tan, exp as PyTorch does. Not thread-safe: threads sharing an engine need a lock.
"""

from __future__ import annotations

from .choices import Choices
from .engine import DEFAULT_SEED, STATE_BYTES
from .floats import cast
from .integers import Integers
from .order import memory_order
from .others import Others
from .permutation import Permutation
from .types import F64

__all__ = ["DEFAULT_SEED", "F64", "STATE_BYTES", "MersenneTwister", "cast", "memory_order"]


class MersenneTwister(Others, Choices, Integers, Permutation):
    """mt19937 with PyTorch's seeding, state layout, caching and draws.

    Args:
        seed: any integer in [-2**63, 2**64). PyTorch's `torch.Generator()` starts at
            67280421310721, while its default generator starts at a nondeterministic `seed()`.

    Only the low 32 bits of a seed choose the sequence, as in PyTorch.

    Example:
        >>> MersenneTwister(0).rand((3,)).tolist()
        [0.49625658988952637, 0.7682217955589294, 0.08847743272781372]
    """

    __slots__ = ()
