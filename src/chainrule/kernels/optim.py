"""The parts of an optimizer's step, in place on flat arrays.

On a large piece of memory two or three passes of NumPy are one call of the BLAS (`axpby`:
y = a x + b y), asked through the library that NumPy has loaded; where there is none, or on small
arrays, they are NumPy's. `at` holds the addresses of the arrays of a piece by their id, or is None.
axpby and not axpy, because OpenBLAS divides axpy among threads.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

import numpy as np

from .blas import _libraries

__all__ = ["addresses", "axpby_of", "descend", "fall", "follow", "follow_square", "mix", "raised"]

Array = Any
Places = Any  # {id of an array: its address, "axpby": the function}, or None
_multiply, _subtract = np.multiply, np.subtract
ENOUGH = 8192  # elements from which a call through ctypes is worth it
ALONE = 50_000  # the same if addresses have to be asked for and there is one such call
_LETTERS = {np.dtype("float32"): ("s", ctypes.c_float), np.dtype("float64"): ("d", ctypes.c_double)}
_NAMES = ("scipy_cblas_{}axpby64_", "cblas_{}axpby64_", "scipy_cblas_{}axpby", "cblas_{}axpby")


@cache
def axpby_of(dtype: Any) -> Any:
    """axpby(n, a, x, 1, b, y, 1) of NumPy's BLAS for a dtype; None if it has none."""
    letter, number = _LETTERS[dtype]
    for library in _libraries():
        for name in _NAMES:
            found = getattr(library, name.format(letter), None)
            if found is not None:
                whole, place = ctypes.c_int64, ctypes.c_void_p  # right for 32-bit sizes too
                found.argtypes = [whole, number, place, whole, number, place, whole]
                found.restype = None
                return found
    return None


def addresses(arrays: list[Array]) -> Places:
    """Where the arrays of a piece are, if the BLAS is to be used for it."""
    one = arrays[0]
    axpby = axpby_of(one.dtype) if one.size >= ENOUGH else None
    if axpby is None:
        return None
    return {"axpby": axpby, **{id(a): a.ctypes.data for a in arrays}}


def raised(x: Array, g: Array, flags: Any, decay: Array, t: Array, u: Array) -> Array:
    """The gradient to follow: negated for `maximize` (flags[0]), with the L2 penalty's
    (flags[1])."""
    if flags[0]:
        g = np.negative(g, u)
    if flags[1]:
        np.multiply(x, decay, t)
        g = np.add(g, t, u)
    return g


def mix(y: Array, x: Array, keep: Any, take: Any, t: Array, at: Places) -> None:
    """y = keep y + take x; t is scratch and may be x."""
    if at is not None:
        at["axpby"](y.size, take, at[id(x)], 1, keep, at[id(y)], 1)
        return
    np.multiply(x, take, t)
    np.multiply(y, keep, y)
    np.add(y, t, y)


def follow(average: Array, g: Array, weight: Array, t: Array, at: Places) -> None:
    """average += weight (g - average)"""
    if at is not None:
        at["axpby"](g.size, weight, at[id(g)], 1, 1 - float(weight), at[id(average)], 1)
        return
    np.subtract(g, average, t)
    np.multiply(t, weight, t)
    np.add(average, t, average)


def follow_square(average: Array, g: Array, keep: Any, take: Any, t: Array, at: Places) -> None:
    """average = keep average + take g^2"""
    np.multiply(g, g, t)
    mix(average, t, keep, take, t, at)


def descend(x: Array, d: Array, size: Array, t: Array, at: Places) -> None:
    """x = x - size d; t is scratch and may be d."""
    if at is not None:
        at["axpby"](x.size, -float(size), at[id(d)], 1, 1.0, at[id(x)], 1)
        return
    np.multiply(d, size, t)
    np.subtract(x, t, x)


def fall(x: Array, g: Array, size: Array) -> None:
    """x = x - size g, of whole arrays and without scratch."""
    if x.size >= ALONE and x.flags.c_contiguous and g.flags.c_contiguous:
        axpby = axpby_of(x.dtype)
        if axpby is not None:
            axpby(x.size, -float(size), g.ctypes.data, 1, 1.0, x.ctypes.data, 1)
            return
    _subtract(x, _multiply(g, size), x)
