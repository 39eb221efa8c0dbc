"""Calls with awkward operands: indices that count from the end, NaN and inf in a matrix, empty and
0-d tensors, mixed dtypes, `out=` of another dtype, bfloat16.

An expression of `torch`, of the makers of operands in `core/wrong_calls.py`, and of
`grad(f, *operands)`: the gradients of f, with a ramp as cotangent. `tools/record_awkward.py` asks
PyTorch and keeps its answers in `tests/data/awkward.json`; `test_awkward.py` asks chainrule. Where
a line begins with ~ only the class of the error is compared.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[1])]
from core import wrong_calls  # noqa: E402
from core.asking import raised  # noqa: E402

DATA = Path(__file__).parents[1] / "data" / "awkward.json"
NAN = "torch.tensor([[float('nan'), 1.], [2., 3.]])"
INF = "torch.tensor([[float('inf'), 1.], [2., 3.]])"

CALLS = f"""
torch.gather(F(), 0, I(2,3)-1)
torch.gather(F(), 0, I(2,3)+2)
torch.gather(F().T, 1, I(3,2)-1)
torch.gather(V(), 0, I(2)-1)
torch.gather(V(), 0, I(2)-9)
torch.gather(torch.tensor(2.), 0, torch.tensor(-1))
torch.gather(torch.ones(50,60), 0, I(50,60)-1)
torch.scatter(F(), 0, I(2,3)-1, F())
torch.scatter(F(), 0, I(2,3)-1, 2.)
torch.scatter(torch.ones(50,60), 0, I(50,60)-1, 1.)
torch.scatter(torch.tensor(2.), 0, torch.tensor(-1), 3.)
torch.scatter_add(F(), 0, I(2,3)-1, F())
torch.scatter_add(F(), 0, I(2,3)+2, F())
torch.scatter_reduce(F(), 0, I(2,3)-1, F(), 'amax')
torch.index_add(F(), 0, I(2)-1, F())
torch.index_add(torch.ones(50,60), 0, I(50)-1, torch.ones(50,60))
torch.index_add(torch.ones(0,3), 0, I(2), F())
torch.index_add(torch.ones(2,0), 0, I(2)+5, torch.ones(2,0))
torch.index_copy(F(), 0, I(2)-1, F())
torch.index_copy(F(), 0, I(2)+2, F())
~torch.index_copy(torch.tensor(1.5), 0, I(2), F())
torch.index_reduce(F(), 0, I(2)-1, F(), 'prod')
torch.index_fill(F(), 0, I(2)-1, 2.)
torch.index_select(F(), 0, I(2)-1)
torch.take(F(), I(2)-1)
torch.take_along_dim(F(), I(2,3)-1, 0)
torch.take_along_dim(F(), I(2,3)-3, 0)
torch.take_along_dim(F(), I(1)-1)
torch.take_along_dim(F(), torch.ones(0))
torch.take_along_dim(F(), F().int())
torch.repeat_interleave(torch.tensor([1,2],dtype=torch.int32))
torch.repeat_interleave(torch.tensor([1,2],dtype=torch.int16))
torch.roll(torch.ones(0,3), 2, 2)
F().diff(0,7)
V().tril_()
V().triu_(1)
torch.linalg.svd({NAN})
torch.linalg.svdvals(torch.eye(3) * float('inf'))
torch.linalg.svdvals({NAN})
torch.linalg.eig({NAN})
torch.linalg.inv({NAN})
torch.linalg.inv(torch.stack([torch.eye(2), {NAN}]))
torch.linalg.inv_ex({NAN})
torch.linalg.solve({NAN}, torch.ones(2))
torch.linalg.solve(torch.stack([torch.eye(2), {NAN}]), torch.ones(2,2,3))
torch.linalg.solve(torch.eye(2), {NAN})
torch.linalg.inv({INF})
torch.linalg.lu_solve(torch.eye(3), torch.tensor([1,2,9],dtype=torch.int32), V().reshape(3,1))
torch.linalg.lu_solve(torch.eye(3), torch.tensor([1,-2,3],dtype=torch.int32), V().reshape(3,1))
torch.nuclear_norm(torch.ones(2,3,4,5))
torch.cholesky(torch.ones(0,3))
torch.cross(F(), F().double())
torch.linalg.cross(F(), F().int())
torch.einsum('i,i->i', V(), V().double())
torch.einsum('i,j->ij', V(), V().double())
torch.einsum('i,i->', V(), V().double())
Q().int().addr_(V(), V())
Q().addr_(V(), C()[0])
torch.sum(F(), 0, out=torch.empty(0, dtype=torch.int64))
torch.sum(F(), 0, out=torch.empty(0, dtype=torch.float64))
torch.sum(F(), 0, out=torch.empty(0, dtype=torch.float16))
torch.sum(I(2,3)+1, 0, out=torch.empty(0, dtype=torch.bool))
torch.sum(F(), 0, dtype=torch.float32, out=torch.empty(0, dtype=torch.float64))
torch.prod(F(), 0, out=torch.empty(0, dtype=torch.int64))
torch.mean(F(), 0, out=torch.empty(0, dtype=torch.float64))
torch.mean(F(), 0, out=torch.empty(0, dtype=torch.int64))
torch.mm(F(), F().T, out=torch.empty(0, dtype=torch.float64))
torch.linalg.inv(Q(), out=torch.empty(0, dtype=torch.float64))
torch.softmax(F(), 0, out=torch.empty(0, dtype=torch.float64))
torch.tril(F(), out=torch.empty(0, dtype=torch.float64))
torch.where(B(), F(), F(), out=torch.empty(0, dtype=torch.float64))
torch.sort(F(), out=(torch.empty(0, dtype=torch.float64), torch.empty(0, dtype=torch.int64)))
torch.cat([F(), F()], out=torch.empty(0, dtype=torch.int64))
torch.exp(F(), out=torch.empty(0, dtype=torch.int64))
torch.bernoulli(torch.ones(3), out=torch.empty(0, dtype=torch.int64))
torch.slice_scatter(F(), F(), out=torch.empty(0))
torch.diagonal_copy(F(), out=torch.empty(0))
torch.nn.functional.softplus(F(), out=torch.empty(0))
torch.nn.functional.adaptive_avg_pool2d(F(), 1)
torch.adaptive_avg_pool1d(I(2,3), 0)
torch.nn.functional.adaptive_max_pool1d(torch.ones(0,3), 2)
torch.nn.functional.adaptive_max_pool2d(torch.ones(0,2,3), 2)
torch.nn.functional.channel_shuffle(torch.ones(2,0,3), 2)
torch.nn.functional.binary_cross_entropy(F(), F(), F().double())
torch.nn.functional.multi_margin_loss(F(), C()[:,0])
torch.nn.functional.normalize(F(), None)
torch.nn.functional.cosine_similarity(F(), F(), 1, True)
torch.masked.sum(F(), dim=True)
torch.kl_div(F(), F(), reduction=7)
torch.clamp_min(F(), min=0.5)
~torch.special.airy_ai(input=F())
torch.special.hermite_polynomial_h(x=F(), n=2)
F().count_nonzero(0, 1)
torch.rsub(F(), torch.tensor(1), 2)
~torch.rsub(F(), F(), 2)
torch.result_type(tensor=F(), other=1)
torch.sparse_coo_tensor(3, 4, 5)
torch.zeros(1 << 50)
torch.ones(3).repeat(1 << 40)
torch.outer(torch.ones(1 << 20), torch.ones(1 << 20))
~torch.sum(F(), 0, dtype=[])
~torch.narrow(F(), 0, 0, 1.5)
torch.slice_copy(torch.tensor(1.5))
~torch.tensor_split(F(), torch.float32)
~torch.nn.ConvTranspose1d(2, 3, 3)(R(1,2,8), 9)
~torch.nn.Bilinear([0,0], 3, 3)
~torch.unfold_copy(F(), 0, True, 1)
~torch.permute(F(), np.array([0,1]))
grad(lambda x: x.log2(), V().bfloat16())
grad(lambda x: x.rsqrt(), V().bfloat16())
grad(lambda x: x.deg2rad(), V().bfloat16())
grad(lambda x: x * 2.5, V().bfloat16())
grad(lambda x: torch.take_along_dim(x, I(2,3)-1, 0), F())
grad(lambda x: torch.gather(x, 0, I(2,3)-1), F())
grad(lambda x, y: torch.einsum('i,i->i', x, y), V(), V().double())
grad(lambda x: torch.nn.functional.embedding(I(2,0), x), F())
"""


def listed() -> list[tuple[str, bool]]:
    """(call, whether the words of an error are compared)."""
    lines = CALLS.strip().split("\n")
    return [(line.lstrip("~"), not line.startswith("~")) for line in lines]


def answer(call: str, torch: Any) -> Any:
    """["gives", plain result] or ["raises", class, first sentence]."""

    def grad(f: Any, *operands: Any) -> Any:
        leaves = [t.detach().requires_grad_() for t in operands]
        made = f(*leaves)
        ramp = (torch.arange(made.numel()) + 1) / (made.numel() + 1)
        return torch.autograd.grad(made, leaves, ramp.reshape(made.shape).to(made.dtype))

    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            made = eval(call, wrong_calls.names(torch) | {"grad": grad})
        except Exception as error:
            told = raised(error)
            return ["raises", told["raises"].lstrip("_"), told["says"]]
    return ["gives", wrong_calls.plain(torch, made)]
