"""Programs about `torch.fx`: transformers, rewriting, copies, fixed arguments, refusals."""

from __future__ import annotations

import copy
import pickle
from typing import Any

from surface.asked import attempt, module, program


def fx(torch: Any) -> Any:
    return module(torch, "fx")


def lines(text: str) -> list[str]:
    """The code without the empty lines around it."""
    return [line for line in text.splitlines() if line.strip()]


def block(torch: Any) -> Any:
    """A residual block with a parameter and a functional call."""
    nn = torch.nn

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.norm = nn.Conv2d(2, 2, 3, padding=1), nn.BatchNorm2d(2)
            self.gain = nn.Parameter(torch.full((2, 1, 1), 0.5))
            self.register_buffer("shift", torch.ones(1))

        def forward(self, x: Any) -> Any:
            y = torch.relu(self.norm(self.conv(x)))
            y = (y * self.gain + x).flatten(1)
            return torch.sigmoid(y).mean(dim=-1, keepdim=True) + self.shift

    torch.manual_seed(0)
    return Block().eval()


@program
def fx_transformer(torch: Any) -> Any:
    F = fx(torch)
    traced = F.symbolic_trace(block(torch))

    class Swapped(F.Transformer):
        def call_function(self, target: Any, args: Any, kwargs: Any) -> Any:
            if target is torch.sigmoid:
                return torch.tanh(*args, **kwargs) * 2
            return super().call_function(target, args, kwargs)

        def call_method(self, target: str, args: Any, kwargs: Any) -> Any:
            return super().call_method("sum" if target == "mean" else target, args, kwargs)

    made = Swapped(traced).transform()
    same = F.Transformer(traced).transform()
    x = torch.arange(32.0).reshape(1, 2, 4, 4) / 32
    default = F.symbolic_trace(lambda x, y=2.0, *rest: x * y)
    return [
        lines(made.code),
        torch.equal(same(x), traced(x)),
        made.conv is traced.conv,
        type(made).__name__,
        sorted(made.state_dict()),
        lines(F.Transformer(default).transform().code),
    ]


@program
def fx_replace_pattern(torch: Any) -> Any:
    F = fx(torch)
    relu, neg = torch.relu, torch.neg
    cases = {
        "each place": (
            lambda x, a, b: x + torch.max(torch.cat([a, b]).sum()) + torch.cat([a, b]).sum(),
            lambda a, b: torch.cat([a, b]).sum(),
            lambda a, b: torch.stack([a, b]),
        ),
        "overlapping": (
            lambda x: relu(relu(relu(x))), lambda x: relu(relu(x)), lambda x: torch.sigmoid(x)
        ),
        "beside": (
            lambda x: (relu(x).neg(), relu(x)), lambda x: relu(x).neg(), lambda x: torch.sigmoid(x)
        ),
        "read outside": (
            lambda x: (lambda r: (r.neg(), r + 1))(relu(x)),
            lambda x: relu(x).neg(),
            lambda x: torch.sigmoid(x),
        ),
        "constants": (
            lambda x: torch.add(x, 2) + torch.add(x, 3),
            lambda x: torch.add(x, 3),
            lambda x: torch.sub(x, 1),
        ),
        "two inputs are two values": (
            lambda x, y: torch.add(x, x) + torch.add(x, y),
            lambda x, y: torch.add(x, y),
            lambda x, y: torch.sub(x, y),
        ),
        "one value twice": (
            lambda x, y: torch.add(x, x) + torch.add(x, y),
            lambda x: torch.add(x, x),
            lambda x: torch.mul(x, 2),
        ),
        "after another": (
            lambda x: neg(relu(neg(relu(x)))), lambda x: neg(relu(x)), lambda x: torch.sin(x)
        ),
        "keywords": (
            lambda x: x.sum(dim=0) + x.sum(dim=1),
            lambda x: x.sum(dim=1),
            lambda x: x.mean(dim=1),
        ),
        "longer": (
            lambda x: torch.sigmoid(x) * 2,
            lambda x: torch.sigmoid(x),
            lambda x: 1 / (1 + torch.exp(-x)),
        ),
        "nothing": (lambda x: relu(x), lambda x: torch.sin(x), lambda x: torch.cos(x)),
    }  # fmt: skip

    def rewritten(f: Any, pattern: Any, replacement: Any) -> Any:
        traced = F.symbolic_trace(f)
        found = F.replace_pattern(traced, pattern, replacement)
        traced.graph.lint()
        return [[m.anchor.name for m in found], lines(traced.code)]

    counts = attempt(lambda: rewritten(lambda x, y: x + y, lambda x, y: x + y, lambda x: x))
    return {n: rewritten(*case) for n, case in cases.items()} | {"counts": counts}


@program
def fx_replace_modules(torch: Any) -> Any:
    F, nn = fx(torch), torch.nn

    class Old(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.act = nn.ReLU()

        def forward(self, x: Any) -> Any:
            return self.act(x)

    class New(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.tanh = nn.Tanh()

        def forward(self, x: Any) -> Any:
            return self.tanh(x)

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lin, self.act = nn.Linear(2, 2), nn.ReLU()

        def forward(self, x: Any) -> Any:
            return self.act(self.lin(x)) + 1

    traced = F.symbolic_trace(Net())
    found = F.replace_pattern(traced, Old(), New())
    return [
        [[k.name, v.name] for m in found for k, v in sorted(m.nodes_map.items(), key=str)],
        lines(traced.code)[1:],
        [n for n, _ in traced.named_children()],
    ]


@program
def fx_copies(torch: Any) -> Any:
    F = fx(torch)
    traced = F.symbolic_trace(block(torch))
    x = torch.arange(32.0).reshape(1, 2, 4, 4) / 32
    deep, flat = copy.deepcopy(traced), copy.copy(traced)
    back = pickle.loads(pickle.dumps(F.symbolic_trace(torch.nn.Sequential(torch.nn.ReLU()))))
    with torch.no_grad():
        deep.gain.add_(1)
    return [
        lines(deep.code) == lines(flat.code) == lines(traced.code),
        [deep.conv is traced.conv, flat.conv is traced.conv],
        torch.equal(flat(x), traced(x)),
        torch.equal(deep(x), traced(x)),
        [back.training, lines(back.code), back(torch.tensor([-1.0, 2.0]))],
        [str(n.target) for n in back.graph.nodes],
    ]


@program
def fx_submodules(torch: Any) -> Any:
    traced = fx(torch).symbolic_trace(block(torch))
    added = traced.add_submodule("more.deep", torch.nn.ReLU())
    before = [n for n, _ in traced.named_modules()]
    traced.delete_all_unused_submodules()
    after = [n for n, _ in traced.named_modules()]
    return [
        added,
        before,
        after,
        traced.delete_submodule("nothing"),
        traced.delete_submodule("conv"),
        attempt(traced.graph.lint),
    ]


@program
def fx_fixed_arguments(torch: Any) -> Any:
    F = fx(torch)

    def branch(x: Any, flag: Any, y: Any = 3) -> Any:
        return x * y if flag else x + y

    kept = F.symbolic_trace(branch, concrete_args={"flag": True})
    other = F.symbolic_trace(branch, concrete_args={"flag": False, "y": 5})
    none = F.symbolic_trace(lambda x, y: x if y is None else x + y, concrete_args={"y": None})
    return [
        [kept(2, True), kept(2, True, 4), attempt(lambda: kept(2, False))],
        [other(2, False, 5), attempt(lambda: other(2, False, 6))],
        [none(1, None), attempt(lambda: none(1, 3))],
    ]


@program
def fx_refusals(torch: Any) -> Any:
    trace = fx(torch).symbolic_trace
    programs = {
        "if": lambda x: x if x.sum() > 0 else -x,
        "and": lambda x: x and 3,
        "not": lambda x: not x,
        "for": lambda x: [i for i in x],  # noqa: C416
        "star": lambda x: (lambda *a: a)(*x),
        "double star": lambda x: (lambda **a: a)(**x),
        "in": lambda x: 3 in x,
        "len": lambda x: len(x),
        "int": lambda x: int(x),
        "float": lambda x: float(x),
        "range": lambda x: range(x),
        "list index": lambda x: [1, 2][x],
    }
    return {n: attempt(lambda f=f: trace(f)) for n, f in programs.items()}


@program
def fx_shapes(torch: Any) -> Any:
    traced = fx(torch).symbolic_trace(block(torch))
    shapes = module(torch, "fx.passes.shape_prop").ShapeProp(traced)
    shapes.propagate(torch.ones(2, 2, 4, 4))
    noted = {n.name: n.meta["tensor_meta"] for n in traced.graph.nodes}
    split = fx(torch).symbolic_trace(lambda x: x.split(1)[0])
    module(torch, "fx.passes.shape_prop").ShapeProp(split).propagate(torch.ones(2, 3))
    return [
        {n: [list(m.shape), str(m.dtype), list(m.stride)] for n, m in noted.items()},
        [n.meta["type"].__name__ for n in traced.graph.nodes],
        [len(n.meta["tensor_meta"]) for n in split.graph.nodes if n.name == "split"],
    ]
