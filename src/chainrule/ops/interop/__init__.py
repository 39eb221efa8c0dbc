"""Other libraries' protocols.

NumPy's functions on tensors, DLPack, Tensor subclasses, PyTorch's names of single ops.
"""
