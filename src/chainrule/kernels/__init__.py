"""Kernels: ndarray in, ndarray out; NumPy only, and nothing of ours but the error messages.

What lives here: whatever takes more than a line of NumPy (reductions with PyTorch's corner cases,
random streams, indexing, losses). Who may call: `core` never, `ops` always. Here, and only here,
dimensions are called `axis`. A value comes from `Primitive.evaluate` or from a rule read on arrays,
and goes back to it; kernels never see a Tensor.
"""
