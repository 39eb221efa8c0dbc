"""Programs about nested containers (`torch.utils._pytree`) and classes that become such."""

from __future__ import annotations

import dataclasses
from collections import OrderedDict, defaultdict, deque, namedtuple
from typing import Any

from surface.asked import attempt, module, program

Pair = namedtuple("Pair", "first second")
Couple = namedtuple("Couple", "first second")
NEST = {
    "b": (1, None, [2.0]),
    "a": Pair(3, {}),
    "o": OrderedDict(z=4, y=5),
    "d": defaultdict(list, q=6),
    "k": deque([7, 8], maxlen=3),
    "s": {9},
}


def pytree(torch: Any) -> Any:
    return module(torch, "utils._pytree")


@program
def tree_apart_and_together(torch: Any) -> Any:
    tree = pytree(torch)
    leaves, spec = tree.tree_flatten(NEST)
    back = spec.unflatten(leaves)
    return [
        *map(str, leaves),
        repr(spec).replace(__name__, "here"),
        [spec.num_leaves, spec.num_nodes, spec.num_children, spec.is_leaf()],
        [str(s).replace(__name__, "here") for s in spec.children()],
        str(spec.child(1)).replace(__name__, "here"),
        str(back) == str(NEST),
        back["k"].maxlen,
        back["d"].default_factory is list,
        type(back["o"]).__name__,
        tree.treespec_pprint(spec),
    ]


@program
def tree_none_and_empty(torch: Any) -> Any:
    tree = pytree(torch)
    return [tree.tree_flatten(t) for t in (None, (), [], {}, 3, [None, ()])] + [
        tree.tree_is_leaf(t) for t in (None, (), {1}, "text", range(3))
    ]


@program
def tree_spec_equality(torch: Any) -> Any:
    structure = pytree(torch).tree_structure
    same = structure({"a": 1, "b": (2, 3)}), structure({"a": 4, "b": (5, 6)})
    return [
        same[0] == same[1],
        hash(same[0]) == hash(same[1]),
        structure({"a": 1, "b": 2}) == structure({"b": 1, "a": 2}),
        structure((1, 2)) == structure([1, 2]),
        structure(Pair(1, 2)) == structure(Couple(1, 2)),
        structure(1) == pytree(torch).treespec_leaf(),
        structure((1, 2)) == pytree(torch).treespec_tuple([pytree(torch).treespec_leaf()] * 2),
    ]


@program
def tree_ways(torch: Any) -> Any:
    tree = pytree(torch)
    found, _ = tree.tree_flatten_with_path(NEST)
    return [
        [tree.keystr(way) for way, _ in found],
        [[repr(k) for k in way] for way, _ in found],
        all(tree.key_get(NEST, way) is leaf for way, leaf in found),
        tree.tree_map_with_path(lambda way, x: tree.keystr(way) + str(x), {"a": [1, (2,)]}),
        tree.SequenceKey(1) == tree.SequenceKey(1),
        tree.MappingKey("x") == tree.GetAttrKey("x"),
    ]


@program
def tree_maps(torch: Any) -> Any:
    tree = pytree(torch)
    seen: list[Any] = []
    return [
        str(tree.tree_map(lambda x: (x,), NEST)),
        tree.tree_map(lambda a, b: [a, b], {"x": 1, "y": (2,)}, {"y": (3,), "x": 4}),
        str(tree.tree_map(lambda a, b: a + b, OrderedDict(x=1, y=2), {"y": 3, "x": 4})),
        tree.tree_map(lambda a, b: (a, b), [1, 2], [[3], (4, 5)]),
        tree.tree_map(str, [1, [2, 3]], is_leaf=lambda x: x == [2, 3]),
        tree.tree_map_(seen.append, [1, {"a": 2}]),
        list(seen),
        tree.tree_map_only(int, lambda x: -x, [1, "a", 2.0, True]),
        tree.tree_map_only((int, str), lambda x: x * 2, [1, "a", 2.0]),
        tree.tree_map_only(int | str, lambda x: x * 2, [1, "a", 2.0]),
        tree.tree_map_only(lambda x: x == 1, lambda x: x * 7, [1, "a", 2.0]),
        tree.map_only(int)(lambda x: x + 1)("q"),
        tree.tree_all(bool, [1, [0]]),
        tree.tree_any(bool, [1, [0]]),
        tree.tree_all_only(int, lambda x: x > 0, [1, "a"]),
        tree.tree_any_only(str, str.isupper, [1, "a"]),
        tree.tree_leaves({"a": 1, "b": [2]}),
        list(tree.tree_iter({"a": 1, "b": [2]})),
        tree.arg_tree_leaves(1, [2], c=3),
        tree._broadcast_to_and_flatten((1, [2, 3]), tree.tree_structure((0, [(0, 0), 0]))),
        tree._broadcast_to_and_flatten((1,), tree.tree_structure((0, 0))),
    ]


@program
def tree_refusals(torch: Any) -> Any:
    tree = pytree(torch)
    up_to = [
        ([1, 2], [1]),
        ([1, 2], (1, 2)),
        ([1, 2], 3),
        (deque([1]), deque([1], maxlen=2)),
    ]
    return [
        attempt(lambda: tree.tree_unflatten([1], tree.tree_structure([1, 2]))),
        attempt(lambda: tree.tree_unflatten([1], 3)),
        attempt(lambda: tree.tree_map_only(3, lambda x: x, [1])),
        attempt(lambda: tree.treespec_tuple([3])),
        attempt(lambda: tree.register_pytree_node(list, lambda x: (x, None), lambda x, _: x)),
        attempt(lambda: tree.register_constant(type("Plain", (), {}))),
        attempt(lambda: tree.register_dataclass(int)),
        attempt(lambda: tree.tree_structure([1, 2]).child(5)),
        [attempt(lambda a=a, b=b: tree.tree_structure(a).flatten_up_to(b)) for a, b in up_to],
        [
            str(attempt(lambda k=k: tree.tree_structure({"a": 1, "b": 2}).flatten_up_to(k)))
            for k in ({"a": 1}, {"a": 1, "c": 2})
        ],
        tree.tree_structure([1]).children_specs,
    ]


@program
def tree_of_named_results(torch: Any) -> Any:
    tree = pytree(torch)
    best = torch.tensor([[1.0, 2.0], [3.0, 0.0]]).max(0)
    leaves, spec = tree.tree_flatten(best)
    mapped = tree.tree_map(lambda t: t + 1, best)
    return [
        leaves,
        repr(spec),
        type(mapped).__name__,
        mapped.values,
        repr(tree.tree_map(lambda n: n + 1, torch.Size([1, 2]))),
        [tree.keystr(w) for w, _ in tree.tree_flatten_with_path(best)[0]],
        [f(best) for f in (tree.is_structseq, tree.is_structseq_instance, tree.is_namedtuple)],
        [f(Pair) for f in (tree.is_structseq, tree.is_namedtuple_class, tree.is_namedtuple)],
        [f(Pair(1, 2)) for f in (tree.is_namedtuple_instance, tree.is_namedtuple)],
        type(torch.func.vmap(lambda x: x.max(0))(torch.arange(6.0).reshape(2, 3))).__name__,
    ]


@program
def tree_registered_class(torch: Any) -> Any:
    tree = pytree(torch)

    class Weights:
        def __init__(self, a: Any, b: Any, note: str = "none") -> None:
            self.a, self.b, self.note = a, b, note

    def apart(w: Any) -> Any:
        return [w.a, w.b], w.note

    tree.register_pytree_node(Weights, apart, lambda c, note: Weights(*c, note))
    w = Weights(torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0]), "kept")
    gradient = torch.func.grad(lambda w: (w.a * w.b * w.b).sum())(w)
    batched = torch.func.vmap(lambda w: Weights(w.a + w.b, w.a))(w)
    dims = torch.func.vmap(lambda w, x: w.a * x, in_dims=(Weights(0, 0, "kept"), None))
    _, back = torch.func.vjp(lambda w: Weights(w.a * w.b, w.b * 1), w)
    return [
        [gradient.a, gradient.b, gradient.note],
        [batched.a, batched.b],
        dims(w, torch.tensor(2.0)),
        back(Weights(torch.ones(2), torch.ones(2)))[0].b,
        repr(tree.tree_structure(w)),
        str(attempt(lambda: tree.tree_flatten_with_path(w))).partition(":")[0],
        attempt(lambda: tree.register_pytree_node(Weights, apart, Weights)).__class__.__name__,
        [str(attempt(lambda o=o: tree.tree_structure(w).flatten_up_to(o))).split("<")[0]
         for o in (3, Weights(1, 2, "other"))],
        attempt(lambda: dims(Weights(w.a, w.b, "other"), torch.tensor(2.0))).__class__.__name__,
    ]  # fmt: skip


@program
def tree_keys_of_registered_class(torch: Any) -> Any:
    tree = pytree(torch)

    class Row:
        def __init__(self, *cells: Any) -> None:
            self.cells = cells

    def with_keys(row: Any) -> Any:
        return [(tree.SequenceKey(i), c) for i, c in enumerate(row.cells)], None

    tree.register_pytree_node(
        Row, lambda r: (list(r.cells), None), lambda c, _: Row(*c), flatten_with_keys_fn=with_keys
    )
    return [tree.keystr(way) for way, _ in tree.tree_leaves_with_path({"r": Row(1, [2])})]


@program
def tree_of_dataclass(torch: Any) -> Any:
    tree = pytree(torch)
    Point = dataclasses.make_dataclass("Point", ["x", ("y", Any, None)])
    Part = dataclasses.make_dataclass("Part", ["x", ("y", int, 3)])
    refused = attempt(lambda: tree.register_dataclass(Part, field_names=["x"]))
    tree.register_dataclass(Point)
    tree.register_dataclass(Part, field_names=["x"], drop_field_names=["y"])
    return [
        refused,
        tree.tree_flatten(Point(1, 2)),
        tree.tree_flatten(Point(1, None)),
        repr(tree.tree_map(lambda v: v + 1, Point(1, None))),
        repr(tree.tree_map(lambda v: v + 1, Part(1, 8))),
        [tree.keystr(way) for way, _ in tree.tree_leaves_with_path([Point(1, 2)])],
        torch.func.grad(lambda p: p.x * p.y)(Point(torch.tensor(2.0), torch.tensor(5.0))).x,
    ]


@program
def tree_of_constant(torch: Any) -> Any:
    tree = pytree(torch)

    @dataclasses.dataclass(frozen=True)
    class Choice:
        name: str

    tree.register_constant(Choice)
    leaves, spec = tree.tree_flatten([Choice("a"), 1])
    return [
        leaves,
        tree.tree_unflatten([5], spec)[0].name,
        tree.is_constant_class(Choice),
        tree.is_constant_class(int),
        spec == tree.tree_structure([Choice("a"), 2]),
        spec == tree.tree_structure([Choice("b"), 2]),
    ]
