"""`torch.nn.attention.flex_attention`: attention whose scores a function of one's own changes.

What lives here: `flex_attention`, and masks given as functions of (batch, head, query, key), with
the table of blocks that they fill. Who may call: users. Everything is a composition: scores by one
matmul, the functions by four nested `vmap`s, softmax, one more matmul; so gradients of every order
reach queries, keys, values and what the functions close over.
Differs from PyTorch: gradients exist on a CPU (PyTorch refuses them there); all scores are
computed, also those of empty blocks; blocks that a mask built by `BlockMask.from_kv_blocks` does
not name are masked, as in PyTorch's compiled kernels.
"""

from __future__ import annotations

import inspect
import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from ... import dtypes
from ...core.tensor import Tensor
from ...core.vmap import vmap
from ...ops.fast import T
from .. import functional as F

__all__ = [
    "AuxOutput", "AuxRequest", "BlockMask", "and_masks", "create_block_mask", "create_mask",
    "flex_attention", "noop_mask", "or_masks",
]  # fmt: skip

MaskMod = Callable[..., Tensor]
_BLOCK = 128


class AuxRequest(NamedTuple):
    """What `flex_attention` is to return besides: log-sum-exps, largest scores."""

    lse: bool = False
    max_scores: bool = False


class AuxOutput(NamedTuple):
    """What was asked for; None for what was not."""

    lse: Tensor | None = None
    max_scores: Tensor | None = None


# ---------------------------------------------------------------- masks as functions


def noop_mask(batch: Tensor, head: Tensor, token_q: Tensor, token_kv: Tensor) -> Tensor:
    """True: every query sees every key."""
    return batch.new_ones((), dtype=dtypes.bool_)


def _combined(masks: tuple[MaskMod, ...], start: bool, join: str) -> MaskMod:
    if not all(callable(m) for m in masks):
        raise RuntimeError(f"All inputs should be callable mask_mods: {masks}")

    def combined(b: Tensor, h: Tensor, q: Tensor, kv: Tensor) -> Tensor:
        made = b.new_full((), start, dtype=dtypes.bool_)
        for mask in masks:
            made = getattr(made, join)(mask(b, h, q, kv))
        return made

    return combined


def and_masks(*mask_mods: MaskMod) -> MaskMod:
    """The mask where all of some masks are True.

    Raises:
        RuntimeError: one of them cannot be called.
    """
    return _combined(mask_mods, True, "__and__")


def or_masks(*mask_mods: MaskMod) -> MaskMod:
    """The mask where any of some masks is True.

    Raises:
        RuntimeError: one of them cannot be called.
    """
    return _combined(mask_mods, False, "__or__")


def _positional(f: Callable[..., Any]) -> int:
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(
        p.kind in kinds and p.default is p.empty for p in inspect.signature(f).parameters.values()
    )


def _everywhere(f: Callable[..., Tensor], sizes: Any, scores: Tensor | None = None) -> Tensor:
    """`f(score, b, h, q, kv)` at all places, (B, H, Q, KV); without scores `f(b, h, q, kv)`."""
    for i in reversed(range(4)):
        own: tuple[int | None, ...] = tuple(0 if j == i else None for j in range(4))
        f = vmap(f, in_dims=own if scores is None else (0, *own))
    places = [T.arange(n, dtype=dtypes.int32) for n in sizes]
    return f(*places) if scores is None else f(scores, *places)


def create_mask(
    mod_fn: Callable[..., Tensor],
    B: int | None,
    H: int | None,
    Q_LEN: int,
    KV_LEN: int,
    device: Any = None,
) -> Tensor:
    """The values of a mask, or where a function of scores leaves something to see.

    Args:
        mod_fn: (b, h, q, kv) -> bool, or (score, b, h, q, kv) -> score.
        B, H, Q_LEN, KV_LEN: sizes; None is 1.

    Returns:
        bool[B, H, Q_LEN, KV_LEN].

    Raises:
        AssertionError: a function of neither 4 nor 5 arguments.

    Example:
        >>> from chainrule.nn.attention.flex_attention import create_mask
        >>> create_mask(lambda b, h, q, kv: q >= kv, 1, 1, 2, 3)
        tensor([[[[ True, False, False],
                  [ True,  True, False]]]])
    """
    sizes = (B or 1, H or 1, Q_LEN, KV_LEN)
    count = _positional(mod_fn)
    if count == 4:
        return _everywhere(mod_fn, sizes).broadcast_to(sizes)
    if count == 5:
        scores = _everywhere(mod_fn, sizes, T.zeros(sizes)).broadcast_to(sizes)
        return scores != -math.inf
    raise AssertionError(f"Expected 4 or 5 positional args, got {count}")


# ---------------------------------------------------------------- blocks


def _ordered(dense: Tensor) -> tuple[Tensor, Tensor]:
    """How many blocks each row has, and the columns with those first."""
    dense = dense.to(dtypes.int32)
    columns = dense.argsort(dim=-1, descending=True, stable=True)
    return dense.sum(-1).to(dtypes.int32), columns.to(dtypes.int32)


def _dense(counts: Tensor, columns: Tensor) -> Tensor:
    """The way back: int32[..., rows, columns] of 0 and 1."""
    valid = T.arange(columns.shape[-1]) < counts.unsqueeze(-1)
    made = T.zeros(columns.shape, dtype=dtypes.int32)
    return made.scatter(-1, columns.to(dtypes.int64), valid.to(dtypes.int32))


def _pair(size: int | tuple[int, int]) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else size


class BlockMask:
    """A mask as a function, and the table of the blocks in which it is True somewhere.

    Attributes:
        mask_mod: (b, h, q, kv) -> bool.
        BLOCK_SIZE: rows and columns of a block.
        seq_lengths: numbers of queries and keys.
        kv_num_blocks, kv_indices: int32[B, H, rows], int32[B, H, rows, columns]: for every row of
            blocks how many are filled in part, and their columns, followed by all others.
        full_kv_num_blocks, full_kv_indices: the same for blocks that are True everywhere; None when
            these are among the former.
        q_num_blocks, q_indices, full_q_num_blocks, full_q_indices: the same by columns.
    """

    def __init__(
        self,
        seq_lengths: tuple[int, int],
        kv_num_blocks: Tensor,
        kv_indices: Tensor,
        full_kv_num_blocks: Tensor | None,
        full_kv_indices: Tensor | None,
        BLOCK_SIZE: tuple[int, int] = (_BLOCK, _BLOCK),
        mask_mod: MaskMod = noop_mask,
    ) -> None:
        self.seq_lengths, self.BLOCK_SIZE, self.mask_mod = seq_lengths, BLOCK_SIZE, mask_mod
        self.kv_num_blocks, self.kv_indices = kv_num_blocks, kv_indices
        self.full_kv_num_blocks, self.full_kv_indices = full_kv_num_blocks, full_kv_indices
        self.q_num_blocks, self.q_indices = _ordered(_dense(kv_num_blocks, kv_indices).mT)
        self.full_q_num_blocks: Tensor | None = None
        self.full_q_indices: Tensor | None = None
        if full_kv_num_blocks is not None and full_kv_indices is not None:
            by_column = _dense(full_kv_num_blocks, full_kv_indices).mT
            self.full_q_num_blocks, self.full_q_indices = _ordered(by_column)

    @classmethod
    def from_kv_blocks(
        cls,
        kv_num_blocks: Tensor,
        kv_indices: Tensor,
        full_kv_num_blocks: Tensor | None = None,
        full_kv_indices: Tensor | None = None,
        BLOCK_SIZE: int | tuple[int, int] = _BLOCK,
        mask_mod: MaskMod | None = None,
        seq_lengths: tuple[int, int] | None = None,
    ) -> BlockMask:
        """A mask from its table of blocks.

        Args:
            seq_lengths: by default whole blocks.

        Raises:
            RuntimeError: tables of less than two dimensions.
            AssertionError: only one of the two tables of full blocks.
        """
        if kv_indices.dim() < 2:
            raise RuntimeError("BlockMask must have at least 2 dimensions")
        if (full_kv_num_blocks is None) != (full_kv_indices is None):
            raise AssertionError(
                "full_kv_num_blocks and full_kv_indices must be both provided or omitted"
            )
        size = _pair(BLOCK_SIZE)
        rows, columns = kv_indices.shape[-2:]
        lengths = (rows * size[0], columns * size[1]) if seq_lengths is None else seq_lengths
        return cls(
            lengths,
            kv_num_blocks,
            kv_indices,
            full_kv_num_blocks,
            full_kv_indices,
            size,
            noop_mask if mask_mod is None else mask_mod,
        )

    @property
    def shape(self) -> tuple[int, ...]:
        """(B, H, queries, keys)."""
        return (*self.kv_num_blocks.shape[:-1], *self.seq_lengths)

    def numel(self) -> int:
        """How many elements the mask has."""
        return math.prod(self.shape)

    def to_dense(self) -> Tensor:
        """int32[B, H, rows of blocks, columns of blocks]: 1 where a block is not empty."""
        partial = _dense(self.kv_num_blocks, self.kv_indices)
        if self.full_kv_num_blocks is None or self.full_kv_indices is None:
            return partial
        return partial | _dense(self.full_kv_num_blocks, self.full_kv_indices)

    def sparsity(self) -> float:
        """The percentage of elements that lie in empty blocks (below 0 when blocks stick out)."""
        filled = int(self.kv_num_blocks.sum())
        if self.full_kv_num_blocks is not None:
            filled += int(self.full_kv_num_blocks.sum())
        return 100 * (1 - filled * math.prod(self.BLOCK_SIZE) / self.numel())

    def _parts(self) -> Any:
        return (
            self.kv_num_blocks,
            self.kv_indices,
            self.full_kv_num_blocks,
            self.full_kv_indices,
        )

    def _with(self, lengths: tuple[int, int], n: Any, i: Any, full_n: Any, full_i: Any) -> Any:
        return type(self)(lengths, n, i, full_n, full_i, self.BLOCK_SIZE, self.mask_mod)

    def __getitem__(self, index: Any) -> BlockMask:
        """The mask of some batches and heads; `mask_mod` still counts from 0."""
        index = index if isinstance(index, tuple) else (index,)
        slices = tuple(slice(i, i + 1 or None) if isinstance(i, int) else i for i in index)
        parts: Any = [None if t is None else t[slices] for t in self._parts()]
        return self._with(self.seq_lengths, *parts)

    def _adjust(self, new_q_len: int, new_kv_len: int) -> BlockMask:
        """The upper left part of the mask."""
        rows = -(-new_q_len // self.BLOCK_SIZE[0])
        columns = -(-new_kv_len // self.BLOCK_SIZE[1])
        cut = [
            _ordered(_dense(n, i)[..., :rows, :columns])
            for n, i in (self._parts()[:2], self._parts()[2:])
            if n is not None
        ]
        parts: Any = [t for pair in cut for t in pair] + [None] * (4 - 2 * len(cut))
        return self._with((new_q_len, new_kv_len), *parts)

    def to(self, device: Any) -> BlockMask:
        """The mask with its tables on a device; there is one here."""
        parts: Any = [None if t is None else t.to(device) for t in self._parts()]
        return self._with(self.seq_lengths, *parts)

    def to_string(self, grid_size: int | tuple[int, int] = (20, 20), limit: int = 4) -> str:
        """A picture for every batch and head: full, partly filled and empty cells.

        Args:
            grid_size: at most so many rows and columns; -1 for one cell a block.
            limit: pictures of the first so many.
        """
        dense = self.to_dense()
        places = list(itertools.product(*map(range, dense.shape[:-2])))
        shown = [f"{p}\n" + "".join(_picture(dense[p], grid_size)) for p in places[:limit]]
        if len(places) > limit:
            shown.append(
                "...\nTo print out more, set BlockMask.to_string(limit=N)\nYou can also index "
                "(BlockMask[batch, head]) to choose a specific batch or head\n"
            )
        return "\n".join(shown)

    def __str__(self) -> str:
        text = self.to_string()
        return f"BlockMask(shape={self.shape}, sparsity={self.sparsity():.2f}%, \n{text})"

    def __repr__(self) -> str:
        names = "kv_num_blocks kv_indices full_kv_num_blocks full_kv_indices q_num_blocks q_indices"
        lines = []
        for name in [*names.split(), "full_q_num_blocks", "full_q_indices"]:
            table = getattr(self, name)
            lines.append(f"    {name}={None if table is None else table.shape},\n")
        called = getattr(self.mask_mod, "__name__", repr(self.mask_mod))
        return (
            f"BlockMask(\n{''.join(lines)}    BLOCK_SIZE={self.BLOCK_SIZE},\n"
            f"    shape={self.shape},\n    sparsity={self.sparsity():.2f}%,\n"
            f"    mask_mod={called}\n)"
        )


def _picture(dense: Tensor, grid_size: int | tuple[int, int]) -> Iterator[str]:
    grid = tuple(dense.shape) if grid_size == -1 else _pair(grid_size)
    high, wide = (max(1, -(-n // g)) for n, g in zip(dense.shape, grid, strict=True))
    for top in range(0, dense.shape[0], high):
        for left in range(0, dense.shape[1], wide):
            share = float(dense[top : top + high, left : left + wide].to(dtypes.float32).mean())
            yield ("█" if share == 1 else "░" if share else " ") * 2
        yield "\n"


def create_block_mask(
    mask_mod: MaskMod,
    B: int | None,
    H: int | None,
    Q_LEN: int,
    KV_LEN: int,
    device: Any = None,
    BLOCK_SIZE: int | tuple[int, int] = _BLOCK,
    _compile: bool = False,
    separate_full_blocks: bool = True,
) -> BlockMask:
    """The blocks that a mask fills.

    Args:
        mask_mod: (b, h, q, kv) -> bool, of 0-d int32 tensors.
        B, H, Q_LEN, KV_LEN: sizes; None: the same for all batches (heads).
        BLOCK_SIZE: rows and columns of a block.
        separate_full_blocks: tell blocks that are True everywhere from others.

    Raises:
        AssertionError: `mask_mod` takes other arguments.

    Example:
        >>> from chainrule.nn.attention.flex_attention import create_block_mask
        >>> print(create_block_mask(lambda b, h, q, kv: q >= kv, 1, 1, 6, 6, BLOCK_SIZE=2))
        BlockMask(shape=(1, 1, 6, 6), sparsity=33.33%,
        (0, 0)
        ██
        ████
        ██████
        )
    """
    if _positional(mask_mod) == 5:
        raise AssertionError(f"create-block_mask requires a mask_mod function! Got {mask_mod}")
    mask = create_mask(mask_mod, B, H, Q_LEN, KV_LEN, device)
    high, wide = _pair(BLOCK_SIZE)
    padded = F.pad(mask, (0, -KV_LEN % wide, 0, -Q_LEN % high), value=False)
    blocks = padded.unflatten(-1, (-1, wide)).unflatten(-3, (-1, high))
    some, every = blocks.any(-1).any(-2), blocks.all(-1).all(-2)
    if not separate_full_blocks:
        full: tuple[Tensor | None, Tensor | None] = (None, None)
        partial = _ordered(some)
    else:
        full, partial = _ordered(every), _ordered(some & ~every)
    return BlockMask((Q_LEN, KV_LEN), *partial, *full, (high, wide), mask_mod)


# ---------------------------------------------------------------- attention


def flex_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    score_mod: Callable[..., Tensor] | None = None,
    block_mask: BlockMask | None = None,
    scale: float | None = None,
    enable_gqa: bool = False,
    return_lse: bool = False,
    kernel_options: Any = None,
    *,
    return_aux: AuxRequest | None = None,
) -> Any:
    """softmax(score_mod(query key^T scale)) value, over the keys that a mask shows.

    Args:
        query: (B, Hq, L, E). key: (B, H, S, E). value: (B, H, S, Ev); a floating dtype.
        score_mod: (score, b, h, q, kv) -> score, of 0-d tensors.
        block_mask: see `create_block_mask`; one batch or head stands for all.
        scale: default 1/sqrt(E).
        enable_gqa: heads of key and value serve Hq / H heads of query each.
        return_lse: also return the logarithm of the sum of exponentials of each row of scores.
        kernel_options: hints for PyTorch's compiled kernels; they change no result.
        return_aux: what else to return, in an AuxOutput.

    Returns:
        (B, Hq, L, Ev), zeros in rows that see nothing; with `return_lse` also float[B, Hq, L].

    Raises:
        ValueError: sizes that do not fit.
        NotImplementedError: other than 4 dimensions.

    Source: Dong et al., Flex Attention (2024), eq. 2.

    Example:
        >>> import chainrule as torch
        >>> from chainrule.nn.attention.flex_attention import flex_attention
        >>> q = torch.tensor([[[[1.0, 0.0], [0.0, 1.0]]]])
        >>> flex_attention(q, q, q, lambda s, b, h, i, j: torch.where(i >= j, s, -torch.inf))
        tensor([[[[1.0000, 0.0000],
                  [0.3302, 0.6698]]]])
    """
    _check(query, key, value, block_mask, enable_gqa)
    if return_lse and return_aux is not None:
        raise ValueError(
            "Cannot specify both return_lse and return_aux. return_lse is deprecated, please use "
            "return_aux=AuxRequest(lse=True) instead."
        )
    groups = query.shape[1] // key.shape[1]
    if groups > 1:
        key, value = (t.repeat_interleave(groups, 1) for t in (key, value))
    working = query.dtype if query.dtype.itemsize >= 4 else dtypes.float32
    factor = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    scores = (query.to(working) @ key.to(working).mT) * factor
    if score_mod is not None:
        scores = _everywhere(score_mod, scores.shape, scores).to(working)
    if block_mask is not None:
        scores = scores.masked_fill(~_visible(block_mask, scores.shape), -math.inf)
    unseen = (scores == -math.inf).all(-1, keepdim=True)
    weights = scores.masked_fill(unseen, 0.0).softmax(-1).masked_fill(unseen, 0.0)
    out = weights.to(query.dtype) @ value
    if not return_lse and return_aux is None:
        return out
    lse = scores.masked_fill(unseen, 0.0).logsumexp(-1).masked_fill(unseen[..., 0], -math.inf)
    if return_lse:
        return out, lse
    assert return_aux is not None
    highest = scores.amax(-1) if return_aux.max_scores else None
    return out, AuxOutput(lse if return_aux.lse else None, highest)


def _visible(mask: BlockMask, sizes: Any) -> Tensor:
    """bool, broadcasts to `sizes`: the function where blocks are not empty."""
    high, wide = mask.BLOCK_SIZE
    blocks = mask.to_dense().to(dtypes.bool_)
    blocks = blocks.repeat_interleave(high, -2).repeat_interleave(wide, -1)
    return blocks[..., : sizes[-2], : sizes[-1]] & _everywhere(mask.mask_mod, sizes)


def _check(q: Tensor, k: Tensor, v: Tensor, mask: BlockMask | None, gqa: bool) -> None:
    if not q.dim() == k.dim() == v.dim() == 4:
        raise NotImplementedError(
            "NYI: query, key, and value must be 4D tensors\n"
            f"shapes: {tuple(q.shape)}, {tuple(k.shape)}, {tuple(v.shape)}\n"
            "Hint: (batch, heads, length, width)"
        )
    heads, own = q.shape[1], k.shape[1]
    if heads != own and not gqa:
        raise ValueError(
            "Expect query and key/value to have the same number of heads but got "
            f"Hq={heads} and Hkv={own}. Try setting enable_gqa=True for GQA."
        )
    if heads % own:
        raise ValueError(
            "Expect number of query heads to be a multiple of kv heads for GQA but got "
            f"Hq={heads} and Hkv={own}."
        )
    if q.shape[0] != k.shape[0]:
        _check_batches(q.shape[0], k.shape[0], mask)
    if q.shape[-1] != k.shape[-1]:
        raise ValueError(
            "Expect query and key/value to have the same embedding dimension but got "
            f"E={q.shape[-1]} and E={k.shape[-1]}."
        )
    if mask is not None:
        _check_mask(mask, q.shape[-2], k.shape[-2])


def _check_batches(queries: int, keys: int, mask: BlockMask | None) -> None:
    if mask is None:
        raise ValueError(
            "Expect query and key/value to have the same batch size, or non-none block_mask, but "
            f"got block_mask=None, Bq={queries}, and Bkv={keys}."
        )
    own = mask.kv_num_blocks.shape[0]
    if own != queries:
        raise ValueError(
            "Expect query and key/value to have the same batch size, or block_mask and query to "
            f"have the same batch size, but got Bq={queries}, Bkv={keys}, B_block_mask={own}."
        )


def _check_mask(mask: BlockMask, rows: int, columns: int) -> None:
    if (rows, columns) == tuple(mask.seq_lengths):
        return
    start = (
        f"block_mask was created for block_mask.shape={mask.shape} but got q_len={rows} and "
        f"kv_len={columns}. "
    )
    if rows <= mask.seq_lengths[0] and columns <= mask.seq_lengths[1]:
        raise ValueError(
            start + "As the block mask was created for a larger length than you're using it for, "
            "you can either 1. create a new block mask with the correct length, or 2. 'adjust' the "
            "existing block mask to the correct length by calling block_mask._adjust(q_len, "
            "kv_len). This essentially 'crops' the block mask to the upper left corner, which does "
            "not work for all mask_mods!"
        )
    raise ValueError(
        start + "As the block mask was created for a smaller length than you're using it for, you "
        "likely need to create a new block mask."
    )
