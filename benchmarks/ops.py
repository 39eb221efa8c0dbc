"""Every op against PyTorch eager: how long chainrule takes for each microsecond of PyTorch.

    python benchmarks/ops.py [--only REGEX] [--sizes 10,1000,100000,1000000] [--rounds N]
        [--seconds S] [--peer PYTHON] [--core N] [--worst N] [--json FILE] [--uncovered]

Two processes pinned to one core, one thread each, are asked in turn for many short timings of the
same line of code on the same numbers; a ratio is the smallest CPU time of one over the smallest of
the other, which a busy neighbour can hardly move. Above 1: chainrule is slower. "forward" is the
call on tensors that do not require grad, "step" the recorded call and the gradient of all floating
operands. Beside a ratio stand chainrule's microseconds. The table is sorted worst first.

Elementwise ops and reductions come from the registry and join by being declared; ops that need
more than one tensor of the size have a line in `CALLS`. `--uncovered` lists the ops that have
neither.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from run import Worker, default_peer

HERE = Path(__file__).resolve().parent
SIZES = (10, 1000, 100_000, 1_000_000)


class Case(NamedTuple):
    """One line of code and the range its floating operands are drawn from."""

    name: str
    code: str
    low: float = -2.0
    high: float = 2.0


# Operands by name (see `OPERANDS`): x y z vectors of the size, m m2 matrices, r a row, cls a class
# a row, mk indices into rows of m, tx and tm targets without gradient, q q2 square matrices, ...
CALLS: dict[str, str] = {
    # parameters that have no default
    "add number": "x + 2.5",
    "mul number": "x * 2.5",
    "sub row": "m - r",
    "pow 2": "x ** 2",
    "pow 2.5": "torch.pow(x.abs() + 0.1, 2.5)",
    "rpow": "2.0 ** x",
    "clamp": "torch.clamp(x, -0.5, 0.5)",
    "clamp min": "torch.clamp(x, min=0.0)",
    "where": "torch.where(b, x, y)",
    "where number": "torch.where(b, x, 0.0)",
    "lerp": "torch.lerp(x, y, 0.3)",
    "lerp tensor": "torch.lerp(x, y, tx)",
    "addcmul": "torch.addcmul(x, y, z, value=0.5)",
    "addcdiv": "torch.addcdiv(x, y, z, value=0.5)",
    "logit eps": "torch.logit(tx, 1e-3)",
    "round_decimals": "torch.round(x, decimals=2)",
    "polygamma": "torch.polygamma(1, x.abs() + 0.1)",
    "masked_fill": "torch.masked_fill(x, b, 0.0)",
    "to double": "x.to(torch.float64)",
    "to int": "x.to(torch.int64)",
    "int add": "i + j",
    "int mul": "i * j",
    "int to float": "i.to(torch.float32)",
    "iadd": "x.add_(y)",
    "imul number": "x.mul_(0.999)",
    "zero_": "x.zero_()",
    "copy_": "x.copy_(y)",
    # activations
    **{
        name: f"torch.nn.functional.{name}(x)"
        for name in (
            "relu relu6 elu celu selu gelu silu mish softplus logsigmoid hardtanh hardsigmoid "
            "hardswish hardshrink softshrink tanhshrink softsign leaky_relu"
        ).split()
    },
    "gelu tanh": "torch.nn.functional.gelu(x, approximate='tanh')",
    "threshold": "torch.nn.functional.threshold(x, 0.1, 2.0)",
    "prelu": "torch.nn.functional.prelu(x, o)",
    "glu": "torch.nn.functional.glu(torch.cat((m, m2), 1))",
    "softmax": "torch.softmax(m, 1)",
    "softmax dim 0": "torch.softmax(m, 0)",
    "softmax vector": "torch.softmax(x, 0)",
    "log_softmax": "torch.log_softmax(m, 1)",
    "log_softmax dim 0": "torch.log_softmax(m, 0)",
    "softmin": "torch.nn.functional.softmin(m, 1)",
    "logsumexp": "torch.logsumexp(m, 1)",
    # reductions of rows and columns
    **{
        f"{name} dim {dim}": f"torch.{name}(m, {dim})"
        for dim in (0, 1)
        for name in (
            "sum mean prod var std amax amin max min argmax argmin nansum all any count_nonzero "
            "cumsum cumprod cummax logcumsumexp median"
        ).split()
    },
    "norm": "torch.norm(x)",
    "norm dim 1": "torch.linalg.vector_norm(m, dim=1)",
    "norm 1": "torch.linalg.vector_norm(x, 1)",
    "norm 3": "torch.linalg.vector_norm(x, 3)",
    "var_mean": "torch.var_mean(m, 1)",
    "aminmax": "torch.aminmax(m, dim=1)",
    "dist": "torch.dist(x, y)",
    "cosine_similarity": "torch.cosine_similarity(m, m2)",
    "normalize": "torch.nn.functional.normalize(m)",
    # norms
    "layer_norm": "torch.nn.functional.layer_norm(m, r.shape, r, r2)",
    "layer_norm plain": "torch.nn.functional.layer_norm(m, r.shape)",
    "rms_norm": "torch.nn.functional.rms_norm(m, r.shape, r)",
    "batch_norm": "torch.nn.functional.batch_norm(c, None, None, cw, cb, True)",
    "batch_norm eval": "torch.nn.functional.batch_norm(c, rm, rv, cw, cb)",
    "group_norm": "torch.nn.functional.group_norm(c, 2, cw, cb)",
    "instance_norm": "torch.nn.functional.instance_norm(c)",
    # losses
    **{
        name: f"torch.nn.functional.{name}(x, tx)"
        for name in "mse_loss l1_loss huber_loss smooth_l1_loss kl_div".split()
    },
    "binary_cross_entropy": "torch.nn.functional.binary_cross_entropy(u, tx)",
    "bce_with_logits": "torch.nn.functional.binary_cross_entropy_with_logits(x, tx)",
    "cross_entropy": "torch.nn.functional.cross_entropy(m, cls)",
    "cross_entropy smoothed": "torch.nn.functional.cross_entropy(m, cls, label_smoothing=0.1)",
    "nll_loss": "torch.nn.functional.nll_loss(m, cls)",
    "poisson_nll_loss": "torch.nn.functional.poisson_nll_loss(x, tx)",
    "soft_margin_loss": "torch.nn.functional.soft_margin_loss(x, tx)",
    "multi_margin_loss": "torch.nn.functional.multi_margin_loss(m, cls)",
    "triplet_margin_loss": "torch.nn.functional.triplet_margin_loss(m, m2, m3)",
    # joining and cutting
    "cat": "torch.cat((m, m2))",
    "cat dim 1": "torch.cat((m, m2), 1)",
    "stack": "torch.stack((x, y))",
    "stack dim 1": "torch.stack((x, y), 1)",
    "hstack": "torch.hstack((x, y))",
    "vstack": "torch.vstack((x, y))",
    "split": "torch.split(x, x.shape[0] // 4 + 1)",
    "chunk": "torch.chunk(m, 2, 1)",
    "unbind": "torch.unbind(t3)",
    "repeat": "m.repeat(2, 1)",
    "repeat_interleave": "torch.repeat_interleave(x, 2)",
    "tile": "torch.tile(x, (2,))",
    "roll": "torch.roll(x, 3)",
    "flip": "torch.flip(m, (0,))",
    "flip dim 1": "torch.flip(m, (1,))",
    "rot90": "torch.rot90(m)",
    "tril": "torch.tril(q)",
    "triu": "torch.triu(q)",
    "diag": "torch.diag(q)",
    "diag_embed": "torch.diag_embed(l)",
    "diagonal": "torch.diagonal(q)",
    "trace": "torch.trace(q)",
    "meshgrid": "torch.meshgrid(l, l, indexing='ij')",
    "clone": "x.clone()",
    "contiguous of t": "m.t().contiguous()",
    "unfold": "x.unfold(0, 4, 2)",
    "pad": "torch.nn.functional.pad(m, (1, 1))",
    # views
    "view": "x.view(-1)",
    "reshape": "m.reshape(-1)",
    "flatten": "torch.flatten(m)",
    "unflatten": "x.unflatten(0, (2, -1))",
    "transpose": "m.transpose(0, 1)",
    "t": "m.t()",
    "T": "m.T",
    "permute": "t3.permute(2, 0, 1)",
    "movedim": "torch.movedim(t3, 0, 2)",
    "squeeze": "torch.squeeze(m)",
    "squeeze dim": "torch.squeeze(m, 1)",
    "unsqueeze": "torch.unsqueeze(x, 0)",
    "expand": "r.expand(4, -1)",
    "select": "m.select(0, 1)",
    "narrow": "x.narrow(0, 1, 4)",
    "x[1]": "x[1]",
    "m[0, 1]": "m[0, 1]",
    "x[1:5]": "x[1:5]",
    "x[::2]": "x[::2]",
    "m[:, 1]": "m[:, 1]",
    "m[None]": "m[None]",
    "detach": "x.detach()",
    # indexing
    "x[k]": "x[k]",
    "x[b]": "x[b]",
    "m[ri]": "m[ri]",
    "m[ri, ci]": "m[ri, cls]",
    "setitem slice": "x.__setitem__(slice(1, 5), 0.5)",
    "setitem mask": "x.__setitem__(b, 0.5)",
    "gather": "torch.gather(m, 1, mk)",
    "gather dim 0": "torch.gather(m, 0, mr)",
    "gather vector": "torch.gather(x, 0, k)",
    "take_along_dim": "torch.take_along_dim(m, mk, 1)",
    "scatter": "torch.scatter(m, 1, mk, m2)",
    "scatter value": "torch.scatter(m, 1, mk, 1.5)",
    "scatter_add": "torch.scatter_add(m, 1, mk, m2)",
    "scatter_add dim 0": "torch.scatter_add(m, 0, mr, m2)",
    "scatter_reduce amax": "torch.scatter_reduce(m, 1, mk, m2, 'amax')",
    "index_select": "torch.index_select(m, 0, ri)",
    "index_select dim 1": "torch.index_select(m, 1, cols)",
    "index_add": "torch.index_add(m, 0, ri, m2)",
    "index_copy": "torch.index_copy(m, 0, ri, m2)",
    "index_fill": "torch.index_fill(m, 0, ri, 0.5)",
    "index_put": "torch.index_put(x, (k,), y)",
    "index_put accumulate": "torch.index_put(x, (k,), y, True)",
    "take": "torch.take(m, k)",
    "masked_select": "torch.masked_select(x, b)",
    "masked_scatter": "torch.masked_scatter(x, b, y)",
    "nonzero": "torch.nonzero(x)",
    "nonzero mask": "torch.nonzero(b)",
    "embedding": "torch.nn.functional.embedding(ri, m)",
    "one_hot": "torch.nn.functional.one_hot(ri, 16)",
    # order
    "sort": "torch.sort(x)",
    "sort rows": "torch.sort(m, 1)",
    "sort descending": "torch.sort(x, descending=True)",
    "argsort": "torch.argsort(x)",
    "msort": "torch.msort(m)",
    "topk": "torch.topk(x, 3)",
    "topk rows": "torch.topk(m, 2, 1)",
    "kthvalue": "torch.kthvalue(x, 3)",
    "median": "torch.median(x)",
    "nanmedian": "torch.nanmedian(x)",
    "mode": "torch.mode(x)",
    "quantile": "torch.quantile(x, 0.3)",
    "unique": "torch.unique(k)",
    "unique float": "torch.unique(x)",
    "searchsorted": "torch.searchsorted(sx, x)",
    "bucketize": "torch.bucketize(x, row5)",
    "cummax": "torch.cummax(x, 0)",
    "cumsum": "torch.cumsum(x, 0)",
    "cumprod": "torch.cumprod(x, 0)",
    "diff": "torch.diff(x)",
    "bincount": "torch.bincount(i)",
    "histc": "torch.histc(x, 10)",
    # products
    "matmul": "q @ q2",
    "mv": "q @ d",
    "dot": "torch.dot(x, y)",
    "vdot": "torch.vdot(x, y)",
    "outer": "torch.outer(l, l)",
    "bmm": "torch.bmm(t3, u3)",
    "matmul 3 by 2": "torch.matmul(t3, w3)",
    "addmm": "torch.addmm(d, q, q2)",
    "addmv": "torch.addmv(d, q, d)",
    "baddbmm": "torch.baddbmm(t3, t3, u3)",
    "linear": "torch.nn.functional.linear(q, q2, d)",
    "linear no bias": "torch.nn.functional.linear(q, q2)",
    "bilinear": "torch.nn.functional.bilinear(d3, d3, t3)",
    "einsum ij,jk": "torch.einsum('ij,jk->ik', q, q2)",
    "einsum bij,bjk": "torch.einsum('bij,bjk->bik', t3, u3)",
    "einsum ij,ij": "torch.einsum('ij,ij->i', m, m2)",
    "tensordot": "torch.tensordot(q, q2, 1)",
    "kron": "torch.kron(d3, x)",
    "cross": "torch.linalg.cross(three, three2)",
    "cdist": "torch.cdist(q, q2)",
    # makers
    "zeros": "torch.zeros(x.shape)",
    "ones": "torch.ones(x.shape)",
    "full": "torch.full(x.shape, 2.5)",
    "empty": "torch.empty(x.shape)",
    "zeros_like": "torch.zeros_like(x)",
    "ones_like": "torch.ones_like(x)",
    "full_like": "torch.full_like(x, 2.5)",
    "arange": "torch.arange(x.shape[0])",
    "linspace": "torch.linspace(0, 1, x.shape[0])",
    "eye": "torch.eye(d.shape[0])",
    "tensor number": "torch.tensor(2.5)",
    "tensor list": "torch.tensor([1.0, 2.0, 3.0])",
    "rand": "torch.rand(x.shape)",
    "randn": "torch.randn(x.shape)",
    "randint": "torch.randint(0, 10, x.shape)",
    "randperm": "torch.randperm(x.shape[0])",
    "bernoulli": "torch.bernoulli(tx)",
    "normal": "torch.normal(0.0, 1.0, x.shape)",
    "multinomial": "torch.multinomial(row5.abs() + 0.1, 3)",
    "uniform_": "x.uniform_()",
    "normal_": "x.normal_()",
    "dropout": "torch.nn.functional.dropout(x, 0.5, True)",
    # facts
    "item": "o.item()",
    "tolist": "row5.tolist()",
    "numpy": "x.numpy()",
    "allclose": "torch.allclose(x, x)",
    "equal": "torch.equal(x, x)",
    "isclose": "torch.isclose(x, y)",
    # convolutions and pools
    "conv1d": "torch.nn.functional.conv1d(sig, ws, wb)",
    "conv2d": "torch.nn.functional.conv2d(img, wi, ib, padding=1)",
    "conv2d stride": "torch.nn.functional.conv2d(img, wi, stride=2, padding=1)",
    "conv2d depthwise": "torch.nn.functional.conv2d(img, wd, padding=1, groups=img.shape[1])",
    "conv3d": "torch.nn.functional.conv3d(vol, wv, padding=1)",
    "conv_transpose1d": "torch.nn.functional.conv_transpose1d(sig, ws, wb)",
    "conv_transpose2d": "torch.nn.functional.conv_transpose2d(img, wi, ib)",
    **{
        f"{kind}_pool{d}d": f"torch.nn.functional.{kind}_pool{d}d({x}, 2)"
        for kind in ("max", "avg", "adaptive_max", "adaptive_avg")
        for d, x in ((1, "sig"), (2, "img"), (3, "vol"))
    },
    "max_pool2d indices": "torch.nn.functional.max_pool2d(img, 2, return_indices=True)",
    "max_pool2d 3 2 1": "torch.nn.functional.max_pool2d(img, 3, 2, 1)",
    "lp_pool1d": "torch.nn.functional.lp_pool1d(sig, 2, 2)",
    "lp_pool2d": "torch.nn.functional.lp_pool2d(img, 2, 2)",
    "fractional_max_pool2d": "torch.nn.functional.fractional_max_pool2d(img, 2, 2)",
    "max_unpool2d": "torch.nn.functional.max_unpool2d("
    "*torch.nn.functional.max_pool2d(img, 2, return_indices=True), 2)",
    # images
    **{
        f"interpolate {mode}": "torch.nn.functional.interpolate("
        f"img, scale_factor=2, mode={mode!r})"
        for mode in ("nearest", "bilinear", "bicubic", "area")
    },
    "grid_sample": "torch.nn.functional.grid_sample(img, grid, align_corners=False)",
    "affine_grid": "torch.nn.functional.affine_grid(theta, img.shape, align_corners=False)",
    "fold": "torch.nn.functional.fold(torch.nn.functional.unfold(img, 2), img.shape[2:], 2)",
    "unfold images": "torch.nn.functional.unfold(img, 2)",
    "pixel_shuffle": "torch.pixel_shuffle(img4, 2)",
    "pixel_unshuffle": "torch.pixel_unshuffle(img4, 2)",
    "channel_shuffle": "torch.channel_shuffle(img4, 2)",
    **{
        f"pad {mode}": f"torch.nn.functional.pad(img, (1, 1, 1, 1), mode={mode!r})"
        for mode in ("constant", "reflect", "replicate", "circular")
    },
    "local_response_norm": "torch.nn.functional.local_response_norm(img, 3)",
    # attention, embeddings, sequences
    "attention": "torch.nn.functional.scaled_dot_product_attention(t3, u3, v3)",
    "attention causal": "torch.nn.functional.scaled_dot_product_attention("
    "t3, u3, v3, is_causal=True)",
    "embedding_bag": "torch.nn.functional.embedding_bag(mb2, m)",
    "ctc_loss": "torch.nn.functional.ctc_loss(lp.log_softmax(2), labels, (8, 8), (3, 3))",
    # more losses
    "gaussian_nll_loss": "torch.nn.functional.gaussian_nll_loss(x, tx, u)",
    "margin_ranking_loss": "torch.nn.functional.margin_ranking_loss(x, y, tx.sign())",
    "cosine_embedding_loss": "torch.nn.functional.cosine_embedding_loss(m, m2, one)",
    "hinge_embedding_loss": "torch.nn.functional.hinge_embedding_loss(x, tx.sign())",
    "multilabel_margin_loss": "torch.nn.functional.multilabel_margin_loss(m, mk)",
    "multilabel_soft_margin_loss": "torch.nn.functional.multilabel_soft_margin_loss(m, tm)",
    "pairwise_distance": "torch.nn.functional.pairwise_distance(m, m2)",
    "pdist": "torch.pdist(q)",
    # linear algebra
    **{
        f"linalg.{name}": f"torch.linalg.{name}({x})"
        for names, x in (
            ("det slogdet inv qr svd svdvals eig eigvals lu_factor matrix_exp pinv", "sq"),
            ("cholesky eigh eigvalsh inv_ex ldl_factor", "spd"),
            ("matrix_norm cond", "sq"),
            ("solve", "sq, d"),
            ("lstsq", "sq, q"),
        )
        for name in names.split()
    },
    "linalg.lu": "torch.linalg.lu(sq)",
    "linalg.solve many": "torch.linalg.solve(sq, q)",
    "linalg.solve_triangular": "torch.linalg.solve_triangular(tri, q, upper=False)",
    "linalg.matrix_power": "torch.linalg.matrix_power(sq, 3)",
    "linalg.multi_dot": "torch.linalg.multi_dot((q, q2, sq))",
    "linalg.norm": "torch.linalg.norm(sq)",
    "linalg.vander": "torch.linalg.vander(d)",
    "linalg.householder_product": "torch.linalg.householder_product(tri, d)",
    "cholesky_solve": "torch.cholesky_solve(q, tri)",
    "cholesky_inverse": "torch.cholesky_inverse(tri)",
    "lu_solve": "torch.lu_solve(q, *torch.linalg.lu_factor(sq))",
    "block_diag": "torch.block_diag(q, q2)",
    "cartesian_prod": "torch.cartesian_prod(d, d)",
    "combinations": "torch.combinations(d)",
    "cov": "torch.cov(m)",
    "corrcoef": "torch.corrcoef(m)",
    "renorm": "torch.renorm(m, 2, 0, 1.0)",
    "trapezoid": "torch.trapezoid(x)",
    "gradient": "torch.gradient(x)",
    "cumulative_trapezoid": "torch.cumulative_trapezoid(x)",
    # Fourier and complex
    **{
        f"fft.{name}": f"torch.fft.{name}({x})"
        for names, x in (
            ("fft ifft rfft ihfft fftshift", "x"),
            ("fft2 rfft2 fftn", "q"),
            ("irfft hfft", "z1"),
        )
        for name in names.split()
    },
    "stft": "torch.stft(torch.cat((x, x)), 8, return_complex=True, onesided=True, window=w8)",
    "complex": "torch.complex(x, y)",
    "polar": "torch.polar(u, y)",
    "real": "z1.real",
    "view_as_real": "torch.view_as_real(z1)",
    "view_as_complex": "torch.view_as_complex(pairs)",
    "conj": "torch.conj(z1)",
    "conj resolved": "torch.conj_physical(z1)",
    "complex mul": "z1 * z1",
    "complex abs": "z1.abs()",
    # the rest
    "put": "torch.put(x, k, y)",
    "isin": "torch.isin(i, j)",
    "select_scatter": "torch.select_scatter(m, r, 0, 1)",
    "slice_scatter": "torch.slice_scatter(x, tx[:4], 0, 1, 5)",
    "diagonal_scatter": "torch.diagonal_scatter(q, d)",
    "as_strided": "torch.as_strided(x, (2, 4), (1, 2))",
    "split sizes": "torch.split(x, [3, x.shape[0] - 3])",
    "tensor_split": "torch.tensor_split(x, 3)",
    "swapaxes": "torch.swapaxes(m, 0, 1)",
    "unique_consecutive": "torch.unique_consecutive(i)",
    "segment_reduce": "torch.segment_reduce(x, 'sum', lengths=halves)",
    "hann_window": "torch.hann_window(x.shape[0])",
    "logspace": "torch.logspace(0, 1, x.shape[0])",
    "tril_indices": "torch.tril_indices(d.shape[0], d.shape[0])",
    "masked.sum": "torch.masked.sum(x, mask=b)",
    "masked.softmax": "torch.masked.softmax(x, 0, mask=b)",
    "alpha_dropout": "torch.nn.functional.alpha_dropout(x, 0.5, True)",
    "gumbel_softmax": "torch.nn.functional.gumbel_softmax(m)",
    "rrelu": "torch.nn.functional.rrelu(x)",
    "exponential_": "x.exponential_()",
    "poisson": "torch.poisson(u)",
    "std_mean": "torch.std_mean(m, 1)",
    "nanmean": "torch.nanmean(x)",
    "nanquantile": "torch.nanquantile(x, 0.5)",
    "renorm rows": "torch.renorm(m, 2, 0, 0.5)",
    "addbmm": "torch.addbmm(t3[0], t3, u3)",
    "addr": "torch.addr(q, d, d)",
    "inner": "torch.inner(q, q2)",
    "chain_matmul": "torch.chain_matmul(q, q2, sq)",
    "to half": "x.to(torch.float16)",
    "float16 add": "h + h",
}
# elements; beyond, they take seconds
LARGEST = {
    "mode": 1000,
    **dict.fromkeys(("cdist", "kron", "pdist", "linalg.", "lu_solve"), 100_000),
}

# ---------------------------------------------------------------- what a worker does


def _rows(n: int) -> tuple[int, int]:
    """A matrix of about `n` elements: 2 x 5, 10 x 100, 100 x 1000, 316 x 3164."""
    rows = max(2, round(math.sqrt(n / 10)))
    return rows, n // rows


def _channels(n: int) -> tuple[int, int, int]:
    channels = 2 * max(1, round(math.sqrt(n / 40) / 2))
    return 2, channels, max(1, n // (2 * channels))


def _side(n: int) -> int:
    return max(2, math.isqrt(n))


def _cube(n: int) -> tuple[int, int, int]:
    side = max(2, math.isqrt(n // 4))
    return 4, side, side


def _image(n: int) -> tuple[int, int, int, int]:
    """One image: 1 x 1 x 4 x 4, 1 x 4 x 14 x 14, 1 x 16 x 78 x 78, 1 x 16 x 250 x 250."""
    channels = 1 if n < 100 else 4 if n < 10_000 else 16
    side = max(4, math.isqrt(n // channels) // 2 * 2)
    return 1, channels, side, side


def _signal(n: int) -> tuple[int, int, int]:
    channels = 2 if n < 10_000 else 16
    return 1, channels, max(5, n // channels)


def _volume(n: int) -> tuple[int, ...]:
    return 1, 2, *[max(3, round((n / 2) ** (1 / 3)))] * 3


def _even_image(n: int) -> tuple[int, int, int, int]:
    side = 2 * max(1, math.isqrt(n // 4) // 2)
    return 1, 4, side, side


SHAPES: dict[str, Callable[[int], tuple[int, ...]]] = {
    **dict.fromkeys("xyzu", lambda n: (n,)),
    **dict.fromkeys(("m", "m2", "m3"), _rows),
    **dict.fromkeys(("r", "r2"), lambda n: _rows(n)[1:]),
    "l": lambda n: _rows(n)[:1],
    "c": _channels,
    **dict.fromkeys(("cw", "cb"), lambda n: _channels(n)[1:2]),
    **dict.fromkeys(("q", "q2"), lambda n: (_side(n), _side(n))),
    "d": lambda n: (_side(n),),
    **dict.fromkeys(("t3", "u3"), _cube),
    "d3": lambda n: _cube(n)[1:2] if n > 4 else (2,),
    "w3": lambda n: _cube(n)[1:],
    **dict.fromkeys(("three", "three2"), lambda n: (max(1, n // 3), 3)),
    "o": lambda n: (),
    "img": _image,
    "wi": lambda n: (*_image(n)[1:2] * 2, 3, 3),
    "ib": lambda n: _image(n)[1:2],
    "wd": lambda n: (_image(n)[1], 1, 3, 3),
    "img4": _even_image,
    "grid": lambda n: (1, *_image(n)[2:], 2),
    "theta": lambda n: (1, 2, 3),
    "sig": _signal,
    "ws": lambda n: (*_signal(n)[1:2] * 2, 3),
    "wb": lambda n: _signal(n)[1:2],
    "vol": _volume,
    "wv": lambda n: (2, 2, 3, 3, 3),
    "v3": _cube,
    "lp": lambda n: (8, 2, max(4, n // 16)),
    "pairs": lambda n: (n // 2, 2),
    **dict.fromkeys(("sq", "spd", "tri"), lambda n: (_side(n), _side(n))),
    "z1": lambda n: (n,),
    "h": lambda n: (n,),
}
# Operands that are made of random numbers in another way.
SHAPED: dict[str, Callable[[Any], Any]] = {
    "sq": lambda a: a + 2 * len(a) ** 0.5 * np.eye(len(a), dtype=a.dtype),
    "spd": lambda a: a @ a.T + np.eye(len(a), dtype=a.dtype),
    "tri": lambda a: np.tril(a) / len(a) + 2 * np.eye(len(a), dtype=a.dtype),
    "z1": lambda a: a + 1j * a[::-1],
    "h": lambda a: a.astype(np.float16),
}
FREE_OF_GRAD: dict[str, Callable[[Any, int], Any]] = {
    "tx": lambda rng, n: rng.uniform(0.05, 0.95, n).astype("float32"),
    "tm": lambda rng, n: rng.uniform(0.05, 0.95, _rows(n)).astype("float32"),
    "rm": lambda rng, n: rng.uniform(-1, 1, _channels(n)[1]).astype("float32"),
    "rv": lambda rng, n: rng.uniform(0.5, 1, _channels(n)[1]).astype("float32"),
    "sx": lambda rng, n: sorted(rng.uniform(-2, 2, n).tolist()),
    "row5": lambda rng, n: [-1.0, -0.5, 0.0, 0.5, 1.0],
    "b": lambda rng, n: rng.random(n) < 0.5,
    "mb": lambda rng, n: rng.random(_rows(n)) < 0.5,
    "i": lambda rng, n: rng.integers(1, 50, n),
    "j": lambda rng, n: rng.integers(1, 50, n),
    "k": lambda rng, n: rng.integers(0, n, n),
    "mk": lambda rng, n: rng.integers(0, _rows(n)[1], _rows(n)),
    "mr": lambda rng, n: rng.integers(0, _rows(n)[0], _rows(n)),
    "ri": lambda rng, n: rng.permutation(_rows(n)[0]),
    "cols": lambda rng, n: rng.permutation(_rows(n)[1]),
    "cls": lambda rng, n: rng.integers(0, _rows(n)[1], _rows(n)[0]),
    "mb2": lambda rng, n: rng.integers(0, _rows(n)[0], (_rows(n)[0], 3)),
    "labels": lambda rng, n: rng.integers(1, max(4, n // 16), (2, 3)),
    "one": lambda rng, n: np.ones(1, np.int64),
    "w8": lambda rng, n: np.hanning(8).astype("float32"),
    "halves": lambda rng, n: [n // 2, n - n // 2],
}


def prepare(torch: Any, code: str, size: int, low: float, high: float, step: bool) -> Any:
    """The step that a worker times: the line of code, or its recorded call and gradients."""
    line = compile(code, "<case>", "eval")
    rng = np.random.default_rng(3)
    space: dict[str, Any] = {"torch": torch}
    leaves = []
    for name in line.co_names:
        if name in SHAPES:
            span = (0.05, 0.95) if name == "u" else (low, high)
            made = rng.uniform(*span, SHAPES[name](size)).astype("float32")
            made = SHAPED[name](made) if name in SHAPED else made
            space[name] = torch.tensor(made, requires_grad=step)
            leaves.append(space[name])
        elif name in FREE_OF_GRAD:
            space[name] = torch.tensor(np.asarray(FREE_OF_GRAD[name](rng, size)))
            if name in ("sx", "row5"):
                space[name] = space[name].float()
    call = eval(f"lambda: {code}", space)
    return _gradient(torch, call, leaves) if step else call


def _gradient(torch: Any, call: Callable[[], Any], leaves: list[Any]) -> Callable[[], Any] | None:
    """None when nothing of the result requires grad."""

    def outputs() -> list[Any]:
        made = call()
        made = made if isinstance(made, (tuple, list)) else (made,)
        return [t for t in made if isinstance(t, torch.Tensor) and t.requires_grad]

    if not leaves or not outputs():
        return None
    ones = [torch.ones_like(t) for t in outputs()]
    if len(ones) == 1 and isinstance(call(), torch.Tensor):
        g = ones[0]
        return lambda: torch.autograd.grad(call(), leaves, g, allow_unused=True)
    return lambda: torch.autograd.grad(outputs(), leaves, ones, allow_unused=True)


# ---------------------------------------------------------------- the cases


def cases() -> list[Case]:
    """Lines of `CALLS`, and a call for every op of the registry that takes vectors alone."""
    from chainrule.core.primitive import PUBLIC, REGISTRY
    from chainrule.ops import late

    late.load_all()
    written = " ".join(CALLS.values())
    found = [Case(name, code) for name, code in CALLS.items()]
    paths: dict[str, str] = {}
    for path, function in PUBLIC.items():
        prim, last = getattr(function, "prim", None), path.rpartition(".")[2]
        if prim is not None and not (last.startswith("_") or last.endswith("_")):
            paths.setdefault(prim.name, path)
    for name, path in sorted(paths.items()):
        prim = REGISTRY[name]
        automatic = prim.kind in ("elementwise", "reduction") or name in ("sum", "mean", "prod")
        if not automatic or f"torch.{path}(" in written:
            continue
        low, high = prim.domain or (-2.0, 2.0)
        for operands in ("xyz", "ijk"):
            case = Case(name, f"torch.{path}({', '.join(operands[: len(prim.args)])})", low, high)
            if _runs(case):
                found.append(case)
                break
    return found


def _runs(case: Case) -> bool:
    import chainrule

    try:
        prepare(chainrule, case.code, 10, case.low, case.high, False)()
    except Exception:  # not a call this op takes: it needs a line of its own
        return False
    return True


def uncovered(known: list[Case]) -> list[str]:
    """Public ops whose name is in no line of code."""
    from chainrule.core.primitive import PUBLIC

    words = set(re.findall(r"\w+", " ".join(c.code for c in known)))
    return sorted(
        {
            path
            for path, function in PUBLIC.items()
            if hasattr(function, "prim") and path.rpartition(".")[2].rstrip("_") not in words
        }
    )


# ---------------------------------------------------------------- measuring


class Row(NamedTuple):
    """What was measured of one call: seconds of chainrule and PyTorch."""

    name: str
    size: int
    what: str
    ours: float
    theirs: float

    @property
    def ratio(self) -> float:
        return self.ours / self.theirs


def largest(name: str) -> int:
    """The most elements a case is measured with."""
    return next((n for start, n in LARGEST.items() if name.startswith(start)), max(SIZES))


def measure(options: argparse.Namespace, chosen: list[Case]) -> Iterator[Row]:
    """All cases in all sizes; the two processes live through the whole run."""
    pythons = {"chainrule": sys.executable, "torch": options.peer}
    workers = {c: Worker(p, "ops", "-", c, options.core) for c, p in pythons.items()}
    try:
        for c, w in workers.items():
            if w.status != "ready":
                raise SystemExit(f"{c} cannot run: {w.version or 'see its Python, --peer'}")
        for case in chosen:
            for size in options.sizes:
                if size <= largest(case.name):
                    yield from _measure_case(options, workers, case, size)
    finally:
        for w in workers.values():
            w.close()


def _measure_case(
    options: argparse.Namespace, workers: dict[str, Worker], case: Case, size: int
) -> Iterator[Row]:
    for step in (False, True) if not options.forward else (False,):
        order = {"code": case.code, "size": size, "low": case.low, "high": case.high, "step": step}
        answers = {c: w.prepare(order) for c, w in workers.items()}
        if any(a != "ready" for a in answers.values()):
            wrong = [f"{c} {a}" for c, a in answers.items() if a not in ("ready", "nothing")]
            if wrong and not (step and len(wrong) == 2):
                print(f"  skipped {case.name} at {size}: {'; '.join(wrong)}", file=sys.stderr)
            continue
        best = dict.fromkeys(workers, math.inf)
        for _ in range(options.rounds):
            for c, w in workers.items():
                best[c] = min(best[c], w.time(options.seconds))
        yield Row(case.name, size, "step" if step else "forward", best["chainrule"], best["torch"])


def report(rows: list[Row], sizes: list[int], worst: int) -> None:
    """The table, worst first, and what it says as a whole."""
    columns = [(s, w) for s in sizes for w in ("forward", "step")]
    by_name: dict[str, dict[tuple[int, str], Row]] = {}
    for r in rows:
        by_name.setdefault(r.name, {})[r.size, r.what] = r
    order = sorted(by_name, key=lambda n: -max(r.ratio for r in by_name[n].values()))
    print(f"{'chainrule / PyTorch':26s}" + "".join(f"{s:>10} {w:7s}" for s, w in columns))
    for name in order[: worst or None]:
        cells = [by_name[name].get(c) for c in columns]
        print(f"{name:26s}" + "".join(map(_cell, cells)))
    for size, what in columns:
        ratios = [r.ratio for r in rows if (r.size, r.what) == (size, what)]
        if ratios:
            mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
            over = [sum(r > limit for r in ratios) for limit in (1.0, 1.05, 1.5, 2.0)]
            print(
                f"{size:>8} {what:7s}: {len(ratios)} calls, geometric mean {mean:.2f}, "
                f"above 1: {over[0]}, 1.05: {over[1]}, 1.5: {over[2]}, 2: {over[3]}"
            )


def _cell(row: Row | None) -> str:
    """The ratio, and chainrule's microseconds."""
    return f"{row.ratio:>11.2f} {row.ours * 1e6:<6.4g}" if row else " " * 18


def main() -> int:
    """Parse the arguments and run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="", help="regex that the name or the code must contain")
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)))
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=0.002, help="budget of one timing")
    parser.add_argument("--peer", default=default_peer(), help="the Python that has PyTorch")
    parser.add_argument("--core", default=str((os.cpu_count() or 1) - 1), help="or - for none")
    parser.add_argument("--worst", type=int, default=0, help="print so many rows (0: all)")
    parser.add_argument("--forward", action="store_true", help="no gradients")
    parser.add_argument("--json", type=Path, help="write every time to this file")
    parser.add_argument("--uncovered", action="store_true", help="list the ops without a call")
    options = parser.parse_args()
    options.sizes = [int(float(s)) for s in options.sizes.split(",")]
    sys.path.insert(0, str(HERE.parent / "src"))
    known = cases()
    if options.uncovered:
        print("\n".join(uncovered(known)))
        return 0
    wanted = re.compile(options.only)
    chosen = [c for c in known if wanted.search(c.name) or wanted.search(c.code)]
    rows = list(measure(options, chosen))
    if options.json:
        options.json.write_text(json.dumps([r._asdict() for r in rows]), encoding="utf-8")
    report(rows, options.sizes, options.worst)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
