"""What is asked of PyTorch and of chainrule about sparse tensors: small expressions, and training
of embeddings with sparse gradients."""

from __future__ import annotations

from typing import Any

SETUP = """
i = torch.tensor([[0, 1, 1], [2, 0, 2]])
v = torch.tensor([3.0, 4.0, 5.0])
s = torch.sparse_coo_tensor(i, v, (2, 3))
u = torch.sparse_coo_tensor([[1, 0, 1], [0, 0, 0]], [1.0, 2.0, 3.0], (2, 3))
h = torch.sparse_coo_tensor([[0, 0, 1], [0, 2, 1]], [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], (2, 3, 2))
r = torch.sparse_coo_tensor([[0, 1]], [[1.0, 2.0], [3.0, 4.0]], (3, 2))
d = torch.arange(6.0).reshape(2, 3)
m = torch.arange(6.0).reshape(3, 2)
W = torch.arange(8.0).reshape(4, 2)
F = torch.nn.functional
c = torch.tensor([[1j, 2.0], [3, 4]])
z = torch.sparse_coo_tensor([[0, 1], [1, 0]], [1 + 1j, 2])

def leaf(x=s):
    return x.detach().clone().requires_grad_()

def total(o):
    return o.sum() if o.layout == torch.strided else torch.sparse.sum(o)

def grad_of(f, x=s):
    x = leaf(x)
    out = f(x)
    total(out).abs().backward()
    return type(out.grad_fn).__name__, x.grad

def table_grad(f):
    w = W.clone().requires_grad_()
    out = f(w)
    (out * out).sum().backward()
    return type(out.grad_fn).__name__, w.grad
"""

_FACTS = """
s | u | h | r | s.coalesce() | u.coalesce() | h.to_dense() | u.to_dense()
(s.layout, s.is_sparse, d.is_sparse, s.shape, s.dtype, s.dim(), s.numel(), len(s), s._nnz())
(s.sparse_dim(), s.dense_dim(), h.sparse_dim(), h.dense_dim(), d.sparse_dim(), d.dense_dim())
(s.is_coalesced(), s.coalesce().is_coalesced(), s.coalesce().indices(), s._values())
s.indices() | s.values() | d.indices() | d.values() | d.coalesce() | d.is_coalesced() | d._nnz()
s.double() | s.long() | s.bool() | s.to(torch.float16) | s.clone() | s.detach()
leaf() | leaf() * 2
torch.sparse_coo_tensor(size=(2, 3)) | torch.sparse_coo_tensor((2, 3))
torch.sparse_coo_tensor([[0, 1]], [1 + 2j, 3]) | torch.sparse_coo_tensor([[0, 1]], [True, False])
torch.sparse_coo_tensor([[]], torch.zeros(0, dtype=torch.float64), (3,))
torch.sparse_coo_tensor(torch.zeros(0, 1, dtype=torch.int64), torch.tensor([2.0]), ())
torch.sparse_coo_tensor([[1, 2]], [1.0], (3,))
torch.sparse_coo_tensor([[1, 2]], [1.0, 2.0], (3, 3))
torch.sparse_coo_tensor([1, 2], [1.0, 2.0], (3,)) | torch.sparse_coo_tensor([0, 1], [1.0, 2.0])
torch.sparse_coo_tensor([[0, 1]], [[1.0, 2.0], [3.0, 4.0]], (3, 5))
torch.sparse_coo_tensor([[1.5, 2]], [1.0, 2.0], (3,))
torch.sparse_coo_tensor(torch.arange(40)[None], torch.arange(80.0).reshape(40, 2) * 1.5, (40, 2))
torch.ones(2, 2000).to_sparse() | torch.zeros(3, 0, 2).to_sparse(2) | d.to_sparse() | d.to_sparse(1)
d.to_sparse(3) | torch.tensor(2.0).to_sparse() | s.to_sparse() is s | torch.nn.Parameter(s)
d.sparse_mask(s) | d.sparse_mask(u) | s.sparse_mask(u.coalesce()) | d.sparse_mask(r)
r.clone().sparse_resize_((4, 2), 1, 1) | r.clone().sparse_resize_((2, 2), 1, 1)
r.clone().sparse_resize_((4, 2, 1), 1, 1) | r.clone().sparse_resize_((4, 2), 2, 0)
r.clone().sparse_resize_and_clear_((2, 2), 2, 0) | s.clone().zero_() | torch.zeros_like(s)
torch.ones_like(s) | s.numpy() | bool(s) | s.long().requires_grad_() | torch.is_tensor(s)
torch.sparse_coo_tensor([[0]], [3.0], (1,)).item() | s.item() | f"{s}"
"""
_ARITHMETIC = """
(u + s).coalesce() | u + u | s.coalesce() + s.coalesce() | s - s | torch.add(s, s, alpha=2)
d + s | d - s | s + d | s - d | s + 1 | 1 - s | s + s.t() | torch.ones(3) + s
torch.add(d, s, alpha=2) | torch.sub(d, s, alpha=3) | torch.ones(2, 3, dtype=torch.int64) + s
s.double() + s | s * d | d * s | s * d[0] | s * d[:, :1] | s * s | s * 2 | 2 * s | -s | s * True
s * torch.tensor(2.0) | s / 2 | s / d | s / s | 2 / s | s**2 | s // 2 | u * d
s.abs() | s.sqrt() | s.sin() | s.relu() | s.tanh() | s.log1p() | s.expm1() | s.sign() | s.square()
s.isnan() | s.floor() | s.erf() | s.asin() | u.abs() | u.neg() | u.sqrt()
s.exp() | s.cos() | s.sigmoid() | s.reciprocal() | s.all() | s.nonzero() | s.prod() | s.argmax()
torch.exp(s) | s.cumsum(0) | torch.linalg.vector_norm(s) | s.any() | s.conj()
s.clone().mul_(2) | s.clone().add_(u).coalesce() | s.clone().add_(d) | d.clone().add_(s, alpha=2)
d.clone().sub_(s) | s.clone().copy_(u) | s.clone().div_(2) | s.clone().fill_(1.0)
"""
_FUNCTIONS = """
s.t() | s.T | s.mT | s.permute(1, 0) | h.transpose(0, 1) | h.transpose(0, 2) | r.t()
s[0] | s[0, 2] | s[:, 1] | list(s) | s.select(1, 2) | s.unsqueeze(1)
torch.index_select(s, 1, torch.tensor([2, 0, 2])).to_dense()
torch.cat([s, s]) | torch.stack([s, s])
s.sum() | s.sum(0) | s.sum(1, keepdim=True) | s.sum(0, keepdim=True)
torch.sparse.sum(h) | torch.sparse.sum(h, 0) | torch.sparse.sum(h, 1) | torch.sparse.sum(h, 2)
torch.sparse.sum(h, (0, 1)) | torch.sparse.sum(h, (0, 2)) | torch.sparse.sum(h, (0, 1, 2))
torch.sparse.sum(h, dtype=torch.float64) | torch.sparse.sum(d)
s @ m | torch.mm(s, m) | s @ m[:, 0] | s.mv(m[:, 0]) | m @ s | s @ s.t() | torch.matmul(s, m)
torch.sparse.mm(s, m) | torch.sparse.mm(m, s) | torch.sparse.mm(s, s.t()) | torch.sparse.mm(d, m)
torch.addmm(torch.ones(2, 2), s, m) | torch.sparse.addmm(torch.ones(2, 2), s, m, beta=2, alpha=3)
s @ torch.ones(2, 2) | s @ torch.ones(2) | h @ torch.ones(2, 2)
torch.sparse.softmax(s, 1) | torch.sparse.softmax(h, 1) | torch.sparse.softmax(h, 2)
torch.sparse.log_softmax(s, 1) | torch.sparse.softmax(u, 1) | torch.sparse.softmax(s.long(), 1)
torch.sparse.softmax(d, 1)
F.linear(torch.ones(4, 3), s) | F.linear(s, d) | F.linear(s, d, torch.ones(2)) | s.type() | d.type()
d.clone().copy_(s) | s.is_contiguous()
"""
_GRADIENTS = """
x.to_dense() * d | x @ m | torch.mm(x, m) | x @ m[:, 0] | torch.sparse.mm(x, m) | x.sum() | x * 3
torch.sparse.sum(x) | torch.sparse.sum(x, 0) | x * d | x * d[0] | -x | x.abs() | x.relu() | x**2
x / 2 | d + x | x + x.detach() | x.t() * 2 | x.clone() | x.double() | torch.sparse.softmax(x, 1) * d
torch.sparse.log_softmax(x, 1) * d | x.coalesce() | x.coalesce().values() * 2
x.sparse_mask(x.detach().coalesce()) | torch.sparse.addmm(torch.ones(2, 2), x, m)
torch.sparse.mm(x, m) + x.to_dense() @ m | torch.mm(x, m) + torch.sparse.mm(x, m)
"""
_DENSE = """
s * x | x + s | x.sparse_mask(s) | x.to_sparse() | torch.sparse.mm(s, x.t()) | s @ x.t() | s @ x[0]
x @ s.t() | F.linear(s, x)
"""
_TABLES = """
F.embedding(k, w, sparse=True) | F.embedding(k, w, padding_idx=1, sparse=True)
F.embedding(k, w, padding_idx=-1, sparse=True) | F.embedding(k, w, max_norm=1.0, sparse=True)
F.embedding(k, w, scale_grad_by_freq=True, sparse=True)
F.embedding_bag(k, w, mode="sum", sparse=True) | F.embedding_bag(k, w, mode="mean", sparse=True)
F.embedding_bag(k, w, mode="max", sparse=True)
F.embedding_bag(k, w, mode="sum", padding_idx=1, sparse=True)
F.embedding_bag(k, w, mode="mean", padding_idx=1, sparse=True)
F.embedding_bag(k, w, mode="mean", scale_grad_by_freq=True, sparse=True)
F.embedding_bag(k, w, mode="sum", per_sample_weights=p, sparse=True)
F.embedding(k, w, sparse=True).sum(0) + F.embedding(k[0], w)
F.embedding(k, w, sparse=True).sum() + (w * w).sum() + F.embedding(k[0], w, sparse=True).sum()
torch.gather(w, 0, k, sparse_grad=True) | F.embedding(k[:0], w, sparse=True)
F.embedding(k[0, 0], w, sparse=True) | F.embedding(k.int(), w, sparse=True)
"""
_MORE = """
grad_of(lambda t: s * t, torch.tensor(2.0)) | grad_of(lambda t: s / t, torch.tensor(2.0))
grad_of(lambda x: torch.sparse.mm(x, c), torch.sparse_coo_tensor([[0, 1], [1, 0]], [1 + 1j, 2]))
grad_of(lambda y: torch.sparse.mm(z, y).sum() ** 2, c)
"""


def _split(text: str) -> list[str]:
    return [e.strip() for line in text.strip().splitlines() for e in line.split(" | ")]


def expressions() -> list[str]:
    """Everything that is asked, as Python expressions over `SETUP`."""
    values = "k = torch.tensor([[3, 1], [1, 0]]), p = torch.tensor([[1., 2.], [3., 4.]])"
    made = _split(_FACTS) + _split(_ARITHMETIC) + _split(_FUNCTIONS) + _split(_MORE)
    for x in ("s", "u"):
        made += [f"grad_of(lambda x: {e}, {x})" for e in _split(_GRADIENTS)]
    made += [f"grad_of(lambda x: {e}, d)" for e in _split(_DENSE)]
    return made + [f"table_grad(lambda w, {values}: {e})" for e in _split(_TABLES)]


def answer(torch: Any, expression: str) -> str:
    """What an expression gives: its text, or the error's class and first line."""
    space: dict[str, Any] = {"torch": torch}
    exec(SETUP, space)
    try:
        return repr(eval(expression, space))
    except (RuntimeError, TypeError, ValueError, IndexError) as error:
        first = str(error).split("\n")[0].split(" This could be because")[0]
        return f"{type(error).__name__}: {first}"


# ---------------------------------------------------------------- training

STEPS, KEEP = 50, (0, 1, 2, 49)
OPTIMIZERS: list[tuple[str, dict[str, Any]]] = [
    ("SparseAdam", {}),
    ("SparseAdam", {"lr": 0.1, "betas": (0.5, 0.8), "eps": 0.1}),
    ("SparseAdam", {"lr": 0.02, "maximize": True}),
    ("SparseAdam", {"lr": "tensor"}),
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "dampening": 0.3}),
    ("SGD", {"lr": "tensor", "maximize": False}),
    ("Adagrad", {"lr": 0.1}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.1, "initial_accumulator_value": 0.5}),
    ("Adagrad", {"lr": 0.01, "maximize": True}),
]
TABLES: list[dict[str, Any]] = [{}, {"padding_idx": 1}, {"max_norm": 1.0}]
REFUSING = "Adadelta Adafactor Adam AdamW Adamax ASGD Muon NAdam RAdam RMSprop Rprop".split()


def trajectory(torch: Any, case: int, table: int) -> list[Any]:
    """Train an embedding with repeated rows, used several times a step; losses and tables."""
    name, options = OPTIMIZERS[case]
    options = {k: torch.tensor(0.1) if v == "tensor" else v for k, v in options.items()}
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        torch.manual_seed(case)
        rows = torch.nn.Embedding(7, 3, sparse=True, **TABLES[table])
        head = torch.nn.Linear(3, 2)
        first = getattr(torch.optim, name)(rows.parameters(), **options)
        second = torch.optim.SGD(head.parameters(), lr=0.01)
        at = [[[0, 1, 1], [4, 6, 2]], [[3, 3, 3], [0, 1, 0]], [[5, 2, 1]]]
        kept = []
        for step in range(STEPS):
            first.zero_grad()
            second.zero_grad()
            x = rows(torch.tensor(at[step % 3])).sum(1)
            if step % 2:
                x = x + rows(torch.tensor(at[0])).mean((0, 1))
            loss = (head(x) ** 2).mean()
            loss.backward()
            first.step()
            second.step()
            if step in KEEP:
                kept.append([loss.item(), rows.weight.tolist()])
        return kept
    finally:
        torch.set_default_dtype(before)


def refusal(torch: Any, name: str) -> str:
    """What an optimizer says to a sparse gradient."""
    w = torch.ones(4, 2, requires_grad=True)
    torch.nn.functional.embedding(torch.tensor([1]), w, sparse=True).sum().backward()
    try:
        getattr(torch.optim, name)([w]).step()
    except RuntimeError as error:
        return str(error).split("\n")[0]
    return "no error"
