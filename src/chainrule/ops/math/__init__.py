"""Functions of single elements.

Arithmetic, elementwise mathematics, comparison, bits, parts of complex numbers, choices by a mask,
special functions, orthogonal polynomials.
"""
