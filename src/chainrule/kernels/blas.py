"""Products and factorisations whose bits do not depend on the number of threads.

NumPy's BLAS divides a large product among threads, and where it cuts decides how partial sums are
rounded. So whatever of ours is large enough to be divided runs here, with the BLAS on one thread
(`alone`); the program's own NumPy has its threads back as soon as nothing of ours is running.
The other processors are used all the same: a product of many rows is cut into blocks of rows (a
batch into matrices), which a few Python threads compute side by side. OpenBLAS computes a row the
same whatever rows are beside it, as long as blocks begin at multiples of `SEAM` and are none too
long; that is tried on this machine before it is relied on (`_alike`). docs/numerics.md has what
was measured.

Small products do not come here: callers compare the size with `MANY` and `LONG` and ask NumPy.
"""

from __future__ import annotations

import contextvars
import ctypes
import os
import threading
import warnings
from collections import deque
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

__all__ = ["LONG", "MANY", "ORDER", "SPREAD", "Gate", "alone", "door_of", "factored",
           "get_num_threads", "product", "products", "set_num_threads", "spread",
           "substitution"]  # fmt: skip

Array = Any

# Up to here OpenBLAS uses one thread: multiplications of a product (524,288; fewer for a matrix by
# its own transpose), numbers of an inner product, elements of a matrix times a vector (460,800).
MANY, LONG = 1 << 18, 10_000
_COMPLEX = 4096  # the same for a complex matrix times a vector
ORDER = 1024  # elements of a matrix from which its factorisation may use several
SEAM, _LONGEST = 24, 8160  # rows; kernels of 4, 6, 8, 12 or 24 rows end at a seam
_WORTH = 1 << 22  # multiplications for which it pays to wake a thread (0.1 ms)
SPREAD = 2 * _WORTH  # and of a call that may be divided
_FLOATS = frozenset("fdFD")


# ---------------------------------------------------------------- how many threads


def set_num_threads(num_threads: int) -> None:
    """Let large products of matrices use this many threads, the calling one among them.

    Results have the same bits whatever the number. NumPy's own products, where the program calls
    them, keep the number of threads they have.

    Args:
        num_threads: a positive integer.

    Raises:
        RuntimeError: no positive integer.

    Warns:
        UserWarning: the BLAS of this NumPy cannot be asked; it divides products as it likes, unless
            its environment variable is set before Python starts.

    Example:
        >>> import chainrule as torch
        >>> before = torch.get_num_threads()
        >>> torch.set_num_threads(1)
        >>> torch.get_num_threads()
        1
        >>> torch.set_num_threads(before)
    """
    global _wanted
    if type(num_threads) is not int:
        kind = type(num_threads).__name__
        raise RuntimeError(f"set_num_threads expects an int, but got {kind}")
    if num_threads < 1:
        raise RuntimeError("set_num_threads expects a positive integer")
    _wanted = num_threads
    if _numpys.door() is None:
        warnings.warn(
            "set_num_threads: NumPy's BLAS is none that can be asked (OpenBLAS, MKL, BLIS)\n"
            "Hint: set OPENBLAS_NUM_THREADS (or OMP_NUM_THREADS, VECLIB_MAXIMUM_THREADS) before "
            "Python starts",
            UserWarning,
            stacklevel=2,
        )


def get_num_threads() -> int:
    """How many threads large products use: what `set_num_threads` said; before that, as many as
    NumPy's BLAS (OPENBLAS_NUM_THREADS, OMP_NUM_THREADS), or as there are processors for this
    process if those are fewer."""
    return _wanted or _at_first()


_wanted = 0


@cache
def _at_first() -> int:
    able = getattr(os, "sched_getaffinity", None)
    processors = len(able(0)) if able else os.cpu_count() or 1
    return min(processors, _numpys.threads() or processors)


# ---------------------------------------------------------------- the BLAS on one thread


class Gate:
    """A BLAS, and how many calls of ours now run with it on one thread.

    Args:
        door: returns its own functions that get and set its number of threads; None if it has none.
    """

    def __init__(self, door: Callable[[], tuple[Any, Any] | None]) -> None:
        self.door, self.lock = door, threading.Lock()
        self.users = self.turn = 0  # turn: how often somebody came or went
        self.kept = 1  # how many threads it had before
        _gates.append(self)

    def threads(self) -> int:
        """How many it has when nothing of ours is running; 0 if it cannot be asked."""
        door = self.door()
        with self.lock:
            return 0 if door is None else self.kept if self.users else int(door[0]())

    def alone(self, function: Callable[..., Any], *args: Any, **named: Any) -> Any:
        """`function(*args, **named)`, with this BLAS on one thread."""
        if not self.enter():
            return function(*args, **named)
        try:
            return function(*args, **named)
        finally:
            self.leave()

    def enter(self) -> bool:
        """Take it to one thread; False if it has only one anyway, or cannot be asked.

        Several threads may be in here: the first takes it there, the last takes it back.
        """
        door = self.door()
        if door is None:
            return False
        turn = self.turn
        if not self.users and door[0]() == 1 and turn == self.turn:  # and nobody came in between
            return False
        with self.lock:
            if not self.users:
                self.kept = int(door[0]())
                door[1](1)
            self.users += 1
            self.turn += 1
        return True

    def leave(self) -> None:
        """The end of what began with an `enter` that was True."""
        door = self.door()
        with self.lock:
            self.users -= 1
            self.turn += 1
            if not self.users and door is not None:
                door[1](self.kept)

    def after_fork(self) -> None:
        """A child has none of the threads that its parent's calls were in."""
        self.lock = threading.Lock()
        door = self.door() if self.users else None
        if door is not None:
            door[1](self.kept)
        self.users = 0


def factored(function: Callable[..., Any], x: Array, *args: Any, **named: Any) -> Any:
    """`function(x, ...)` of NumPy's LAPACK, or another that uses the BLAS, which is on one thread
    if x, or a right-hand side that comes next, is large."""
    if x.size <= ORDER and (not args or np.size(args[0]) <= ORDER):
        return function(x, *args, **named)
    return alone(function, x, *args, **named)


# ---------------------------------------------------------------- products


def product(a: Array, b: Array, out: Array = None) -> Array:
    """`np.dot(a, b, out)` of at most two dimensions, of any size."""
    m, n = len(a), b.size
    if a.ndim != 2 or b.ndim != 2 or m == 1 or n == len(b):  # vectors, or as good as
        few = _COMPLEX if a.dtype.kind == "c" else MANY
        if a.shape[-1] <= LONG and a.size <= few and n <= few:
            return a.dot(b, out)
    elif m * n <= MANY:
        return a.dot(b, out)
    elif m * n >= SPREAD and _divisible(a, b):
        return _by_rows(a, b, m * n, out)
    return alone(a.dot, b, out)


def products(a: Array, b: Array, out: Array = None) -> Array:
    """`np.matmul(a, b, out)` of batches of matrices, of any size."""
    n = b.shape[-1]
    if a.size * n <= MANY and a.size <= LONG:
        return np.matmul(a, b, out)
    if out is None:
        if b.ndim < 2 or a.ndim < 2 or not _divisible(a, b):
            return alone(np.matmul, a, b)
        batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        out = np.empty((*batch, a.shape[-2], n), a.dtype)
    if out.size * a.shape[-1] < SPREAD or get_num_threads() == 1 or not _divisible(a, b):
        return alone(np.matmul, a, b, out)
    return _by_matrices(a, b, out)


def substitution(kind: str) -> Callable[[Array, Array, bool, bool], None] | None:
    """`solve(a, x, upper, unit)`: x becomes the solution of A X = x by the BLAS's own triangular
    solver, which NumPy has no name for; None where it cannot be reached.

    `a` and `x` are matrices of the dtype `kind` (one of "fdFD"), `x` in C order, `a` in C or
    Fortran order; of `a` one triangle is read. A zero on the diagonal gives infinities and NaN.
    """
    solve = _trsm(kind)
    if solve is None:
        return None

    def substituted(a: Array, x: Array, upper: bool, unit: bool) -> None:
        factored(solve, a, x, upper, unit)

    return substituted


_TRSM = ("scipy_cblas_{}trsm64_", "cblas_{}trsm64_", "scipy_cblas_{}trsm", "cblas_{}trsm")


@cache
def _trsm(kind: str) -> Callable[[Array, Array, bool, bool], None] | None:
    letter = "sdcz"["fdFD".index(kind)]
    for library in _libraries():
        for name in _TRSM:
            found = getattr(library, name.format(letter), None)
            if found is None:
                continue
            solve = _row_major_trsm(found, kind, ctypes.c_int64 if "64" in name else ctypes.c_int32)
            a, x = np.array([[2, 0], [3, 4]], kind), np.array([[2], [11]], kind)
            solve(a, x, False, False)
            if x.tolist() == [[1], [2]]:
                return solve
    return None


def _row_major_trsm(
    trsm: Any, kind: str, integer: Any
) -> Callable[[Array, Array, bool, bool], None]:
    """CBLAS's numbers: 101 row-major, 141 from the left, 111 or 112 (transposed), 121 or 122 (upper
    or lower), 131 or 132 (ones on the diagonal)."""
    address, number = ctypes.c_void_p, ctypes.c_int
    one = np.ones(1, kind)
    real = kind in "fd"
    scale = {"f": ctypes.c_float, "d": ctypes.c_double}.get(kind, address)
    alpha = 1.0 if real else one.ctypes.data
    trsm.argtypes = [number] * 5 + [integer] * 2 + [scale, address, integer, address, integer]
    trsm.restype = None

    def solve(a: Array, x: Array, upper: bool, unit: bool, keep: Any = one) -> None:
        n, columns = x.shape
        across = a.strides[1] != a.itemsize  # Fortran order: the transpose of what lies there
        trsm(
            101, 141, 121 if upper != across else 122, 112 if across else 111, 132 if unit else 131,
            n, columns, alpha, a.__array_interface__["data"][0],
            max(a.strides[0 if not across else 1] // a.itemsize, n),
            x.__array_interface__["data"][0], columns,
        )  # fmt: skip

    return solve


def _divisible(a: Array, b: Array) -> bool:
    """Whether the BLAS multiplies these, and not as a matrix by its own transpose, which costs half
    as long as a product of two."""
    return (
        a.dtype.char in _FLOATS
        and a.dtype == b.dtype
        and _numpys.door() is not None
        and a.__array_interface__["data"] != b.__array_interface__["data"]
    )


def _by_rows(a: Array, b: Array, work: int, out: Array) -> Array:
    m = len(a)
    count = 1 if _inside.any else min(get_num_threads(), work // _WORTH, m // (2 * SEAM))
    if count > 1 and not _alike(a.dtype.char):
        count = 1
    count = max(count, -(-m // _LONGEST))
    if count == 1:
        return alone(a.dot, b, out)
    if b.itemsize not in b.strides:
        b = np.ascontiguousarray(b)  # once, not for every block
    if out is None:
        out = np.empty((m, b.shape[1]), a.dtype)
    at = [*(SEAM * round(i * m / count / SEAM) for i in range(count)), m]

    def block(i: int) -> None:
        np.dot(a[at[i] : at[i + 1]], b, out[at[i] : at[i + 1]])

    _together(block, count)
    return out


def _by_matrices(a: Array, b: Array, out: Array) -> Array:
    """Of a batch, matrices side by side; they are not cut."""
    made = out
    while out.ndim > 2 and len(out) == 1:
        a, b, out = (x[0] if x.ndim == out.ndim else x for x in (a, b, out))
    count = min(get_num_threads(), len(out), out.size * a.shape[-1] // _WORTH)
    if out.ndim == 2 or count == 1 or _inside.any:
        alone(np.matmul, a, b, out)
        return made
    steps = [slice(i * len(out) // count, (i + 1) * len(out) // count) for i in range(count)]

    def part(i: int) -> None:
        one, two = (x[steps[i]] if x.ndim == out.ndim and len(x) > 1 else x for x in (a, b))
        np.matmul(one, two, out[steps[i]])

    _together(part, count)
    return made


def spread(part: Callable[[slice], None], count: int, work: int) -> None:
    """`part` of stretches that make up range(count), side by side if that pays for `work`
    multiplications in all; products within are not cut again."""
    n = min(get_num_threads(), count, work // _WORTH)
    if n <= 1 or _numpys.door() is None or _inside.any:
        part(slice(0, count))
    else:
        _together(lambda i: part(slice(count * i // n, count * (i + 1) // n)), n)


@cache
def _alike(kind: str) -> bool:
    """Whether this BLAS computes rows the same in blocks that begin at a seam as in one piece,
    tried on products that reach its different kernels."""
    for m, k, n in ((125, 500, 67), (240, 1000, 131), (197, 130, 345)):
        a = np.sin(np.arange(m * k, dtype="d") + 0.1).reshape(m, k).astype(kind)
        b = np.cos(np.arange(k * n, dtype="d") + 0.2).reshape(k, n).astype(kind)
        for x, y in ((a, b), (np.asfortranarray(a), b), (a, np.asfortranarray(b))):
            whole = alone(x.dot, y)
            for seam in (m // 2 // SEAM * SEAM, SEAM * 2):
                parts = [alone(p.dot, y) for p in (x[:seam], x[seam:])]
                if np.concatenate(parts).tobytes() != whole.tobytes():
                    return False
    return True


# ---------------------------------------------------------------- several threads


class _Inside(threading.local):
    """Whether this thread is computing a part."""

    any = False


_inside = _Inside()


class _Job:
    """Parts that several threads take one after the other until none is left."""

    def __init__(self, part: Callable[[int], None], count: int) -> None:
        self.part, self.left, self.missing = part, deque(range(count)), count
        self.lock, self.done = threading.Lock(), threading.Lock()
        self.done.acquire()
        self.failed: Exception | None = None

    def help(self) -> None:
        """Compute parts that nobody has taken."""
        before, _inside.any = _inside.any, True
        try:
            self._take()
        finally:
            _inside.any = before

    def _take(self) -> None:
        while True:
            try:
                i = self.left.popleft()
            except IndexError:
                return
            try:
                self.part(i)
            except Exception as error:  # of whatever class: raised in the thread that asked
                self.failed = error
            with self.lock:
                self.missing -= 1
                last = not self.missing
            if last:
                self.done.release()


class _Helpers:
    """Threads that wait for jobs; made when first asked for, and again after a fork."""

    def __init__(self) -> None:
        self.count, self.jobs = 0, deque()  # type: ignore[var-annotated]
        self.lock, self.waiting = threading.Lock(), threading.Semaphore(0)

    def call(self, job: _Job, count: int) -> None:
        """Let up to `count` threads help; fewer if no more can be started."""
        with self.lock:
            while self.count < count:
                try:
                    threading.Thread(target=self.serve, name="chainrule", daemon=True).start()
                except RuntimeError:  # too many threads, or the interpreter is ending
                    break
                self.count += 1
        for _ in range(min(count, self.count)):
            self.jobs.append((contextvars.copy_context(), job))
            self.waiting.release()

    def serve(self) -> None:
        """What such a thread does."""
        while True:
            self.waiting.acquire()
            context, job = self.jobs.popleft()
            context.run(job.help)
            del context, job  # and what they hold


_helpers = _Helpers()


def _together(part: Callable[[int], None], count: int) -> None:
    """part(0), ..., part(count - 1), by as many threads as `get_num_threads` says."""
    threads = 1 if _inside.any else min(get_num_threads(), count)
    entered = _numpys.enter()
    try:
        if threads == 1:
            for i in range(count):
                part(i)
            return
        job = _Job(part, count)
        try:
            _helpers.call(job, threads - 1)
            job.help()
            job.done.acquire()
        finally:
            job.left.clear()  # an interrupted product is nobody's
        if job.failed is not None:
            raise job.failed
    finally:
        if entered:
            _numpys.leave()


def _after_fork() -> None:
    """A child has none of its parent's helpers."""
    global _helpers
    _helpers = _Helpers()
    for gate in _gates:
        gate.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


# ---------------------------------------------------------------- the library

_PREFIXES = ("scipy_openblas", "openblas")
_NAMES = [f"{p}_{{}}_num_threads{s}" for p in _PREFIXES for s in ("64_", "", "64")]
_OTHERS = {"set": ("MKL_Set_Num_Threads", "bli_thread_set_num_threads"),
           "get": ("MKL_Get_Max_Threads", "bli_thread_get_num_threads")}  # fmt: skip


@cache
def _door() -> tuple[Any, Any] | None:
    return door_of(_libraries())


def door_of(libraries: list[Any]) -> tuple[Any, Any] | None:
    """The functions of a BLAS that get and set its number of threads; None if there are none."""
    get, set_ = _function("get", libraries), _function("set", libraries)
    return None if get is None or set_ is None else (get, set_)


def _function(what: str, libraries: list[Any]) -> Any:
    for library in libraries:
        held = ctypes.PyDLL(library._name, handle=library._handle)  # they are over at once
        for name in (*[n.format(what) for n in _NAMES], *_OTHERS[what]):
            found = getattr(held, name, None)
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
    numpy = os.path.dirname(np.__file__)
    places = [extension]
    for folder in (os.path.join(os.path.dirname(numpy), "numpy.libs"), f"{numpy}/.dylibs"):
        if os.path.isdir(folder):
            names = sorted(n for n in os.listdir(folder) if "blas" in n)
            places += [os.path.join(folder, n) for n in names]
    found = []
    for place in places:
        try:
            found.append(ctypes.CDLL(place))
        except OSError:  # not a library that can be opened twice: the next one may be
            continue
    return found


_gates: list[Gate] = []
_numpys = Gate(_door)
alone = _numpys.alone
