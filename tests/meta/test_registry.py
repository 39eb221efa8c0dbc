"""What must hold of every declared op and every public name, by looking at them."""

from __future__ import annotations

import inspect
import re

import pytest
from ops.calls import BY_HAND, INTEGERS, RANDOM
from ops.samples import samples_of

import chainrule as torch
from chainrule.core.declare import METHODS
from chainrule.core.primitive import PUBLIC, REGISTRY, Primitive
from chainrule.core.record import OPS, RAW
from chainrule.core.tensor import Tensor

KINDS = {"elementwise", "linear", "bilinear", "reduction", "movement", "general"}
OPS_LIST = list(REGISTRY.values())


def named(prim: Primitive) -> str:
    return prim.name


@pytest.mark.parametrize("prim", OPS_LIST, ids=named)
def test_declaration_is_complete(prim: Primitive) -> None:
    assert prim.kind in KINDS
    assert prim.doc.strip(), "an op needs doc= (what it computes and its derivative)"
    assert prim.grad_fn.isidentifier()
    assert getattr(RAW, prim.name) is not None and getattr(OPS, prim.name) is not None
    assert len(prim.rules) == (1 if prim.joint else len(prim.args))


@pytest.mark.parametrize("prim", OPS_LIST, ids=named)
def test_has_samples(prim: Primitive) -> None:
    assert samples_of(prim)


def test_samples_are_of_declared_ops() -> None:
    assert set(BY_HAND) <= set(REGISTRY)
    assert set(REGISTRY) >= INTEGERS | RANDOM


def test_methods_are_attached() -> None:
    assert [name for name, f in METHODS.items() if getattr(Tensor, name, None) is not f] == []


@pytest.mark.parametrize("path", sorted(PUBLIC))
def test_public_function_can_be_reached(path: str) -> None:
    found = torch
    for part in path.split("."):
        found = getattr(found, part)
    assert callable(found)


def test_every_xp_name_of_a_rule_is_an_op() -> None:
    """`xp.name` in the text of a rule is a declared op, or one of the few makers that core
    provides."""
    known = set(REGISTRY) | {"zeros"} | {n for n in vars(RAW) if not n.startswith("_")}
    missing = {}
    for prim in OPS_LIST:
        for rule in prim.rules:
            if rule is None:
                continue
            try:
                text = inspect.getsource(rule.written)
            except OSError:
                continue
            names = set(re.findall(r"\bxp\.(\w+)", text)) - known
            if names:
                missing[prim.name] = names
    assert missing == {}
