"""`torch.nn.grad`: the gradients of convolutions as functions of their own."""

from __future__ import annotations

from typing import Any

from ...core.declare import public
from ...core.record import OPS
from . import conv  # noqa: F401  # its ops are called here


def _numbers(n: int, *values: Any) -> tuple[tuple[int, ...], ...]:
    return tuple((v,) * n if isinstance(v, int) else tuple(v) for v in values)


_DOC = """The gradient of conv{n}d with respect to its {what}.

    Args:
        {given}
        grad_output: the gradient with respect to the result.
        stride, padding, dilation, groups: those of the convolution.

    Example:
        >>> import chainrule as torch
        >>> x, w, g = torch.ones(1, 1, {x}), torch.ones(1, 1, {w}), torch.ones(1, 1, {g})
        >>> torch.nn.grad.conv{n}d_{what}({call}, g).sum().item()
        {result}.0
    """


def _publish(n: int) -> None:
    def conv_input(
        input_size: Any, weight: Any, grad_output: Any, stride: Any = 1, padding: Any = 0,
        dilation: Any = 1, groups: int = 1,
    ) -> Any:  # fmt: skip
        geometry = _numbers(n, stride, padding, dilation)
        return OPS.convolution_input(grad_output, weight, tuple(input_size[-n:]), *geometry, groups)

    def conv_weight(
        input: Any, weight_size: Any, grad_output: Any, stride: Any = 1, padding: Any = 0,
        dilation: Any = 1, groups: int = 1,
    ) -> Any:  # fmt: skip
        geometry = _numbers(n, stride, padding, dilation)
        return OPS.convolution_weight(
            grad_output, input, tuple(weight_size[-n:]), *geometry, groups
        )

    shapes = {k: ", ".join([v] * n) for k, v in (("x", "4"), ("w", "3"), ("g", "2"))}
    for function, what, given, call in (
        (conv_input, "input", "input_size: the shape of the input. weight: that of the layer.",
         "x.shape, w"),
        (conv_weight, "weight", "input: that of the layer. weight_size: the shape of the weight.",
         "x, w.shape"),
    ):  # fmt: skip
        function.__name__ = function.__qualname__ = f"conv{n}d_{what}"
        function.__doc__ = _DOC.format(
            n=n, what=what, given=given, call=call, result=6**n, **shapes
        )
        public(f"nn.grad.conv{n}d_{what}")(function)


for _n in (1, 2, 3):
    _publish(_n)
