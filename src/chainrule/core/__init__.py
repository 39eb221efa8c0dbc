"""The machine: tensors, the tape, the one backward walk, and how an op is declared.

What lives here: `tensor` (data and flags), `node` (the tape), `record` (how a rule is read),
`primitive` (the registry and the call paths), `declare` (the kinds of ops), `views` (in-place and
views), `engine` (backward), `interpreter` (the stack of those who see every op), `printing`.
Nothing here knows an op by name, except the few that the machine itself needs through `xp` (sum,
reshape, expand, conj, zeros, to_dtype, as_strided, copy_slices).
Who may call: `ops` and every room to its right; users see it through `chainrule`.
The way of a value: `x.sin()` -> `primitive` -> kernel -> a node; `backward()` -> `engine` -> rule
-> kernels.
"""

from . import engine

__all__ = ["engine"]
