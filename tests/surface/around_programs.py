"""Programs about names around modules and Functions: old Functions, rearrange, parallel modules."""

from __future__ import annotations

import pickle
import warnings
from typing import Any

from surface.asked import attempt, module, program

PATTERNS = """a b c -> c b a|a b c -> (a b) c|a ... -> ... a|... c -> c ...|a b c -> a 1 b c
a b c -> a b|a b -> a b|a b c -> a b c d|a a b -> a b|a b c|a b c -> a b c -> c|a b c -> (a b c)
... -> ...|a b c -> a () b c|a b c -> ((a b) c)|a b c -> (a b|a b 4 -> a b|... ... -> ...
a b c -> a b c ...|(...) -> ...|a b c -> (a ...)|a (...) -> a ...|_a b c -> _a|1a b c -> a
... a -> (...) a|a ... -> (... a)|a b c -> b (c a)""".replace("\n", "|").split("|")


@program
def rearrange_patterns(torch: Any) -> Any:
    x = torch.arange(24.0).reshape(2, 3, 4)
    return {p: attempt(lambda p=p: torch.func.rearrange(x, p)) for p in PATTERNS}


@program
def rearrange_sizes(torch: Any) -> Any:
    x = torch.arange(24.0).reshape(2, 3, 4)
    split = "a b (c d) -> a b c d"
    calls: list[tuple[Any, str, dict[str, int]]] = [
        (x, split, {"c": 2}),
        (x, split, {"d": 1}),
        (x, split, {"c": 3}),
        (x, "a b c -> a b c", {"e": 2}),
        (x, "a b c -> b a c", {"a": 2}),
        ([x, x + 1], "l a b c -> (l a) b c", {}),
        (x, "... (c d) -> c ... d", {"c": 2}),
        (x.reshape(2, 1, 12), "a 1 b -> b a", {}),
        (x.reshape(2, 1, 12), "a () b -> b a", {}),
    ]
    wrong = [(x, split, {}), (x, split, {"c": 2, "d": 3}), (x, "a b c -> a b c", {"a": 3})]
    return [attempt(lambda c=c: torch.func.rearrange(c[0], c[1], **c[2])) for c in calls] + [
        type(attempt(lambda c=c: torch.func.rearrange(c[0], c[1], **c[2]))).__name__ for c in wrong
    ]


@program
def old_functions(torch: Any) -> Any:
    function = torch.autograd.function

    class Extended(function.NestedIOFunction):
        def forward_extended(self, x: Any) -> Any:
            return x * 2

    class Static(function.NestedIOFunction):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * 5

    class Doubled(function.InplaceFunction):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.mark_dirty(x)
            return x.mul_(2)

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * 2

    x = torch.ones(2, requires_grad=True)
    y = Static.apply(x)
    return [
        type(attempt(lambda: Extended.apply(x))).__name__,
        y,
        torch.autograd.grad(y.sum(), x),
        torch.autograd.grad(Doubled.apply(x * 1).sum(), x),
        issubclass(function.NestedIOFunction, torch.autograd.Function),
        isinstance(y.grad_fn, function.BackwardCFunction),
    ]


@program
def compiled_module(torch: Any) -> Any:
    warnings.simplefilter("ignore")
    layer = torch.nn.Linear(2, 2)
    before = layer(torch.ones(1, 2))
    return [
        layer.compile(backend="eager"),
        torch.equal(layer(torch.ones(1, 2)), before),
        list(layer.state_dict()),
        torch.equal(pickle.loads(pickle.dumps(layer)).weight, layer.weight),
    ]


@program
def parallel_refusals(torch: Any) -> Any:
    parallel = torch.nn.parallel
    layer = torch.nn.Linear(2, 2)
    x = torch.ones(1, 2)
    return [
        attempt(lambda: parallel.DistributedDataParallel(layer)),
        attempt(lambda: parallel.data_parallel(layer, x)),
        attempt(lambda: parallel.replicate(layer, [0])),
        attempt(lambda: parallel.replicate(layer, [])),
        attempt(lambda: parallel.scatter([x, 3], ["cpu"])),
        attempt(lambda: parallel.gather([x], "cpu")),
        attempt(lambda: parallel.parallel_apply([layer, layer], [(x,)])),
        attempt(lambda: parallel.parallel_apply([layer], [(x,)])),
    ]


@program
def distributed_data_parallel_of_one(torch: Any) -> Any:
    dist = module(torch, "distributed")
    warnings.simplefilter("ignore")
    torch.manual_seed(0)
    store = {} if not hasattr(dist, "HashStore") else {"store": dist.HashStore()}
    dist.init_process_group("gloo", rank=0, world_size=1, **store)
    try:
        inner = torch.nn.Sequential(torch.nn.Linear(2, 1), torch.nn.BatchNorm1d(1))
        wrapped = torch.nn.parallel.DistributedDataParallel(inner)
        wrapped(torch.tensor([[1.0, 2.0], [0.0, 1.0], [2.0, 2.0]])).pow(3).sum().backward()
        with wrapped.no_sync():
            inside = wrapped.require_backward_grad_sync
        make = torch.nn.parallel.DistributedDataParallel
        return [
            repr(wrapped),
            list(wrapped.state_dict()),
            inner[1].bias.grad.shape,
            wrapped.module is inner,
            [inside, wrapped.require_backward_grad_sync],
            attempt(lambda: make(torch.nn.ReLU())),
            attempt(lambda: make(inner, device_ids=[0, 1])),
            attempt(lambda: make(inner, device_ids=[0])).__class__.__name__,
            wrapped.train(False) is wrapped and inner.training,
        ]
    finally:
        dist.destroy_process_group()


@program
def storages(torch: Any) -> Any:
    x = torch.arange(6.0).reshape(2, 3)
    storage = x.untyped_storage()
    other = torch.ones(6).untyped_storage()
    views = [x[1], x.t(), x[:, 1:], x.detach(), x.view(-1)[2:]]
    storage[3] = 64
    return [
        [v.untyped_storage() == storage for v in views],
        [v.untyped_storage().data_ptr() == x.data_ptr() for v in views],
        x.clone().untyped_storage().data_ptr() == x.data_ptr(),
        [storage.nbytes(), storage.size(), len(storage), storage.element_size(), storage[3]],
        x,
        storage[2:5].tolist(),
        storage.clone() == storage,
        other.copy_(storage).tolist() == storage.tolist(),
        torch.ones(1).untyped_storage().fill_(0).tolist(),
        str(torch.ones(1).untyped_storage()),
        torch.ones(1).expand(5).untyped_storage().nbytes(),
        torch.empty(0).untyped_storage().data_ptr(),
        torch.tensor(3, dtype=torch.int16).untyped_storage().tolist(),
        attempt(lambda: storage[100]),
        torch.UntypedStorage(4).nbytes(),
        torch.UntypedStorage([1, 2]).tolist(),
    ]


@program
def factory_keywords(torch: Any) -> Any:
    make = torch.nn.factory_kwargs
    calls: list[Any] = [
        None,
        {"device": "cpu"},
        {"dtype": torch.float64},
        {"factory_kwargs": {"device": "cpu"}, "dtype": torch.float32},
        {"device": "cpu", "x": 1},
        {"factory_kwargs": {"device": "cpu"}, "device": "cpu"},
        {"factory_kwargs": {"y": 1}},
    ]
    return [attempt(lambda c=c: make(c)) for c in calls] + [torch.legacy_contiguous_format]
