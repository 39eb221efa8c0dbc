"""Scaled dot-product attention on arrays: softmax(q k^T scale + mask) v, and its vjp.

The heads (all leading axes) are taken some at a time, so that their scores stay in the cache; the
probabilities are computed again for the vjp, so nothing of their size is kept. A row that is masked
out altogether gives zeros. Where |q| |k| bounds the scores well below the overflow of exp, the
maximum of every row is not needed: with or without it the quotient is the same.
Source: Vaswani et al., Attention Is All You Need (2017), eq. 1.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .blas import products
from .compiled import compiled

__all__ = ["attention", "attention_backward", "causal_mask", "safe_softmax"]

Array = Any
_CHUNK = 1 << 16  # scores taken at a time
_SAFE = 40.0  # exp of this, times any number of columns, fits into single precision


def safe_softmax(x: Array, dim: int) -> Array:
    """e^x over its sum along `dim`; zeros where all are -inf."""
    top = x.max(dim, keepdims=True) if x.shape[dim] else x.sum(dim, keepdims=True)
    e = np.exp(x - np.where(top == -np.inf, top.dtype.type(0), top))
    total = e.sum(dim, keepdims=True)
    return e / np.where(total == 0, total.dtype.type(1), total)


_MASKS: dict[Any, Array] = {}
_ONES: dict[Any, Array] = {}


def causal_mask(rows: int, columns: int, dtype: Any) -> Array:
    """0 up to the diagonal, -inf behind it; read only."""
    made = _MASKS.get((rows, columns, dtype))
    if made is None:
        made = np.triu(np.full((rows, columns), -np.inf, dtype), 1)
        made.flags.writeable = False
        if len(_MASKS) > 32:
            _MASKS.clear()
        _MASKS[rows, columns, dtype] = made
    return made


def _ones(n: int, dtype: Any) -> Array:
    made = _ONES.get((n, dtype))
    if made is None:
        if len(_ONES) > 256:
            _ONES.clear()
        made = _ONES[n, dtype] = np.ones(n, dtype)
    return made


class _Scores:
    """The probabilities of some heads at a time.

    Attributes:
        q, k: (heads, rows, width), (heads, columns, width), q scaled.
        mask: added to the scores; None, one for all heads or one for each.
        bounded: whether exp cannot overflow.
        room: memory for the scores of a chunk and as many other numbers.
    """

    def __init__(self, q: Array, k: Array, mask: Array, scale: float) -> None:
        lead, rows, width = q.shape[:-2], q.shape[-2], q.shape[-1]
        columns = k.shape[-2]
        self.q = (q * q.dtype.type(scale)).reshape(math.prod(lead), rows, width)
        self.k = k.reshape(self.q.shape[0], columns, width)
        self.mask = self._added(mask, lead)
        self.bounded = self._is_bounded(mask)
        self.ones = _ones(columns, q.dtype)
        self.step = max(_CHUNK // max(rows * columns, 1), 1)
        self.room = np.empty((2, min(self.step, len(self.q)), rows, columns), q.dtype)
        self.chunks = [slice(i, i + self.step) for i in range(0, len(self.q), self.step)]

    @staticmethod
    def _added(mask: Array, lead: tuple[int, ...]) -> Array:
        if mask is None:
            return None
        if mask.ndim < 2:
            mask = mask.reshape(*(1,) * (2 - mask.ndim), *mask.shape)
        own = mask.shape[-2:]
        if math.prod(mask.shape[:-2]) == 1:
            return mask.reshape(own)
        return np.broadcast_to(mask, (*lead, *own)).reshape(math.prod(lead), *own)

    def _is_bounded(self, mask: Array) -> bool:
        q, k = self.q, self.k
        top = math.sqrt(float(np.vecdot(q, q).max()) * float(np.vecdot(k, k).max()))
        if mask is None or not top <= _SAFE or _MASKS.get((*mask.shape, mask.dtype)) is mask:
            return top <= _SAFE
        finite = mask[mask > -np.inf]
        return top + float(abs(finite).max(initial=0)) <= _SAFE

    def of(self, chunk: slice) -> Array:
        """The probabilities of some heads."""
        q = self.q[chunk]
        s = products(q, self.k[chunk].swapaxes(1, 2), self.room[0, : len(q)])
        if self.mask is not None:
            s += self.mask if self.mask.ndim == 2 else self.mask[chunk]
        if not self.bounded:
            top = s.max(-1, keepdims=True)
            s -= np.where(top == -np.inf, top.dtype.type(0), top)
        np.exp(s, out=s)
        total = products(s, self.ones)
        total[total == 0] = 1
        s *= (1 / total)[..., None]
        return s


@compiled
def attention(q: Array, k: Array, v: Array, mask: Array, scale: float = 1.0) -> Array:
    """softmax(q k^T scale + mask) v; leading axes are heads."""
    out = np.empty((*q.shape[:-1], v.shape[-1]), q.dtype)
    if not k.shape[-2]:
        out[...] = 0
        return out
    if not out.size:
        return out
    scores = _Scores(q, k, mask, scale)
    heads = len(scores.q)
    values = v.reshape(heads, *v.shape[-2:])
    flat = out.reshape(heads, *out.shape[-2:])
    for chunk in scores.chunks:
        products(scores.of(chunk), values[chunk], flat[chunk])
    return out


@compiled
def attention_backward(
    g: Array, q: Array, k: Array, v: Array, mask: Array, scale: float = 1.0
) -> tuple[Array, Array, Array]:
    """The cotangents of q, k and v."""
    gq, gk, gv = np.empty(q.shape, q.dtype), np.empty(k.shape, k.dtype), np.empty(v.shape, v.dtype)
    if not g.size or not k.shape[-2]:
        gq[...], gk[...], gv[...] = 0, 0, 0
        return gq, gk, gv
    scores = _Scores(q, k, mask, scale)
    heads = len(scores.q)
    g, v, to_q, to_k, to_v = (t.reshape(heads, *t.shape[-2:]) for t in (g, v, gq, gk, gv))
    for chunk in scores.chunks:
        p = scores.of(chunk)
        products(p.swapaxes(1, 2), g[chunk], to_v[chunk])
        d = products(g[chunk], v[chunk].swapaxes(1, 2), scores.room[1, : len(p)])
        d -= np.vecdot(p, d)[..., None]
        d *= p
        products(d, scores.k[chunk], to_q[chunk])
        products(d.swapaxes(1, 2), scores.q[chunk], to_k[chunk])  # q is scaled already
    gq *= q.dtype.type(scale)
    return gq, gk, gv
