"""How many threads NumPy's BLAS uses: `set_num_threads` and `get_num_threads`.

Matrix products are NumPy's own, and NumPy's BLAS divides a large product among threads; where it
cuts decides how partial sums are rounded, so the last bits depend on the number of threads
(docs/numerics.md has what was measured). With one thread they depend on nothing. The BLAS is asked
through the shared library that NumPy has loaded; nothing of this runs until it is called.
"""

from __future__ import annotations

import ctypes
import os
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["get_num_threads", "set_num_threads"]

_PREFIXES = ("scipy_openblas", "openblas")
_NAMES = [f"{p}_{{}}_num_threads{s}" for p in _PREFIXES for s in ("64_", "", "64")]
_OTHERS = {"set": ("MKL_Set_Num_Threads", "bli_thread_set_num_threads"),
           "get": ("MKL_Get_Max_Threads", "bli_thread_get_num_threads")}  # fmt: skip


def set_num_threads(num_threads: int) -> None:
    """Let NumPy's BLAS (matrix products, decompositions) use this many threads.

    With 1, results have the same bits whatever the machine's number of processors and the
    environment (OPENBLAS_NUM_THREADS, OMP_NUM_THREADS) say. Everything but the BLAS runs in the
    calling thread anyway.

    Args:
        num_threads: a positive integer.

    Raises:
        RuntimeError: no positive integer.

    Warns:
        UserWarning: the BLAS of this NumPy cannot be asked; its environment variable must be set
            before Python starts.

    Example:
        >>> import chainrule as torch
        >>> before = torch.get_num_threads()
        >>> torch.set_num_threads(1)
        >>> torch.get_num_threads()
        1
        >>> torch.set_num_threads(before)
    """
    if type(num_threads) is not int:
        kind = type(num_threads).__name__
        raise RuntimeError(f"set_num_threads expects an int, but got {kind}")
    if num_threads < 1:
        raise RuntimeError("set_num_threads expects a positive integer")
    function = _function("set")
    if function is not None:
        function(num_threads)
        return
    warnings.warn(
        "set_num_threads: NumPy's BLAS is none that can be asked (OpenBLAS, MKL, BLIS)\n"
        "Hint: set OPENBLAS_NUM_THREADS (or OMP_NUM_THREADS, VECLIB_MAXIMUM_THREADS) before Python "
        "starts",
        UserWarning,
        stacklevel=2,
    )


def get_num_threads() -> int:
    """How many threads NumPy's BLAS uses; the number of processors if it cannot be asked."""
    function = _function("get")
    return int(function()) if function is not None else os.cpu_count() or 1


@cache
def _function(what: str) -> Any:
    """The BLAS's own function; None if there is none."""
    for library in _libraries():
        for name in (*[n.format(what) for n in _NAMES], *_OTHERS[what]):
            found = getattr(library, name, None)
            if found is not None:
                found.argtypes = [ctypes.c_int] if what == "set" else []
                found.restype = None if what == "set" else ctypes.c_int
                return found
    return None


@cache
def _libraries() -> list[Any]:
    """NumPy's own extension, through which its dependencies are seen; and the libraries beside
    NumPy, for systems where they are not."""
    extension = np._core._multiarray_umath.__file__  # type: ignore[attr-defined]
    beside = Path(np.__file__).parent
    places = [extension, *sorted(beside.parent.glob("numpy.libs/*blas*")),
              *sorted(beside.glob(".dylibs/*blas*"))]  # fmt: skip
    found = []
    for place in places:
        try:
            found.append(ctypes.CDLL(str(place)))
        except OSError:  # not a library that can be opened twice: the next one may be
            continue
    return found
