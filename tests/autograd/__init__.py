"""Tests of `torch.autograd`; a package, because PyPI has one of the same name."""
