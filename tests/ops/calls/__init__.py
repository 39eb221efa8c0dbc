"""Calls of ops written by hand: operands and static parameters, by the op's name in the registry.

One file a family; each has a table `BY_HAND`, and may have `COMPLEX`, the names of its ops that are
differentiable in complex numbers, and `REFERENCES`, what an op should give by functions of NumPy or
SciPy that are not its kernel (as in `ops/references.py`).
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from typing import Any

from ops.calls.sample import Sample, numbers, values

__all__ = ["BY_HAND", "COMPLEX", "INTEGERS", "RANDOM", "REFERENCES", "Sample", "numbers", "values"]

BY_HAND: dict[str, list[Sample]] = {}
REFERENCES: dict[str, Callable[..., Any]] = {}
INTEGERS = {
    "bitwise_and",
    "bitwise_or",
    "bitwise_xor",
    "bitwise_not",
    "bitwise_left_shift",
    "bitwise_right_shift",
    "gcd",
    "lcm",
}

RANDOM: set[str] = set()  # the result depends on the generator

# Differentiable in complex numbers, as PyTorch's own test database has it; then what only chainrule
# names.
COMPLEX = set(
    """
    abs acos acosh add addbmm addcdiv addcmul addmm addmv addr angle asin asinh atan atanh baddbmm
    block_diag bmm cat cholesky cholesky_inverse cholesky_solve clone conv1d conv2d conv3d cos cosh
    cross cumprod cumsum det diag diag_embed diagonal diagonal_copy diagonal_scatter dist div dot
    eigh einsum exp exp2 expand expm1 fft fft2 fftn fill flip gather householder_product index_add
    index_copy index_fill index_put index_select inv kron l1_loss ldexp lerp linear log log10 log1p
    log2 logaddexp logcumsumexp logsumexp lu lu_solve masked_fill masked_scatter masked_select
    matmul matrix_exp mean mm mul mv neg norm ormqr outer permute pinv positive pow prod put qr
    reciprocal renorm repeat reshape roll rot90 rsqrt rsub scatter scatter_add select sgn sigmoid
    sin sinc sinh slice slogdet solve solve_triangular split split_with_sizes sqrt square squeeze
    stack std sub sum svd svdvals t take tan tanh tile trace transpose tril triu unbind unfold
    unsqueeze var vdot vecdot vector_norm where _unsafe_view alias contiguous copy copy_slices
    squeeze_dim squeeze_dims diagonal_backward unfold_backward select_backward slice_backward index
    index_put_canonical scatter_value index_fill_tensor masked_fill_tensor masked_scatter_backward
    fill_diagonal affine affine_any contract linalg_cross strided_sum as_strided rpow
    """.split()
)

for _found in pkgutil.iter_modules(__path__):
    _family = importlib.import_module(f"{__name__}.{_found.name}")
    BY_HAND |= getattr(_family, "BY_HAND", {})
    COMPLEX |= getattr(_family, "COMPLEX", set())
    REFERENCES |= getattr(_family, "REFERENCES", {})
