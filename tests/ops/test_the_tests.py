"""The examination itself: ops declared wrongly on purpose are noticed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from ops import test_every_op as checks
from ops.calls import Sample, values

from chainrule.core.declare import METHODS, elementwise, general
from chainrule.core.primitive import PUBLIC, REGISTRY
from chainrule.core.record import OPS, RAW

X = values(2, 3)


@contextmanager
def registry_kept() -> Iterator[None]:
    """What is declared inside is forgotten at the end."""
    before = dict(REGISTRY), dict(PUBLIC), dict(METHODS)
    yield
    for table, old in zip((REGISTRY, PUBLIC, METHODS), before, strict=True):
        table.clear()  # type: ignore[attr-defined]
        table.update(old)  # type: ignore[attr-defined]
    for xp in (RAW, OPS):
        vars(xp).pop("trial", None)


@pytest.fixture
def declared() -> Iterator[Callable[..., Any]]:
    """Declares an op for the time of the test."""

    def declare(kernel: Any, rule: Any) -> Any:
        return elementwise(
            "trial", kernel, rule, method=False, has_inplace=False, doc="A trial."
        ).prim

    with registry_kept():
        yield declare


def fails(check: Callable[..., Any], prim: Any, *operands: Any) -> None:
    with pytest.raises((AssertionError, TypeError, RuntimeError, AttributeError)):
        check((prim, Sample(operands or (X,))))


def test_a_right_op_passes(declared: Any) -> None:
    case = declared(lambda x: x * x * x, lambda xp, g, x: g * (3 * x * x)), Sample((X,))
    for check in (
        checks.test_gradient,
        checks.test_second_order,
        checks.test_float32_stays_float32,
        checks.test_both_readings_of_the_rule_agree,
        checks.test_formula,
        checks.test_both_paths_agree,
        checks.test_recorded_graph_is_the_same_function,
        checks.test_saved_values_are_released,
        checks.test_gradients_have_memory_of_their_own,
        checks.test_operands_are_not_touched,
    ):
        check(case)


def test_wrong_factor(declared: Any) -> None:
    prim = declared(lambda x: x * x, lambda xp, g, x: g * x)
    fails(checks.test_gradient, prim)


def test_rule_not_linear_in_g(declared: Any) -> None:
    fails(checks.test_gradient, declared(lambda x: x + 0, lambda xp, g: g * xp.abs(g)))


def test_second_derivative_lost(declared: Any) -> None:
    """A rule that computes with arrays behind xp: right once, wrong twice."""

    def rule(xp: Any, g: Any, x: Any) -> Any:
        return g * (2 * x.detach() if hasattr(x, "detach") else 2 * x)

    prim = declared(lambda x: x * x, rule)
    checks.test_gradient((prim, Sample((X,))))
    fails(checks.test_second_order, prim)


def test_strong_numbers(declared: Any) -> None:
    fails(
        checks.test_float32_stays_float32,
        declared(lambda x: x * 2, lambda xp, g: g * np.float64(2.0)),
    )


def test_kernel_with_another_dtype(declared: Any) -> None:
    fails(
        checks.test_float32_stays_float32,
        declared(lambda x: x * np.float64(2.0), lambda xp, g: g * 2),
    )


def test_branch_on_values(declared: Any) -> None:
    fails(
        checks.test_formula,
        declared(lambda x: x * 2, lambda xp, g, x: g * 2 if (x > -9).all() else g),
    )


def test_numpy_in_a_rule(declared: Any) -> None:
    fails(checks.test_formula, declared(np.sin, lambda xp, g, x: g * np.cos(x)))


def test_mutated_cotangent(declared: Any) -> None:
    def rule(xp: Any, g: Any) -> Any:
        g += g
        return g

    fails(checks.test_gradients_have_memory_of_their_own, declared(lambda x: x * 2, rule))


def test_mutated_operand(declared: Any) -> None:
    def kernel(x: Any) -> Any:
        if isinstance(x, np.ndarray):
            x += 1
        return x * 1

    fails(checks.test_operands_are_not_touched, declared(kernel, lambda xp, g: g))


def test_missing_conjugate() -> None:
    """`general` rules are used as they are: the machine conjugates only elementwise and bilinear
    ones."""
    rules = {"a": lambda xp, g, b: g * b, "b": lambda xp, g, a: g * a}
    with registry_kept():
        made = general(
            "trial", lambda a, b: a * b, ("a", "b"), method=False, doc="A trial.", rules=rules
        )
        z = X * (1 + 0.5j)
        fails(checks.test_complex_gradient, made.prim, z, z * 2 + 1j)
        checks.test_gradient((made.prim, Sample((X, X + 1))))


def test_an_op_without_sample_is_noticed() -> None:
    with registry_kept():
        general("trial", lambda a, b: a, ("a", "b"), method=False, doc="A trial.")
        with pytest.raises(LookupError, match="has no sample: add an entry to BY_HAND"):
            checks.test_has_samples("trial")
