"""Tensors from data, from numbers and from the random generator; conversions, facts of tensors."""
