"""Sequences of several lengths: padded to one tensor, or packed without padding."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from ... import dtypes
from ...core.tensor import Tensor
from ...ops.make.create import arange, full
from ...ops.make.from_data import tensor
from ...ops.reduce.sort import sort
from ...ops.shape.join import cat

__all__ = [
    "PackedSequence",
    "invert_permutation",
    "pack_padded_sequence",
    "pack_sequence",
    "pad_packed_sequence",
    "pad_sequence",
    "unpack_sequence",
    "unpad_sequence",
]

_Fields = namedtuple(  # type: ignore[name-match]  # the name that is printed
    "PackedSequence", ["data", "batch_sizes", "sorted_indices", "unsorted_indices"]
)


class PackedSequence(_Fields):
    """Sequences of several lengths, step by step, without padding.

    Made by `pack_padded_sequence`; recurrent layers take and return it.

    Attributes:
        data: the elements of step 0 of all sequences, then of step 1, ...: (elements, features).
        batch_sizes: how many sequences have each step.
        sorted_indices: the order by length. unsorted_indices: its inverse. None if they were
            sorted.

    Example:
        >>> import chainrule as torch
        >>> from chainrule.nn.utils.rnn import pack_sequence
        >>> pack_sequence([torch.tensor([1, 2, 3]), torch.tensor([4])]).data
        tensor([1, 4, 2, 3])
    """

    __slots__ = ()

    def __new__(
        cls,
        data: Any,
        batch_sizes: Any = None,
        sorted_indices: Any = None,
        unsorted_indices: Any = None,
    ) -> Any:
        """The parts, the inverse order made if it is missing."""
        if batch_sizes is None and isinstance(data, (tuple, list)) and len(data) == 2:
            data, batch_sizes = data
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def to(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """The data in another dtype."""
        data = self.data.to(*args, **kwargs)
        return self if data is self.data else self._with(data)

    def _with(self, data: Any) -> PackedSequence:
        made: PackedSequence = type(self)(
            data, self.batch_sizes, self.sorted_indices, self.unsorted_indices
        )
        return made

    def cpu(self) -> PackedSequence:
        """Itself: it is on the CPU."""
        return self

    def cuda(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """Refused: there is no CUDA here."""
        raise AssertionError("Torch not compiled with CUDA enabled")

    def pin_memory(self) -> PackedSequence:
        """Itself: there is no device to copy to."""
        return self

    def double(self) -> PackedSequence:
        """The data as float64."""
        return self.to(dtypes.float64)

    def float(self) -> PackedSequence:
        """The data as float32."""
        return self.to(dtypes.float32)

    def half(self) -> PackedSequence:
        """The data as float16."""
        return self.to(dtypes.float16)

    def long(self) -> PackedSequence:
        """The data as int64."""
        return self.to(dtypes.int64)

    def int(self) -> PackedSequence:
        """The data as int32."""
        return self.to(dtypes.int32)

    @property
    def is_cuda(self) -> bool:
        """False."""
        return False

    def is_pinned(self) -> bool:
        """False."""
        return False


def invert_permutation(permutation: Any) -> Any:
    """The permutation that undoes another; None for None.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.utils.rnn.invert_permutation(torch.tensor([2, 0, 1]))
        tensor([1, 2, 0])
    """
    if permutation is None:
        return None
    made = permutation.new_empty(permutation.shape)
    made[permutation] = arange(permutation.numel())
    return made


def pack_padded_sequence(
    input: Any, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Padded sequences as a `PackedSequence`.

    Args:
        input: (L, N, ...), or (N, L, ...) if batch_first.
        lengths: of the sequences.
        enforce_sorted: they are sorted by length already, the longest first.

    Raises:
        RuntimeError: lengths that are not sorted, or not positive.

    Example:
        >>> import chainrule as torch
        >>> from chainrule.nn.utils.rnn import pack_padded_sequence
        >>> x = torch.tensor([[1, 2], [3, 0]])
        >>> pack_padded_sequence(x, [2, 1], batch_first=True).batch_sizes
        tensor([2, 1])
    """
    if not isinstance(lengths, Tensor):
        lengths = tensor(list(lengths), dtype=dtypes.int64)
    order = None
    if not enforce_sorted:
        lengths, order = sort(lengths, descending=True)
        input = input.index_select(0 if batch_first else 1, order)
    if batch_first:
        input = input.transpose(0, 1)
    sizes = [int(n) for n in lengths.tolist()]
    _check_lengths(input, sizes)
    steps = [sum(n > t for n in sizes) for t in range(sizes[0])]
    data = cat([input[t, :n] for t, n in enumerate(steps)], 0)
    return PackedSequence(data, tensor(steps, dtype=dtypes.int64), order)


def _check_lengths(input: Any, sizes: list[int]) -> None:
    if len(sizes) != input.shape[1]:
        raise RuntimeError(
            f"Expected `len(lengths)` to be equal to batch_size, but got {len(sizes)} "
            f"(batch_size={input.shape[1]})"
        )
    if input.numel() == 0:
        raise RuntimeError("Cannot pack empty tensors.")
    if any(a < b for a, b in pairwise(sizes)):
        raise RuntimeError(
            "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. "
            "You can pass `enforce_sorted=False` to pack_padded_sequence and/or pack_sequence to "
            "sidestep this requirement if you do not need ONNX exportability."
        )
    if sizes[-1] <= 0:
        raise RuntimeError(
            "Length of all samples has to be greater than 0, but found an element in 'lengths' "
            "that is <= 0"
        )
    if sizes[0] > input.shape[0]:
        raise RuntimeError(
            f"Expected `len(lengths)` to be at most the length of the input\n"
            f"longest: {sizes[0]}, input: {input.shape[0]}"
        )


def pad_packed_sequence(
    sequence: PackedSequence,
    batch_first: bool = False,
    padding_value: float = 0.0,
    total_length: int | None = None,
) -> tuple[Any, Any]:
    """A `PackedSequence` as padded sequences: (tensor, lengths).

    Args:
        sequence: what is packed.
        batch_first: (N, L, ...) instead of (L, N, ...).
        padding_value: what stands behind the shorter ones.
        total_length: L, if larger than the longest.

    Example:
        >>> import chainrule as torch
        >>> from chainrule.nn.utils.rnn import pack_sequence, pad_packed_sequence
        >>> packed = pack_sequence([torch.tensor([1, 2]), torch.tensor([3])])
        >>> pad_packed_sequence(packed, batch_first=True)
        (tensor([[1, 2],
                [3, 0]]), tensor([2, 1]))
    """
    data, batch_sizes, _, unsorted = sequence
    steps = batch_sizes.tolist()
    longest = len(steps)
    if total_length is not None:
        if total_length < longest:
            raise ValueError(
                "Expected total_length to be at least the length of the longest sequence in "
                f"input, but got total_length={total_length} and max sequence length being "
                f"{longest}"
            )
        longest = total_length
    n, rest = steps[0], tuple(data.shape[1:])
    parts, start = [], 0
    for rows in steps:
        part = data[start : start + rows]
        start += rows
        if rows < n:
            filler = full((n - rows, *rest), padding_value, dtype=data.dtype)
            part = cat([part, filler], 0)
        parts.append(part)
    parts += [full((n, *rest), padding_value, dtype=data.dtype)] * (longest - len(steps))
    padded = cat(parts, 0).reshape(longest, n, *rest)
    lengths = tensor([sum(rows > i for rows in steps) for i in range(n)], dtype=dtypes.int64)
    if batch_first:
        padded = padded.transpose(0, 1)
    if unsorted is not None:
        padded = padded.index_select(0 if batch_first else 1, unsorted)
        lengths = lengths[unsorted]
    return padded, lengths


def pad_sequence(
    sequences: Any,
    batch_first: bool = False,
    padding_value: float = 0.0,
    padding_side: str = "right",
) -> Any:
    """Sequences of several lengths as one tensor.

    Args:
        sequences: tensors (length, ...).
        batch_first: (N, L, ...) instead of (L, N, ...).
        padding_value: what fills the shorter ones.
        padding_side: "right" or "left".

    Example:
        >>> import chainrule as torch
        >>> from chainrule.nn.utils.rnn import pad_sequence
        >>> pad_sequence([torch.tensor([1, 2]), torch.tensor([3])], batch_first=True)
        tensor([[1, 2],
                [3, 0]])
    """
    if not isinstance(sequences, Iterable):
        raise RuntimeError(
            "pad_sequence: Expected iterable for input sequences, but got arg of type: "
            f"{type(sequences)}"
        )
    if padding_side not in ("left", "right"):
        raise RuntimeError(
            "Expected padding_side to be one of left or right, but got " + str(padding_side) + "."
        )
    each = list(sequences.unbind(0)) if isinstance(sequences, Tensor) else list(sequences)
    if not each:
        raise RuntimeError("received an empty list of sequences")
    longest = max(t.shape[0] for t in each)
    parts = []
    for t in each:
        if t.shape[0] < longest:
            shape = (longest - t.shape[0], *t.shape[1:])
            filler = full(shape, padding_value, dtype=t.dtype)
            t = cat([t, filler] if padding_side == "right" else [filler, t], 0)
        parts.append(t.unsqueeze(0 if batch_first else 1))
    return cat(parts, 0 if batch_first else 1)


def unpad_sequence(padded_sequences: Any, lengths: Any, batch_first: bool = False) -> list[Any]:
    """The sequences that were padded.

    Example:
        >>> import chainrule as torch
        >>> from chainrule.nn.utils.rnn import unpad_sequence
        >>> unpad_sequence(torch.tensor([[1, 3], [2, 0]]), torch.tensor([2, 1]))
        [tensor([1, 2]), tensor([3])]
    """
    if not batch_first:
        padded_sequences = padded_sequences.transpose(0, 1)
    at = arange(padded_sequences.shape[1])
    return [row[at < n] for row, n in zip(padded_sequences, lengths, strict=True)]


def pack_sequence(sequences: Sequence[Any], enforce_sorted: bool = True) -> PackedSequence:
    """Sequences of several lengths as a `PackedSequence`.

    Args:
        sequences: tensors (length, ...).
        enforce_sorted: the longest comes first already.

    Example:
        >>> import chainrule as torch
        >>> from chainrule.nn.utils.rnn import pack_sequence
        >>> pack_sequence([torch.tensor([1, 2, 3]), torch.tensor([4])]).batch_sizes
        tensor([2, 1, 1])
    """
    lengths = tensor([t.shape[0] for t in sequences], dtype=dtypes.int64)
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Any]:
    """The sequences that were packed.

    Example:
        >>> import chainrule as torch
        >>> from chainrule.nn.utils.rnn import pack_sequence, unpack_sequence
        >>> unpack_sequence(pack_sequence([torch.tensor([1, 2]), torch.tensor([3])]))
        [tensor([1, 2]), tensor([3])]
    """
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)
