"""`torch.backends`: which libraries compute, and their switches.

What lives here: one module a library of PyTorch's (`cudnn`, `cuda`, `mps`, `mkl`, `mkldnn`,
`openmp`, `opt_einsum`, `cpu`, `quantized`). Who may call: users. The answers are about chainrule:
none of these libraries is used, so each says that it is not available; a switch keeps what it is
set to (programs save and restore them) and changes nothing here.
"""

from __future__ import annotations

from . import cpu, cuda, cudnn, mkl, mkldnn, mps, openmp, opt_einsum, quantized, xnnpack

__all__ = [
    "cpu", "cuda", "cudnn", "mkl", "mkldnn", "mps", "openmp", "opt_einsum", "quantized", "xnnpack",
]  # fmt: skip
