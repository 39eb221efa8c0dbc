"""Sparse tensors where PyTorch gives no answer to compare with, and what they must not disturb."""

from __future__ import annotations

import copy
import io
import pickle
import subprocess
import sys

import numpy as np
import pytest
from ops.samples import samples_of

import chainrule as torch
from chainrule.core.primitive import REGISTRY, Primitive
from chainrule.core.tensor import Tensor, wrap

nn, F = torch.nn, torch.nn.functional
I = [[0, 1, 1], [2, 0, 2]]


def made(values: object = (3.0, 4.0, 5.0), **options: object) -> Tensor:
    return torch.sparse_coo_tensor(I, torch.as_tensor(values), (2, 3), **options)


# ---------------------------------------------------------------- every op


def flat(result: object) -> list[object]:
    if isinstance(result, (tuple, list)):
        return [x for each in result for x in flat(each)]
    return [result]


@pytest.mark.parametrize("prim", list(REGISTRY.values()), ids=lambda p: p.name)
@pytest.mark.parametrize("way", ["public", "call"])
@pytest.mark.filterwarnings("ignore")
def test_every_op_is_right_or_refuses(prim: Primitive, way: str) -> None:
    """On a sparse operand an op gives what it gives on the dense one, or raises in PyTorch's words;
    it never takes the sparse array for something else."""
    sample = samples_of(prim)[0]
    for which, operand in enumerate(sample.operands):
        if not (isinstance(operand, np.ndarray) and operand.ndim and operand.dtype.kind == "f"):
            continue
        array = operand.copy()
        array.reshape(-1)[::2] = 0
        dense = [wrap(np.array(x)) if isinstance(x, np.ndarray) else x for x in sample.operands]
        dense[which] = wrap(array)
        sparse = [*dense]
        sparse[which] = wrap(array).to_sparse()

        def run(operands: list[object]) -> list[object]:
            torch.manual_seed(0)
            if way == "call":
                return flat(prim.call(*operands, params=sample.params))
            first = [list(operands)] if prim.variadic else operands
            return flat(prim.public(*first, *sample.params))

        try:
            expected = run(dense)
        except (RuntimeError, TypeError, ValueError):
            continue  # zeros are no operand of it
        try:
            found = run(sparse)
        except RuntimeError as error:
            assert "Hint" in str(error) or "sparse" in str(error).lower()
            continue
        for a, b in zip(found, expected, strict=True):
            a, b = (t.to_dense() if isinstance(t, Tensor) else torch.tensor(t) for t in (a, b))
            assert a.shape == b.shape
            np.testing.assert_allclose(a._data, b._data)


# ---------------------------------------------------------------- gradients


def test_it_is_a_tensor() -> None:
    s = made()
    assert type(s) is Tensor and isinstance(s, torch.Tensor) and isinstance(nn.Parameter(s), Tensor)
    assert made(requires_grad=True).is_leaf and made(requires_grad=True).grad is None


@pytest.mark.parametrize(
    "f",
    [
        lambda s, d: s @ d,
        lambda s, d: torch.sparse.mm(s, d),
        lambda s, d: d.t() @ s.t(),
        lambda s, d: s @ d[:, 0],
        lambda s, d: (s * d.t() + s * s * 2).to_dense(),
        lambda s, d: torch.sparse.softmax(s, 1).to_dense(),
        lambda s, d: torch.sparse.log_softmax(s, 0).to_dense(),
        lambda s, d: torch.sparse.sum(s * d.t(), 0).to_dense(),
        lambda s, d: torch.sparse.mm(s, s.t()).to_dense(),
        lambda s, d: s.sin().sqrt().to_dense(),
        lambda s, d: torch.cat([s, s.neg()], 1).to_dense(),
        lambda s, d: s.index_select(1, torch.tensor([2, 0, 2])).to_dense(),
        lambda s, d: s[1].to_dense(),
        lambda s, d: d.t().sparse_mask(s.detach()).coalesce().values(),
        lambda s, d: d + s.t(),
        lambda s, d: s.unsqueeze(1).transpose(0, 1).to_dense(),
        lambda s, d: torch.sparse.addmm(d.t() @ d, s, d),
        lambda s, d: s.coalesce().values(),
    ],
)
def test_gradients_to_second_order(f: object) -> None:
    def of_values(v: Tensor, d: Tensor) -> Tensor:
        return f(torch.sparse_coo_tensor(I, v, (2, 3), is_coalesced=True), d)

    v = torch.tensor([0.3, 0.4, 0.5], dtype=torch.float64, requires_grad=True)
    d = torch.rand(3, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(of_values, (v, d))
    assert torch.autograd.gradgradcheck(of_values, (v, d))


def test_uncoalesced_values_each_get_the_gradient_of_their_element() -> None:
    v = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64, requires_grad=True)

    def f(v: Tensor) -> Tensor:
        s = torch.sparse_coo_tensor([[1, 0, 1], [0, 0, 0]], v, (2, 1))
        return torch.cat([(s * s).to_dense(), s.to_dense() ** 3, s.sin().to_dense(), s @ s.t() @
                          torch.ones(2, 1, dtype=torch.float64)])  # fmt: skip

    assert torch.autograd.gradcheck(f, v)


@pytest.mark.parametrize("f", [lambda w: w.tanh(), lambda w: w.t().contiguous().t(),
                               lambda w: w + w[0], lambda w: w.double().float()])  # fmt: skip
def test_a_computed_table_gets_a_dense_gradient(f: object) -> None:
    at = torch.tensor([1, 1, 0])
    w = torch.arange(8.0).reshape(4, 2).div(10).requires_grad_()
    sparse, dense = (
        torch.autograd.grad((F.embedding(at, f(w), sparse=k) ** 2).sum(), w)[0]
        for k in (True, False)
    )
    torch.testing.assert_close(sparse, dense)


def test_gradients_meet_in_a_table() -> None:
    """Sparse and dense contributions add up, in one walk and over several."""
    w = torch.zeros(4, 2, requires_grad=True)
    at = torch.tensor([3, 1, 1])

    def run(*kinds: bool) -> None:
        torch.stack([F.embedding(at, w, sparse=k).sum() for k in kinds]).sum().backward()

    run(True, True)
    first = w.grad
    assert first.is_sparse and first._nnz() == 3
    run(True)
    assert w.grad is first and w.grad.to_dense()[1].tolist() == [6, 6]
    run(False)
    assert first.is_sparse and not w.grad.is_sparse and w.grad[1].tolist() == [8, 8]
    second = w.grad
    run(True)
    assert w.grad is second and w.grad.tolist() == [[0, 0], [10, 10], [0, 0], [5, 5]]


def test_the_gradient_owns_its_values() -> None:
    w, g = torch.zeros(4, 2, requires_grad=True), torch.ones(2, 2)
    F.embedding(torch.tensor([0, 1]), w, sparse=True).backward(g)
    w.grad._values().mul_(5)
    assert g.tolist() == [[1, 1], [1, 1]] and w.grad.to_dense()[0].tolist() == [5, 5]


def test_double_backward_through_a_sparse_gradient() -> None:
    def f(w: Tensor, sparse: bool) -> Tensor:
        out = F.embedding(torch.tensor([[1, 1], [0, 2]]), w, padding_idx=2, sparse=sparse)
        (g,) = torch.autograd.grad((out**3).sum(), w, create_graph=True)
        return (g.to_dense() ** 2).sum()

    w = torch.rand(3, 2, dtype=torch.float64, requires_grad=True)
    found, expected = (torch.autograd.grad(f(w, k), w)[0].to_dense() for k in (True, False))
    torch.testing.assert_close(found, expected)


def test_third_order_through_a_sparse_gradient() -> None:
    def f(w: Tensor, sparse: bool) -> Tensor:
        out = F.embedding(torch.tensor([[1, 1], [0, 2]]), w, sparse=sparse)
        (g,) = torch.autograd.grad((out**4).sum(), w, create_graph=True)
        (h,) = torch.autograd.grad((g.to_dense() ** 2).sum(), w, create_graph=True)
        return (h.to_dense().sin() * w).sum()

    w = torch.rand(3, 2, dtype=torch.float64, requires_grad=True)
    found, expected = (torch.autograd.grad(f(w, k), w)[0].to_dense() for k in (True, False))
    torch.testing.assert_close(found, expected)


def test_hooks_see_sparse_gradients() -> None:
    w, seen = torch.zeros(3, 1, requires_grad=True), []
    w.register_hook(lambda g: seen.append(g.is_sparse) or g * 2)
    w.register_post_accumulate_grad_hook(lambda p: seen.append(p.grad.is_sparse))
    F.embedding(torch.tensor([1]), w, sparse=True).sum().backward()
    assert seen == [True, True] and w.grad.to_dense().tolist() == [[0], [2], [0]]


def test_under_no_grad_and_frozen_tables_nothing_is_sparse() -> None:
    w = torch.zeros(3, 1)
    assert F.embedding(torch.tensor([1]), w, sparse=True).grad_fn is None
    with torch.no_grad():
        out = F.embedding(torch.tensor([1]), w.requires_grad_(), sparse=True)
    assert out.grad_fn is None and not out.requires_grad


def test_func_grad_of_a_sparse_embedding() -> None:
    w = torch.rand(3, 2)
    f = lambda w: F.embedding(torch.tensor([1, 1]), w, sparse=True).sum()  # noqa: E731
    assert torch.func.grad(f)(w).to_dense().tolist() == [[0, 0], [2, 2], [0, 0]]


@pytest.mark.filterwarnings("ignore")
def test_other_walks_carry_sparse_gradients() -> None:
    """Anomaly mode, saved-tensor hooks, checkpoints, gradient scaling, custom Functions."""
    at = torch.tensor([1, 1, 0])
    expected = [[1, 1], [2, 2], [0, 0]]

    def run(f: object) -> Tensor:
        w = torch.ones(3, 2, requires_grad=True)
        f(w)
        return w.grad

    def anomaly(w: Tensor) -> None:
        with torch.autograd.detect_anomaly():
            F.embedding(at, w, sparse=True).sum().backward()

    def hooks(w: Tensor) -> None:
        with torch.autograd.graph.saved_tensors_hooks(lambda t: t, lambda t: t):
            out = F.embedding(at, w, sparse=True)
        out.sum().backward()

    def scaled(w: Tensor) -> None:
        scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
        optimizer = torch.optim.SGD([w], lr=0.5)
        scaler.scale(F.embedding(at, w, sparse=True).sum()).backward()
        scaler.step(optimizer)
        assert w.tolist() == [[0.5, 0.5], [0, 0], [1, 1]]

    class Twice(torch.autograd.Function):
        @staticmethod
        def forward(ctx: object, x: Tensor) -> Tensor:
            return x * 1

        @staticmethod
        def backward(ctx: object, g: Tensor) -> Tensor:
            return torch.sparse_coo_tensor([[0, 1, 1]], torch.ones(3, 2), (3, 2))

    for f in (anomaly, hooks, scaled, lambda w: Twice.apply(w).sum().backward()):
        g = run(f)
        assert g.is_sparse and g.to_dense().tolist() == expected
    with torch.autograd.detect_anomaly():
        w = torch.ones(3, 2, requires_grad=True)
        with pytest.raises(RuntimeError, match="returned nan"):
            (F.embedding(at, w, sparse=True) * float("nan")).sum().backward()


# ---------------------------------------------------------------- optimizers and clipping


def table(**options: object) -> tuple[nn.Embedding, Tensor]:
    rows = nn.Embedding(4, 2, sparse=True, **options)
    rows(torch.tensor([1, 1, 0])).sum().backward()
    return rows, rows.weight.grad


def test_zero_grad_leaves_a_gradient_without_entries() -> None:
    rows, g = table()
    torch.optim.SGD(rows.parameters()).zero_grad(set_to_none=False)
    assert rows.weight.grad is g and g.is_sparse and g._nnz() == 0
    rows(torch.tensor([2])).sum().backward()
    assert rows.weight.grad.to_dense()[2].tolist() == [1, 1]


def test_clip_grad_norm_refuses_as_pytorch_does() -> None:
    rows, _ = table()
    with pytest.raises(NotImplementedError, match=r"linalg_vector_norm.*SparseCPU"):
        nn.utils.clip_grad_norm_(rows.parameters(), 1.0)


def test_sparse_adam_refuses() -> None:
    rows, _ = table()
    for options, words in (
        ({"lr": 0}, "Invalid learning rate: 0"),
        ({"eps": 0}, "Invalid epsilon value: 0"),
        ({"betas": (1.0, 0.9)}, "Invalid beta parameter at index 0"),
        ({"lr": torch.ones(2)}, "Tensor lr must be 1-element"),
    ):
        with pytest.raises(ValueError, match=words):
            torch.optim.SparseAdam(rows.parameters(), **options)
    with pytest.raises(ValueError, match=r"Sparse params at indices \[\[0, 0\]\]"):
        torch.optim.SparseAdam([made(requires_grad=True)])
    rows.weight.grad = torch.ones(4, 2)
    before = rows.weight.tolist()
    with pytest.raises(RuntimeError, match="does not support dense gradients"):
        torch.optim.SparseAdam(rows.parameters()).step()
    assert rows.weight.tolist() == before


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("SGD", {"weight_decay": 0.1}, r"add\(sparse, dense\) is not supported"),
        ("SGD", {"fused": True}, "`_fused_sgd` does not support sparse gradients"),
        ("Adagrad", {"weight_decay": 0.1}, "weight_decay option is not compatible with sparse"),
        ("Adagrad", {"fused": True}, "`fused` does not support sparse grad"),
        ("Adam", {"differentiable": True}, "Adam does not support sparse gradients"),
    ],
)
def test_options_that_do_not_go_with_sparse_gradients(
    name: str, options: dict[str, object], words: str
) -> None:
    rows, _ = table()
    before = rows.weight.tolist()
    with pytest.raises(RuntimeError, match=words):
        getattr(torch.optim, name)(rows.parameters(), **options).step()
    assert rows.weight.tolist() == before


def test_a_gradient_may_turn_from_dense_to_sparse() -> None:
    """An optimizer that remembers dense gradients looks again."""
    w = torch.ones(3, 2, requires_grad=True)
    for options in ({"lr": 0.5}, {"lr": 0.5, "momentum": 0.5}):
        optimizer = torch.optim.SGD([w], **options)
        for sparse in (False, False, True, False, True):
            optimizer.zero_grad()
            F.embedding(torch.tensor([1]), w, sparse=sparse).sum().backward()
            optimizer.step()
    adam = torch.optim.Adam([w])
    for sparse in (False, False):
        F.embedding(torch.tensor([1]), w, sparse=sparse).sum().backward()
        adam.step()
    adam.zero_grad()
    F.embedding(torch.tensor([1]), w, sparse=True).sum().backward()
    with pytest.raises(RuntimeError, match="please consider SparseAdam"):
        adam.step()


def test_sparse_adam_saves_and_continues() -> None:
    rows, _ = table()
    first = torch.optim.SparseAdam(rows.parameters(), lr=0.1)
    first.step()
    again = copy.deepcopy(rows)
    second = torch.optim.SparseAdam(again.parameters(), lr=0.7)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    for rows_, optimizer in ((rows, first), (again, second)):
        optimizer.zero_grad()
        rows_(torch.tensor([3, 1])).sum().backward()
        optimizer.step(lambda: 7)
    assert rows.weight.tolist() == again.weight.tolist()
    assert list(first.state[rows.weight]) == ["step", "exp_avg", "exp_avg_sq"]
    assert first.state[rows.weight]["step"] == 2


def test_a_version_is_counted_where_rows_are_written() -> None:
    for name in ("SGD", "Adagrad", "SparseAdam"):
        rows, _ = table()
        held = rows.weight * rows.weight
        getattr(torch.optim, name)(rows.parameters()).step()
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            held.sum().backward()


# ---------------------------------------------------------------- copies and files


def test_copies_and_files_keep_it() -> None:
    s = made().coalesce()
    hybrid = torch.sparse_coo_tensor([[3, 0]], torch.rand(2, 2, dtype=torch.float64), (4, 2))
    buffer = io.BytesIO()
    torch.save({"s": s, "h": hybrid, "p": nn.Parameter(made())}, buffer)
    buffer.seek(0)
    loaded = torch.load(buffer)
    for found, expected in ((copy.deepcopy(s), s), (pickle.loads(pickle.dumps(s)), s),
                            (loaded["s"], s), (loaded["h"], hybrid)):  # fmt: skip
        assert repr(found) == repr(expected) and found.is_coalesced() == expected.is_coalesced()
    assert isinstance(loaded["p"], nn.Parameter) and loaded["p"].is_sparse
    copied = s.clone()
    copied._values().zero_()
    assert s.to_dense().sum() == 12


def test_a_file_with_wrong_indices_is_refused() -> None:
    s = made()
    s._data.indices[0, 0] = 7
    buffer = io.BytesIO()
    torch.save(s, buffer)
    buffer.seek(0)
    with pytest.raises(Exception, match="size is inconsistent with indices"):
        torch.load(buffer)


# ---------------------------------------------------------------- what it costs others


def test_dense_programs_load_nothing_of_it() -> None:
    program = """
import sys, chainrule as torch
w = torch.ones(3, 2, requires_grad=True)
torch.nn.functional.embedding(torch.tensor([1]), w).sum().backward()
torch.optim.SGD([w]).step()
assert not [m for m in sys.modules if "ops.sparse" in m or m.endswith("kernels.coo")], sys.modules
from chainrule.core.primitive import INSTEAD
assert INSTEAD == []
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_indices_are_checked() -> None:
    with pytest.raises(RuntimeError, match="found negative index -1 for dim 1"):
        torch.sparse_coo_tensor([[0], [-1]], [1.0], (2, 2))
    with pytest.raises(RuntimeError, match="for dim 0, size is 2 but found index 5"):
        torch.sparse_coo_tensor([[5], [1]], [1.0], (2, 2))
    with pytest.raises(RuntimeError, match="too many elements"):
        torch.sparse_coo_tensor([[0, 1], [1, 1]], [1.0, 2.0], (1 << 40, 1 << 40)).coalesce()
    with pytest.raises(NotImplementedError, match="only coordinates"):
        torch.ones(2).to_sparse(torch.strided)
