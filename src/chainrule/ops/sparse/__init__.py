"""Sparse tensors (coordinates): what makes them, takes them apart and computes with them.

Lives here: the ops between sparse and dense (`layout`), products, sums and softmax (`functions`),
sparse gradients of embeddings and gather (`gradients`), and what every other op does with a sparse
operand (`instead`). Loaded with the first sparse tensor, all files together. Who may call: the late
families' table, `nn.embedding`, `index.scatter`. A sparse tensor is a Tensor whose array is a `Coo`
(`kernels/coo.py`); so the graph, `.grad` and the walk need nothing of their own for it.
"""

from . import functions, gradients, instead, layout

__all__ = ["functions", "gradients", "instead", "layout"]
