"""The bits of results do not depend on the number of threads (docs/numerics.md)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import chainrule as torch

SOURCE = str(Path(torch.__file__).parents[1])

# sizes: `large` products are divided among threads by NumPy's BLAS, small ones are not
PROGRAM = """
import hashlib, sys
import chainrule as torch
size, batch, one_thread = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "one"
if one_thread:
    torch.set_num_threads(1)
torch.manual_seed(0)
F, made = torch.nn.functional, []
for dtype in (torch.float32, torch.float64):
    x = torch.randn(batch, size, dtype=dtype)
    w = [torch.randn(size, size, dtype=dtype).mul_(0.1).requires_grad_() for _ in range(2)]
    b = torch.zeros(size, dtype=dtype, requires_grad=True)
    made += [x.sum(), x.softmax(1), x.logsumexp(0), (x * x).mean(1)]
    patches = x.unfold(1, 5, 1)
    made.append(torch.einsum("bnk,ok->bon", patches, torch.randn(3, 5, dtype=dtype)))
    for _ in range(3):  # a step of training
        loss = F.mse_loss(F.relu(F.linear(x, w[0], b)) @ w[1], x)
        loss.backward()
        with torch.no_grad():
            for p in (*w, b):
                p -= 0.1 * p.grad
                p.grad = None
    made += [loss, *w, b, w[0] @ w[1]]
digest = hashlib.sha256()
for t in made:
    digest.update(t.detach().numpy().tobytes())
print(digest.hexdigest())
"""


def digest(threads: int, size: int, batch: int, mode: str) -> str:
    """Of everything that the program computes, under this many BLAS threads."""
    count = {n: str(threads) for n in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(size), str(batch), mode],
        env={**os.environ, **count, "PYTHONPATH": SOURCE},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_small_programs_have_the_same_bits_under_any_number_of_threads() -> None:
    assert digest(1, 24, 16, "any") == digest(2, 24, 16, "any")


def test_one_thread_gives_large_programs_the_same_bits() -> None:
    assert digest(1, 256, 128, "one") == digest(2, 256, 128, "one") == digest(1, 256, 128, "any")


def test_the_number_of_threads_can_be_set_and_read() -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)
    assert torch.get_num_threads() == before


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
