"""Sparse tensors in coordinates. Making one switches dispatch on, so this runs apart."""

from __future__ import annotations

import subprocess
import sys

import pytest

START = """
import chainrule as torch
i = [[0, 1, 1], [2, 0, 2]]
v = torch.tensor([3.0, 4.0, 5.0], dtype=torch.float64, requires_grad=True)
s = torch.sparse_coo_tensor(i, v, (2, 3))
d = torch.rand(3, 2, dtype=torch.float64, requires_grad=True)
dense = [[0.0, 0.0, 3.0], [4.0, 0.0, 5.0]]
def make(v):
    return torch.sparse_coo_tensor(i, v, (2, 3))
"""
PROGRAMS = {
    "facts": """
assert s.is_sparse and s.layout is torch.sparse_coo and s.shape == (2, 3) and s._nnz() == 3
assert s.to_dense().tolist() == dense and not s.is_coalesced()
try:
    s.indices()
except RuntimeError as error:
    assert "Cannot get indices on an uncoalesced tensor" in str(error)
assert s.coalesce().indices().tolist() == i
twice = torch.sparse_coo_tensor([[0, 0], [1, 1]], [1.0, 2.0], (2, 2)).coalesce()
assert twice.values().tolist() == [3.0]
""",
    "arithmetic": """
import numpy as np
D = s.to_dense()
for made, want in ((s + s, D + D), (s * 2, D * 2), (s - s, D - D), (s * s, D * D), (-s, -D),
                   (s.t(), D.t()), (torch.add(s, s), D + D), (s * torch.ones(2, 3).double(), D)):
    torch.testing.assert_close(made.to_dense(), want)
torch.testing.assert_close(torch.ones(2, 3).double() + s, D + 1)
torch.testing.assert_close(torch.sparse.sum(s, 0).to_dense(), D.sum(0))
torch.testing.assert_close(s.sum(), D.sum())
""",
    "products and gradients": """
for f in (lambda v, d: make(v) @ d, lambda v, d: torch.mm(make(v), d),
          lambda v, d: torch.sparse.mm(make(v), d), lambda v, d: d.t() @ make(v).t(),
          lambda v, d: make(v) @ d[:, 0], lambda v, d: (make(v) + make(v * v)).to_dense(),
          lambda v, d: torch.sparse.softmax(make(v), 1).to_dense()):
    torch.autograd.gradcheck(f, (v, d))
torch.testing.assert_close(s @ d, s.to_dense() @ d)
leaf = torch.sparse_coo_tensor(i, [3.0, 4.0, 5.0], (2, 3), requires_grad=True)
(leaf @ torch.ones(3, 2)).sum().backward()
assert leaf.grad._values().tolist() == [2, 2, 2]
assert torch.eye(2).to_sparse().indices().tolist() == [[0, 1], [0, 1]]
""",
    "refusals": """
for call, sentence in (
    (lambda: torch.sparse_coo_tensor(i, [1.0, 2.0], (2, 3)), "must have same nnz"),
    (lambda: torch.sparse_coo_tensor(i, v, (2, 3, 4)), "len(size) == sparse_dim + dense_dim"),
    (lambda: torch.sparse_coo_tensor([[0], [5]], [1.0], (2, 3)), "out of bounds"),
    (lambda: s + torch.ones(2, 3), "add(sparse, dense) is not supported"),
    (lambda: s.numpy(), "can't convert Sparse layout tensor to numpy"),
    (lambda: s.exp(), "SparseCPU"), (lambda: torch.exp(s), "SparseCPU"),
):
    try:
        call()
    except (RuntimeError, TypeError, NotImplementedError) as error:
        assert sentence in str(error), error
    else:
        raise AssertionError(sentence)
""",
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_program(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", START + PROGRAMS[name]],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
