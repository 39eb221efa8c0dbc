"""The bits of results do not depend on the number of threads (docs/numerics.md)."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as torch
from chainrule.kernels import blas

SOURCE = str(Path(torch.__file__).parents[1])
GATE = blas._numpys
CAN_BE_ASKED = GATE.threads() > 0

# Everything is large enough for NumPy's BLAS to divide it among threads where it may.
PROGRAM = """
import hashlib, sys
import chainrule as torch

F, linalg = torch.nn.functional, torch.linalg

def products(dtype):
    a, b = torch.randn(130, 300, dtype=dtype), torch.randn(300, 270, dtype=dtype)
    tall, batch = torch.randn(9001, 40, dtype=dtype), torch.randn(6, 120, 130, dtype=dtype)
    x, y = torch.randn(2, 30_000, dtype=dtype)
    made = [a @ b, b.T @ a.T, a @ a.T, tall @ tall[:40], tall.T @ tall, batch @ batch.mT, x @ y]
    wide = torch.randn(500, 1000, dtype=dtype)
    made += [wide @ x[:1000], x[:500] @ wide, torch.outer(x[:700], y[:900])]
    made += [torch.einsum("bij,jk->bik", batch, b[:130]), torch.addmm(b[:130, :120], a, b[:, :120])]
    return made + [x.sum(), wide.sum(1), wide.softmax(1), wide.var(0), torch.cdist(wide, wide[:99])]

def systems(dtype):
    a = torch.randn(150, 150, dtype=dtype)
    good = a @ a.T + 150 * torch.eye(150, dtype=dtype)
    made = [linalg.solve(a, good), linalg.svdvals(a), *linalg.svd(a), linalg.cholesky(good)]
    made += [*linalg.eigh(good), linalg.inv(a), *linalg.qr(a), linalg.det(a / 9), linalg.eigvals(a)]
    made += [linalg.lstsq(a[:, :99], good).solution, linalg.matrix_exp(a / 9), linalg.pinv(a)]
    return made + [*linalg.lu_factor(a), torch.cholesky_solve(good, linalg.cholesky(good))]

def layers(dtype):
    x = torch.randn(8, 16, 30, 30, dtype=dtype, requires_grad=True)
    conv = torch.nn.Conv2d(16, 32, 3, dtype=dtype)
    lstm = torch.nn.LSTM(100, 96, dtype=dtype)
    gru = torch.nn.GRU(100, 96, dtype=dtype)
    steps = torch.randn(5, 40, 100, dtype=dtype, requires_grad=True)
    q = torch.randn(2, 4, 200, 48, dtype=dtype, requires_grad=True)
    out = [conv(x), lstm(steps)[0], gru(steps)[0], F.scaled_dot_product_attention(q, q, q)]
    sum(o.square().sum() for o in out).backward()
    leaves = [x, steps, q, *conv.parameters(), *lstm.parameters(), *gru.parameters()]
    return [*out, *(t.grad for t in leaves)]

def training(dtype):
    nn = torch.nn
    model = nn.Sequential(nn.Linear(784, 200), nn.ReLU(), nn.LayerNorm(200), nn.Linear(200, 10))
    model.to(dtype)
    x, y = torch.randn(200, 784, dtype=dtype), torch.randint(10, (200,))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for _ in range(3):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
    return [loss, *model.parameters()]

def digest(parts=(products, systems, layers, training)):
    torch.manual_seed(0)
    made = hashlib.sha256()
    for part in parts:
        for dtype in (torch.float32, torch.float64):
            for t in part(dtype):
                made.update(t.detach().numpy().tobytes())
    return made.hexdigest()
"""


def run(program: str, threads: str = "", **more: str) -> list[str]:
    """The lines that the program prints, under this many BLAS threads (none: as it comes)."""
    names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")
    env = {k: v for k, v in os.environ.items() if k not in names}
    env |= {"PYTHONPATH": SOURCE, **more, **(dict.fromkeys(names, threads) if threads else {})}
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", PROGRAM + program]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    return done.stdout.split()


EVERY_NUMBER = """
print(digest())
for n in map(int, sys.argv[1:] or "1234"):
    torch.set_num_threads(n)
    print(digest())
"""


@pytest.mark.skipif(not CAN_BE_ASKED, reason="this BLAS cannot be asked for one thread")
@pytest.mark.parametrize("kernels", ["", "Haswell", "SkylakeX"])
def test_bits_do_not_depend_on_the_number_of_threads(kernels: str) -> None:
    if kernels == "SkylakeX" and not _has_avx512():
        pytest.skip("this processor has no AVX-512")
    if kernels and not _is_x86():
        pytest.skip("these are names of x86 processors")
    more = {"OPENBLAS_CORETYPE": kernels} if kernels else {}
    found = run(EVERY_NUMBER, **more)
    found += run("print(digest())", "1", **more) + run("print(digest())", "2", **more)
    assert len(found) == 7
    assert len(set(found)) == 1


def _is_x86() -> bool:
    return bool(np._core._multiarray_umath.__cpu_features__.get("X86_V3"))


def _has_avx512() -> bool:
    return bool(np._core._multiarray_umath.__cpu_features__.get("X86_V4"))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_bits_in_a_child_are_its_parents() -> None:
    program = """
import os, threading
from chainrule.kernels import blas

torch.set_num_threads(3)
expected = digest((products,))  # starts the helpers, which the child will not have
inside, go_on = threading.Event(), threading.Event()
waiting = threading.Thread(target=blas.alone, args=(lambda: (inside.set(), go_on.wait()),))
before = blas._numpys.threads()
waiting.start()
inside.wait()
child = os.fork()  # while another thread has taken the BLAS to one thread
if not child:
    same = digest((products,)) == expected and not blas._numpys.users
    os._exit(0 if same and blas._numpys.threads() == before else 1)
status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
go_on.set()
waiting.join()
print(status, digest((products,)) == expected)
"""
    assert run(program) == ["0", "True"]


def test_large_products_work_while_the_interpreter_ends() -> None:
    program = """
import atexit

torch.set_num_threads(2)
atexit.register(lambda: print(float((torch.ones(400, 400) @ torch.ones(400, 400)).sum())))
late = torch.ones(400, 400)
print(float((late @ late).sum()))
"""
    assert run(program) == ["64000000.0", "64000000.0"]


def test_threads_of_the_program_get_the_same_bits() -> None:
    a, b = torch.randn(300, 250), torch.randn(250, 200)
    square = torch.randn(60, 60, dtype=torch.float64)

    def compute() -> bytes:
        made = [a @ b, b.T @ a.T, torch.linalg.inv(square), (a * a).sum()]
        return b"".join(t.numpy().tobytes() for t in made)

    expected, found = compute(), []
    workers = [
        threading.Thread(target=lambda: found.extend(compute() for _ in range(10)))
        for _ in range(4)
    ]
    before = GATE.threads()
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    assert found == [expected] * 40
    assert GATE.users == 0
    assert GATE.threads() == before


def test_small_products_do_not_ask_the_blas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(GATE, "enter", lambda: pytest.fail("asked for one thread"))
    net = torch.nn.Linear(32, 16)
    (net(torch.ones(8, 32)) @ torch.ones(16, 4)).sum().backward()
    assert torch.bmm(torch.ones(3, 4, 5), torch.ones(3, 5, 6)).sum() == 360
    assert torch.linalg.inv(torch.eye(8)).sum() == 8


# ---------------------------------------------------------------- the number


def test_the_number_of_threads_can_be_set_and_read() -> None:
    before = torch.get_num_threads()
    try:
        for n in (1, 3):
            torch.set_num_threads(n)
            assert torch.get_num_threads() == n
    finally:
        torch.set_num_threads(before)
    assert torch.get_num_threads() == before


@pytest.mark.skipif(not CAN_BE_ASKED, reason="this BLAS cannot be asked")
def test_the_first_number_is_the_environments_or_the_processors() -> None:
    assert run("print(torch.get_num_threads())", "1") == ["1"]
    able = getattr(os, "sched_getaffinity", None)
    if able:
        assert int(run("print(torch.get_num_threads())")[0]) <= len(able(0))
        one = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); "
        assert run(one + "print(torch.get_num_threads())") == ["1"]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (0, "set_num_threads expects a positive integer"),
        (-2, "set_num_threads expects a positive integer"),
        ("2", "set_num_threads expects an int, but got str"),
        (True, "set_num_threads expects an int, but got bool"),
    ],
)
def test_what_is_no_number_of_threads_is_refused(value: object, message: str) -> None:
    with pytest.raises(RuntimeError, match=message):
        torch.set_num_threads(value)


# ---------------------------------------------------------------- the BLAS on one thread


class Library:
    """A BLAS that is asked, and what it was asked for."""

    def __init__(self, threads: int) -> None:
        self.threads, self.said = threads, []  # type: ignore[var-annotated]

    def get(self) -> int:
        return self.threads

    def set(self, n: int) -> None:
        self.threads = n
        self.said.append(n)


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Library:
    made = Library(4)
    monkeypatch.setattr(GATE, "door", lambda: (made.get, made.set))
    return made


def test_the_program_has_its_blas_threads_back(library: Library) -> None:
    assert blas.alone(lambda: library.threads) == 1
    assert blas.alone(lambda: blas.alone(lambda: library.threads)) == 1
    with pytest.raises(ZeroDivisionError):
        blas.alone(lambda: 1 / 0)
    assert library.threads == 4
    assert library.said == [1, 4] * 3  # the inner of two does not ask again


def test_the_last_of_several_threads_gives_them_back(library: Library) -> None:
    inside, go_on, seen = threading.Event(), threading.Event(), []

    def first() -> None:
        inside.set()
        go_on.wait()

    def second() -> None:
        go_on.set()
        other.join()  # the first has left, and the BLAS is still on one thread
        seen.append(library.threads)

    other = threading.Thread(target=blas.alone, args=(first,))
    other.start()
    inside.wait()
    blas.alone(second)
    assert seen == [1]
    assert library.said == [1, 4]


def test_a_blas_on_one_thread_is_left_as_it_is(library: Library) -> None:
    library.threads = 1
    assert blas.alone(lambda: library.threads) == 1
    assert library.said == []


def test_a_blas_that_cannot_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(GATE, "door", lambda: None)
    monkeypatch.setattr(blas, "_wanted", 0)
    a = np.ones((300, 300))
    assert (blas.product(a, a * 2) == 600).all()
    assert (blas.products(a[None], (a * 2)[None]) == 600).all()
    with pytest.warns(UserWarning, match="none that can be asked"):
        torch.set_num_threads(2)


# ---------------------------------------------------------------- blocks


@pytest.fixture
def several() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("kind", "fdFD")
@pytest.mark.parametrize(
    "sizes", [(128, 300, 300), (301, 200, 257), (8500, 40, 33), (97, 700, 333)]
)
def test_blocks_of_rows_have_the_bits_of_the_whole(kind: str, sizes: Any, several: Any) -> None:
    m, k, n = sizes
    draw = np.random.default_rng(0)
    a, b = draw.standard_normal((m, k)).astype(kind), draw.standard_normal((k, n)).astype(kind)
    for x, y in ((a, b), (np.asfortranarray(a), b), (a, np.asfortranarray(b)), (a[::2], b[:, ::2])):
        found = []
        for threads in (1, 2, 3, 5):
            torch.set_num_threads(threads)
            found.append(blas.product(x, y))
        np.testing.assert_allclose(found[0], np.einsum("ij,jk->ik", x, y), rtol=2e-3, atol=2e-3)
        assert len({f.tobytes() for f in found}) == 1


def test_a_product_is_written_where_it_should_be(several: Any) -> None:
    a, out = np.arange(400 * 300.0).reshape(400, 300) / 1e5, np.empty((400, 200))
    assert blas.product(a, a[:300, :200], out) is out
    np.testing.assert_allclose(out, a @ a[:300, :200])
    batch, to = np.stack([a, a + 1, a + 2]), np.empty((3, 400, 200))
    assert blas.products(batch, a[:300, :200], to) is to
    np.testing.assert_allclose(to, batch @ a[:300, :200])
    turned = batch.swapaxes(1, 2)
    np.testing.assert_allclose(blas.products(batch[None], turned), batch[None] @ turned)


def test_the_settings_of_the_asking_thread_hold_in_all(several: Any) -> None:
    a = np.full((400, 400), 1e300)
    a[0, 0] = 1e-300
    b = a.T.copy()
    with warnings.catch_warnings(), np.errstate(all="raise"):
        try:
            a.dot(b)
        except FloatingPointError:
            with pytest.raises(FloatingPointError):
                blas.product(a, b)
        else:  # before 2.3 NumPy's product asks nothing of the kind
            blas.product(a, b)


def test_an_error_in_a_part_is_raised_where_it_was_asked_for(several: Any) -> None:
    done = []

    def part(i: int) -> None:
        if i == 5:
            raise MemoryError("of part 5")
        done.append(i)

    with pytest.raises(MemoryError, match="of part 5"):
        blas._together(part, 9)
    assert sorted(done) == [0, 1, 2, 3, 4, 6, 7, 8]
    assert GATE.users == 0


def test_no_threads_where_rows_are_not_alike(several: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = []
    monkeypatch.setattr(blas, "_together", lambda part, count: counts.append(count))
    a = np.ones((500, 500))
    blas.product(a, a * 2)
    monkeypatch.setattr(blas, "_alike", lambda kind: False)
    assert (blas.product(a, a * 2) == 1000).all()  # in one piece
    assert counts == ([3] if CAN_BE_ASKED else [])
