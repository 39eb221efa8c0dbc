"""The generator: seed, state, 32-bit words and the uniforms made of them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from . import fills
from .checks import check_seed, fail
from .order import memory_axes
from .types import F32, F64, Array

if TYPE_CHECKING:
    from typing import Self

    from numpy.typing import NDArray


__all__ = ["DEFAULT_SEED", "STATE_BYTES", "Words"]


DEFAULT_SEED = 67280421310721
STATE_BYTES = 5056
_WORDS = 624
_DENSE = (F32, F64)  # dtypes that `into_<kind>` methods write

# The record PyTorch saves: 64-bit slots for 32-bit words, then both cached normal samples.
_STATE = np.dtype({
    "names": ["seed", "left", "seeded", "next", "key", "normal", "has_normal",
              "normal32", "has_normal32"],
    "formats": ["u8", "i4", "i4", "u8", ("u8", (_WORDS,)), "f8", "i4", "f4", "?"],
    "offsets": [0, 8, 12, 16, 24, 5024, 5040, 5048, 5052],
    "itemsize": STATE_BYTES,
})  # fmt: skip


class Words:
    """mt19937 with PyTorch's seeding and state layout: words, and uniforms of 24 or 53 bits."""

    __slots__ = ("_bits", "_fresh", "_normal", "_normal32", "_seed")

    def __init__(self, seed: int = DEFAULT_SEED) -> None:
        self._bits: Any = None  # NumPy's generator, unless nothing was drawn yet
        self._normal: float | None = None
        self._normal32: float | None = None  # PyTorch keeps it in its state, no CPU draw uses it
        self.manual_seed(seed)

    def manual_seed(self, seed: int) -> None:
        """Restart the sequence of `seed` and forget cached normal samples.

        Raises:
            RuntimeError: `seed` is not an integer.
            ValueError: `seed` is outside [-2**63, 2**64).
        """
        self._seed = check_seed(seed)
        self._normal = self._normal32 = None
        self._fresh = True  # nothing drawn: the state bytes tell it from a block just used up
        if self._bits is not None:
            self._bits._legacy_seeding(self._seed & 0xFFFFFFFF)

    def initial_seed(self) -> int:
        """The seed last set, in [0, 2**64)."""
        return self._seed

    def seed(self) -> int:
        """Reseed from the operating system's entropy and return the new seed."""
        self.manual_seed(int.from_bytes(os.urandom(8), "little"))
        return self._seed

    def clone(self) -> Self:
        """An independent engine in the same state."""
        other = type(self)()
        other.set_state(self.get_state())
        return other

    def get_state(self) -> NDArray[np.uint8]:
        """The state as 5056 bytes in PyTorch's layout (`torch.get_rng_state()`)."""
        inner: Any = self._generator().state["state"]
        position = 0 if self._fresh else int(inner["pos"])
        record = np.zeros(1, _STATE)
        record["seed"], record["seeded"], record["key"] = self._seed, 1, inner["key"]
        record["next"] = position
        record["left"] = 1 if self._fresh else _WORDS + 1 - position
        for name, value in (("normal", self._normal), ("normal32", self._normal32)):
            record[name], record["has_" + name] = value or 0.0, value is not None
        return record.view(np.uint8)

    def set_state(self, state: NDArray[np.uint8]) -> None:
        """Continue from a state saved here or by PyTorch.

        Raises:
            TypeError: not a uint8 array.
            RuntimeError: not contiguous, not 5056 bytes, or not a state.
        """
        if not isinstance(state, np.ndarray) or state.dtype != np.uint8:
            raise TypeError("RNG state must be a torch.ByteTensor")
        if not state.flags.c_contiguous:
            fail("RNG state must be contiguous")
        if state.size != STATE_BYTES:
            fail(
                f"Expected a CPUGeneratorImplState of size {STATE_BYTES} but found the input RNG "
                f"state size to be {state.size}"
            )
        record: Any = np.frombuffer(state.tobytes(), _STATE)[0]
        left, position = int(record["left"]), int(record["next"])
        if not (record["seeded"] and 0 < left <= _WORDS and position <= _WORDS):
            fail("Invalid mt19937 state")
        self._seed, self._fresh = int(record["seed"]), left == 1 and position == 0
        self._normal = float(record["normal"]) if record["has_normal"] else None
        self._normal32 = float(record["normal32"]) if record["has_normal32"] else None
        position = _WORDS if left == 1 else position
        key: NDArray[np.uint32] = record["key"].astype(np.uint32)
        state_of_numpy: Any = {"bit_generator": "MT19937", "state": {"key": key, "pos": position}}
        self._generator().state = state_of_numpy

    def _generator(self) -> Any:
        """NumPy's generator, made at the first use: importing `numpy.random` takes time."""
        if self._bits is None:
            from numpy.random import MT19937

            self._bits = MT19937(0)
            self._bits._legacy_seeding(self._seed & 0xFFFFFFFF)
        return self._bits

    def _drawn(self, n: int) -> Any:
        """The generator, from which n numbers are drawn: 0 as long as that may be refused."""
        if n:
            self._fresh = False
        return self._bits or self._generator()

    def _words(self, n: int) -> NDArray[np.uint64]:
        """The next n 32-bit words."""
        words: NDArray[np.uint64] = self._drawn(n).random_raw(n)
        return words

    def _words64(self, n: int) -> NDArray[np.uint64]:
        """n 64-bit words, each of two 32-bit ones, high word first."""
        return fills.words64(self._drawn(n), n)

    def _uniform53(self, n: int) -> Array:
        """n float64 multiples of 2**-53 in [0, 1): the low 53 bits of a 64-bit word each."""
        u = np.empty(n, F64)
        fills.uniform(self._drawn(n), u, 0.0, 1.0)
        return u

    def _double(self) -> float:
        """One float64 uniform as a Python float."""
        bits: Any = self._bits or self._generator()
        self._fresh = False
        high: int = bits.random_raw() & 0x1FFFFF
        low: int = bits.random_raw()
        return (high << 32 | low) * 2.0**-53

    def fill(self, out: Array, kind: str, *args: Any) -> None:
        """Draw `kind` (a method's name) into `out`, any strides, as PyTorch's in-place methods do.

        `engine.fill(x, "normal", 0.0, 0.02)` is `x.normal_(0.0, 0.02)`; the array `p` of
        "bernoulli" is broadcast to `out`.
        """
        if out.flags.c_contiguous:
            if out.dtype in _DENSE and (into := getattr(self, "into_" + kind, None)):
                into(out, *args)
            else:
                out[...] = getattr(self, kind)(out.shape, out.dtype, *args)
            return
        draw = getattr(self, kind)
        axes = memory_axes(out)
        view = out.transpose(axes)
        args = tuple(
            np.broadcast_to(a, out.shape).transpose(axes) if isinstance(a, np.ndarray) else a
            for a in args
        )
        if kind == "normal":
            args = (*args, *(0.0, 1.0)[len(args) :], False)
        view[...] = draw(view.shape, out.dtype, *args)
