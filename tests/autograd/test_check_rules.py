"""check_rules: names the rule that is wrong, and only that."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chainrule as torch
from chainrule.autograd import check_rules
from chainrule.autograd.gradcheck import GradcheckError
from chainrule.core.primitive import REGISTRY
from chainrule.core.record import Layout, Rule

F = torch.nn.functional


class Scaled(torch.autograd.Function):
    """a x^2 and sin a; the gradient for x is half of what it should be."""

    @staticmethod
    def forward(ctx: Any, a: Any, x: Any, power: float = 2.0) -> Any:
        ctx.save_for_backward(a, x)
        return a * x**power, a.sin()

    @staticmethod
    def backward(ctx: Any, g: Any, h: Any) -> Any:  # type: ignore[override]
        a, x = ctx.saved_tensors
        return g * x * x + h * a.cos(), g * a * x, None


class Right(torch.autograd.Function):
    """x^3, in the form with setup_context."""

    @staticmethod
    def forward(x: Any) -> Any:
        return x**3

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return 3 * g * ctx.saved_tensors[0] ** 2


def program(x: torch.Tensor) -> torch.Tensor:
    y = Right.apply(x.cos())
    made, _ = Scaled.apply(y, x)
    return made.sum()


def test_the_wrong_function_is_named_with_line_and_input() -> None:
    with pytest.raises(GradcheckError) as caught:
        check_rules(program, torch.ones(3))
    text = str(caught.value)
    assert "the derivative rule of ScaledBackward is wrong for its operand 'x'" in text
    line = program.__code__.co_firstlineno + 2
    assert f"called at: line {line} of test_check_rules.py" in text
    assert "relative error: 0.5" in text


def test_the_report_has_every_row() -> None:
    report = check_rules(program, torch.ones(3), raise_exception=False)
    assert [(r.node, r.operand, r.status) for r in report.rows] == [
        ("CosBackward0", "input", "right"),
        ("RightBackward", "x", "right"),
        ("ScaledBackward", "a", "right"),
        ("ScaledBackward", "x", "wrong"),
        ("SumBackward1", "input", "right"),
    ]
    (wrong,) = report.wrong
    assert wrong.error == pytest.approx(0.5, rel=1e-4)
    assert wrong.analytic == pytest.approx(wrong.numeric / 2, rel=1e-4)
    assert str(report).splitlines()[0] == "4 right, 1 wrong"


def test_a_function_class_by_itself_and_what_is_skipped() -> None:
    two = (torch.ones(2), torch.full((2,), 3.0))
    assert [r.operand for r in check_rules(Scaled, two, raise_exception=False).wrong] == ["x"]
    assert not check_rules(program, torch.ones(3), skip=["Scaled"]).wrong
    assert not check_rules(program, torch.ones(3), skip=["ScaledBackward"]).wrong
    assert check_rules(Right, torch.ones(2)).rows[0].status == "right"


def test_a_declared_op_with_a_wrong_rule_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    prim = REGISTRY["tanh"]
    rules = (Rule(lambda xp, g, out: g * (1 - out)),)
    monkeypatch.setattr(prim, "rules", rules)
    monkeypatch.setattr(prim, "layout", Layout(prim))
    with pytest.raises(GradcheckError, match="rule of TanhBackward0 is wrong"):
        check_rules(lambda x: x.sin().tanh().exp(), torch.ones(2))
    monkeypatch.undo()
    Layout(prim)  # binds the rule that is back
    assert not check_rules(torch.tanh, torch.ones(2)).wrong


def network(x: Any, w: Any) -> Any:
    y = F.log_softmax(F.relu(x @ w), 1)
    z = torch.cat([y, y.sin()], 1).sort(1).values.clamp(-1, 1)
    z[0] = z[1] * 2
    c = torch.complex(z, z.cos())
    loss = F.mse_loss(z, torch.ones_like(z)) + F.cross_entropy(y, torch.zeros(4, dtype=torch.int64))
    return loss + z.std() + (c * c.exp()).abs().sum() + F.relu(0 * z).sum() + x.max(1).values.sum()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_right_program_passes(dtype: Any) -> None:
    torch.manual_seed(0)
    x, w = torch.randn(4, 3, dtype=dtype), torch.randn(3, 2, dtype=dtype)
    report = check_rules(network, (x, w))
    assert not report.wrong
    assert {r.status for r in report.rows} == {"right", "kink"}
    assert max(r.error for r in report.rows) < 1e-5


def test_values_and_graph_are_those_of_the_program() -> None:
    x = torch.randn(3, requires_grad=True)
    seen = []

    def kept(x: Any) -> Any:
        y = (x.sin() * x).sum()
        seen.append(y)
        return y

    check_rules(kept, x)
    seen[0].backward()
    np.testing.assert_allclose(x.grad.numpy(), (x.cos() * x + x.sin()).detach().numpy(), rtol=1e-6)


def test_kinks_infinities_and_randomness_are_said() -> None:
    def status(f: Any, x: Any) -> list[str]:
        return [r.status for r in check_rules(f, x).rows]

    assert status(torch.abs, torch.zeros(2)) == ["kink"]
    assert status(torch.relu, torch.tensor([0.0, 1.0, -1.0])) == ["right"]
    assert status(torch.log, torch.tensor([-1.0])) == ["not finite"]

    class Noise(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * torch.rand(x.shape, dtype=x.dtype)

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g

    assert status(Noise, torch.ones(3)) == ["random"]


def test_operands_that_are_no_free_numbers() -> None:
    def status(f: Any, *inputs: Any) -> list[str]:
        return [r.status for r in check_rules(f, inputs).rows]

    matrix = torch.tensor([[4.0, 1.0], [1.0, 3.0]])
    assert status(torch.linalg.cholesky, matrix) == ["right"]
    assert status(torch.linalg.eigvalsh, matrix) == ["right"]
    rows = torch.tensor([[0, 1], [2, 0]])
    assert status(lambda w: F.embedding(rows, w, padding_idx=0), torch.randn(3, 2)) == ["right"]
    assert status(torch.special.gammainc, torch.ones(2), torch.ones(2)) == ["no rule", "right"]


def test_a_function_that_computes_in_float32_and_in_numpy() -> None:
    class InNumpy(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return torch.from_numpy(np.sin(x.detach().numpy().astype(np.float32)))

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * ctx.saved_tensors[0].cos()

    assert check_rules(InNumpy, torch.ones(3)).rows[0].status == "right"


def test_in_place_functions() -> None:
    class Twice(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.mark_dirty(x)
            return x.mul_(2)

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return 2 * g

    x = torch.ones(3)
    assert check_rules(lambda x: Twice.apply(x.clone()), x).rows[-1].status == "right"
    assert x.tolist() == [1, 1, 1]


def test_nothing_to_check() -> None:
    with pytest.raises(ValueError, match="no op that has a derivative"):
        check_rules(lambda x: x + 1, torch.tensor([1, 2]))
