"""Anomaly mode: what it raises, warns and remembers."""

from __future__ import annotations

from typing import Any

from autograd.answers import attempt, warned


def _leaf(torch: Any, *values: float) -> Any:
    return torch.tensor([float(v) for v in values], requires_grad=True)


def nan_in_backward(torch):
    x = _leaf(torch, -1, 4)

    def run():
        with torch.autograd.detect_anomaly():
            y = torch.sqrt(x)
            y.sum().backward()

    return warned(run), x.grad


def nan_is_shown_where_it_was_made(torch):
    x = _leaf(torch, -1, 4)
    texts = []

    def run():
        import warnings

        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            warnings.simplefilter("ignore", RuntimeWarning)
            with torch.autograd.set_detect_anomaly(True):
                y = torch.sqrt(x)
                attempt(lambda: (y * 2).sum().backward())
            texts.extend(str(w.message) for w in caught)

    run()
    return "y = torch.sqrt(x)" in texts[0], len(texts)


def without_forward_information(torch):
    y = torch.sqrt(_leaf(torch, -1, 4)).sum()

    def run():
        with torch.autograd.set_detect_anomaly(True):
            y.backward()

    return warned(run)


def nan_not_checked(torch):
    x = _leaf(torch, -1, 4)
    with torch.autograd.set_detect_anomaly(True, check_nan=False):
        torch.sqrt(x).sum().backward()
    return x.grad


def error_of_a_function(torch):
    class Fails(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            raise ValueError("mine")

    def run():
        with torch.autograd.set_detect_anomaly(True):
            Fails.apply(_leaf(torch, 1, 2)).sum().backward()

    return warned(run)


def modified_value(torch):
    def run():
        with torch.autograd.set_detect_anomaly(True):
            y = _leaf(torch, 1, 2) * 1
            z = y * y
            y.add_(1)
            z.sum().backward()

    return warned(run)


def flags(torch):
    seen = [torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()]
    with torch.autograd.set_detect_anomaly(True, check_nan=False):
        seen += [torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()]
        with torch.autograd.set_detect_anomaly(False):
            seen += [torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()]
        seen += [torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()]
    torch.autograd.set_detect_anomaly(True)
    seen += [torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()]
    torch.autograd.set_detect_anomaly(False)
    return [*seen, torch.is_anomaly_enabled()]


def metadata(torch):
    with torch.autograd.set_detect_anomaly(True):
        y = _leaf(torch, 1, 2) * 2
    z = _leaf(torch, 1, 2) * 2
    known = y.grad_fn.metadata["traceback_"]
    return type(known).__name__, type(known[0]).__name__, z.grad_fn.metadata


def second_derivative(torch):
    x = _leaf(torch, 0.0, 4.0)

    def run():
        with torch.autograd.set_detect_anomaly(True):
            (g,) = torch.autograd.grad((x**1.5).sum(), x, create_graph=True)
            (g.sqrt() * 0).sum().backward()

    value, lines = warned(run)
    return value, len(lines)


def everything_still_works(torch):
    x = _leaf(torch, 1, 2)
    with torch.autograd.set_detect_anomaly(True):
        y = (x * x).sin()
        y[0] = 3.0
        (y.cos().sum() + x.sum()).backward()
    return x.grad
