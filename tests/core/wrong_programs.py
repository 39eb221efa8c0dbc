"""Programs that are wrong: the class of the error and its first sentence are PyTorch's.

Each is a lambda of `torch`; see `asking.py`.
"""

from __future__ import annotations

from typing import Any

from core.asking import Program


def graph(torch: Any) -> tuple[Any, Any]:
    x = torch.ones(2, requires_grad=True)
    return x, x * x


WRONG: dict[str, Program] = {
    # backward and grad
    "backward of a vector": lambda torch: graph(torch)[1].backward(),
    "backward of a constant": lambda torch: torch.ones(1).backward(),
    "backward of a complex": lambda torch: (
        torch.ones(1, dtype=torch.complex64, requires_grad=True) * 2
    ).backward(),
    "gradient of another shape": lambda torch: graph(torch)[1].backward(torch.ones(3)),
    "gradient that is a list": lambda torch: graph(torch)[1].backward([1.0, 1.0]),
    "gradient that is a number": lambda torch: graph(torch)[1].backward(1.0),
    "complex gradient of a real": lambda torch: graph(torch)[1].backward(
        torch.ones(2, dtype=torch.complex64)
    ),
    "grad of a constant": lambda torch: torch.autograd.grad(graph(torch)[1].sum(), torch.ones(1)),
    "grad of a vector": lambda torch: torch.autograd.grad(graph(torch)[1], graph(torch)[0]),
    "grad of an unrelated": lambda torch: torch.autograd.grad(
        graph(torch)[1].sum(), graph(torch)[0]
    ),
    "grad of nothing": lambda torch: torch.autograd.grad(graph(torch)[1].sum(), []),
    # leaves
    "integer leaf": lambda torch: torch.tensor([1, 2], requires_grad=True),
    "boolean leaf": lambda torch: torch.ones(2, dtype=torch.bool).requires_grad_(),
    "integer zeros that require grad": lambda torch: torch.zeros(
        2, dtype=torch.int32, requires_grad=True
    ),
    "requires_grad of a result": lambda torch: setattr(graph(torch)[1], "requires_grad", False),
    "in-place on a leaf": lambda torch: graph(torch)[0].mul_(2),
    "augmented assignment on a leaf": lambda torch: graph(torch)[0].__iadd__(1),
    "writing into a leaf": lambda torch: graph(torch)[0].__setitem__(0, 1.0),
    "zeroing a leaf": lambda torch: graph(torch)[0].zero_(),
    "numpy of a graph": lambda torch: graph(torch)[1].numpy(),
    "deepcopy of a result": lambda torch: __import__("copy").deepcopy(graph(torch)[1]),
    "item of many": lambda torch: torch.ones(2).item(),
    "float of many": lambda torch: float(torch.ones(2)),
    "bool of many": lambda torch: bool(torch.ones(2)),
    "bool of none": lambda torch: bool(torch.ones(0)),
    "index from a float": lambda torch: [1, 2][torch.tensor(1.0)],
    "iteration over a scalar": lambda torch: list(torch.tensor(1.0)),
    "len of a scalar": lambda torch: len(torch.tensor(1.0)),
    # shapes
    "shapes that do not fit": lambda torch: torch.ones(2) + torch.ones(3),
    "shapes that do not fit, deeper": lambda torch: torch.ones(2, 3, 4) * torch.ones(2, 1, 5),
    "matrices that do not fit": lambda torch: torch.ones(2, 3) @ torch.ones(2, 3),
    "vectors that do not fit": lambda torch: torch.ones(2) @ torch.ones(3),
    "batches that do not fit": lambda torch: torch.bmm(torch.ones(2, 3, 4), torch.ones(3, 4, 5)),
    "mm of a vector": lambda torch: torch.mm(torch.ones(2), torch.ones(2, 2)),
    "reshape to another size": lambda torch: torch.ones(6).reshape(4, 2),
    "view to another size": lambda torch: torch.ones(6).view(4),
    "view of scattered memory": lambda torch: torch.ones(2, 3).t().view(6),
    "two unknown sizes": lambda torch: torch.ones(6).reshape(-1, -1),
    "expand to another size": lambda torch: torch.ones(2).expand(3),
    "cat of shapes that differ": lambda torch: torch.cat([torch.ones(2, 2), torch.ones(3, 3)]),
    "cat of nothing": lambda torch: torch.cat([]),
    "stack of shapes that differ": lambda torch: torch.stack([torch.ones(2), torch.ones(3)]),
    "squeeze of a wrong dim": lambda torch: torch.ones(2).squeeze(3),
    "transpose of a wrong dim": lambda torch: torch.ones(2).transpose(0, 1),
    "permute with too few dims": lambda torch: torch.ones(2, 3).permute(0),
    "unsqueeze beyond the end": lambda torch: torch.ones(2).unsqueeze(3),
    "broadcast in place": lambda torch: torch.ones(2).add_(torch.ones(2, 2)),
    # dims and indices
    "sum over a wrong dim": lambda torch: torch.ones(2).sum(1),
    "sum over a dim twice": lambda torch: torch.ones(2, 2).sum((0, 0)),
    "max of nothing": lambda torch: torch.ones(0).max(),
    "argmax of nothing": lambda torch: torch.ones(0).argmax(),
    "index out of range": lambda torch: torch.ones(2)[2],
    "too many indices": lambda torch: torch.ones(2)[0, 0],
    "index of a scalar": lambda torch: torch.tensor(1.0)[0],
    "index that is a string": lambda torch: torch.ones(2)["a"],
    "index that is a float": lambda torch: torch.ones(2)[1.0],
    "index tensor of floats": lambda torch: torch.ones(2)[torch.ones(1)],
    "index tensor out of range": lambda torch: torch.ones(2)[torch.tensor([2])],
    "mask of another shape": lambda torch: torch.ones(2)[torch.ones(3, dtype=torch.bool)],
    "slice with a negative step": lambda torch: torch.ones(2)[::-1],
    "gather with floats": lambda torch: torch.ones(2).gather(0, torch.ones(1)),
    "assigning another shape": lambda torch: torch.ones(2).__setitem__(slice(None), torch.ones(3)),
    # dtypes
    "bool minus bool": lambda torch: (
        torch.ones(2, dtype=torch.bool) - torch.ones(2, dtype=torch.bool)
    ),
    "minus bool": lambda torch: -torch.ones(2, dtype=torch.bool),
    "mean of integers": lambda torch: torch.ones(2, dtype=torch.int64).mean(),
    "matrices of two dtypes": lambda torch: (
        torch.ones(2, 2) @ torch.ones(2, 2, dtype=torch.float64)
    ),
    "integers to a negative power": lambda torch: torch.ones(2, dtype=torch.int64) ** -1,
    "float into integers": lambda torch: torch.ones(2, dtype=torch.int64).mul_(0.5),
    "complex into floats": lambda torch: torch.ones(2).mul_(1j),
    "order of complex numbers": lambda torch: torch.ones(2, dtype=torch.complex64) < 1,
    "floor of complex numbers": lambda torch: torch.ones(2, dtype=torch.complex64).floor(),
    "out of a smaller kind": lambda torch: torch.add(
        torch.ones(2), 1, out=torch.ones(2, dtype=torch.int64)
    ),
    "out with grad": lambda torch: torch.add(graph(torch)[0], 1, out=torch.ones(2)),
    # operands
    "sin of a number": lambda torch: torch.sin(1.0),
    "sin of a list": lambda torch: torch.sin([1.0]),
    "sin of nothing": lambda torch: torch.sin(),
    "add a string": lambda torch: torch.ones(1) + "a",
    "add None": lambda torch: torch.ones(1) + None,
    "add a list": lambda torch: torch.ones(1) + [1.0],
    "torch.add of a string": lambda torch: torch.add(torch.ones(1), "a"),
    "unknown keyword": lambda torch: torch.sin(torch.ones(1), axis=0),
    "tensor of a string": lambda torch: torch.tensor("a"),
    "tensor of uneven lists": lambda torch: torch.tensor([[1.0], [1.0, 2.0]]),
    "tensor of None": lambda torch: torch.tensor(None),
    "zeros of a negative size": lambda torch: torch.zeros(-1),
    "zeros of a float size": lambda torch: torch.zeros(1.5),
    "dtype that is a string": lambda torch: torch.ones(1, dtype="float32"),
    "unknown device": lambda torch: torch.ones(1, device="abc"),
    "unknown attribute of a tensor": lambda torch: torch.ones(1).no_such_thing,
    "cat of a tensor": lambda torch: torch.cat(torch.ones(2)),
    "cat of numbers": lambda torch: torch.cat([1.0, 2.0]),
    "where without condition": lambda torch: torch.where(1.0, torch.ones(1), torch.ones(1)),
    "from_numpy of a list": lambda torch: torch.from_numpy([1.0]),
}
