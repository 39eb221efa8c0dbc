"""`gradcheck` and `gradgradcheck`: derivatives compared with central differences.

The function is called as it is; its inputs are moved in place by `eps`, one element at a time (or,
in fast mode, along one random direction), and the differences of the outputs are compared with what
backward says (or forward mode). Complex inputs are moved along both axes; complex outputs are
looked at as their real and imaginary parts. A failure names the output, the input and the worst
element, with both numbers, and says when the function has a kink there.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from .. import errors
from .._state import set_grad
from ..core import engine
from ..core.record import OPS
from ..core.tensor import Tensor, own, wrap
from .function import Function

__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]


class GradcheckError(RuntimeError):
    """The derivatives do not agree."""


class _Options:
    """What the caller asked for."""

    def __init__(self, **given: Any) -> None:
        self.__dict__.update(given)

    eps: float
    atol: float
    rtol: float
    nondet_tol: float
    check_undefined_grad: bool
    check_grad_dtypes: bool
    check_batched_grad: bool
    check_batched_forward_grad: bool
    check_forward_ad: bool
    check_backward_ad: bool
    fast_mode: bool


def gradcheck(
    func: Callable[..., Any],
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """Whether the gradients of `func` agree with central differences.

    Args:
        func: takes the inputs, returns a tensor or a tuple of tensors.
        inputs: a tensor or a tuple; those that require grad are checked, best in float64.
        eps: how far elements are moved.
        atol, rtol: analytic and numerical values agree within atol + rtol * |numerical|.
        raise_exception: raise on failure; else return False.
        nondet_tol: by how much two backward runs may differ.
        check_undefined_grad: also check that outputs without gradient count as zeros.
        check_grad_dtypes: also check the dtypes of the gradients.
        check_batched_grad: also compute the gradients of two cotangents at once (under `vmap`) and
            compare with one after the other.
        check_batched_forward_grad: the same of tangents, in forward mode.
        check_forward_ad, check_backward_ad: which modes to check.
        fast_mode: compare along one random direction instead of all.
        masked: accepted; inputs are dense.

    Returns:
        True.

    Raises:
        GradcheckError: they do not agree.
        ValueError: no input requires grad.

    Example:
        >>> import chainrule as torch
        >>> x = torch.tensor([0.5, 1.5], dtype=torch.float64, requires_grad=True)
        >>> torch.autograd.gradcheck(torch.sin, x)
        True
    """
    if not (check_forward_ad or check_backward_ad):
        raise AssertionError(
            "Expected at least one of check_forward_ad or check_backward_ad to be True"
        )
    if check_batched_grad and not check_backward_ad:
        raise AssertionError(
            "Setting check_batched_grad=True requires check_backward_ad to be True"
        )
    if check_batched_forward_grad and not check_forward_ad:
        raise AssertionError(
            "Setting check_batched_forward_grad=True requires check_forward_ad to be True"
        )
    options = _Options(
        eps=eps,
        atol=atol,
        rtol=rtol,
        nondet_tol=nondet_tol,
        fast_mode=fast_mode,
        check_undefined_grad=check_undefined_grad,
        check_grad_dtypes=check_grad_dtypes,
        check_batched_grad=check_batched_grad,
        check_batched_forward_grad=check_batched_forward_grad,
        check_forward_ad=check_forward_ad,
        check_backward_ad=check_backward_ad,
    )
    try:
        _Check(func, _as_tuple(inputs), options).run()
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
    masked: bool = False,
) -> bool:
    """Whether the second derivatives agree: `gradcheck` of the gradient, with respect to the
    inputs and to the cotangents.

    Args:
        grad_outputs: the cotangents; random ones by default.
        gen_non_contig_grad_outputs: make those not contiguous.
        check_fwd_over_rev: also check forward mode over reverse mode.
        Others as in `gradcheck`.

    Example:
        >>> import chainrule as torch
        >>> x = torch.tensor([0.5, 1.5], dtype=torch.float64, requires_grad=True)
        >>> torch.autograd.gradgradcheck(torch.sin, x)
        True
    """
    if not (check_fwd_over_rev or check_rev_over_rev):
        raise AssertionError(
            "Expected at least one of check_fwd_over_rev or check_rev_over_rev to be True"
        )
    tensors = _as_tuple(inputs)
    if grad_outputs is None:
        outs = _differentiable(func(*tensors))
        cotangents = tuple(_random_cotangent(t, gen_non_contig_grad_outputs) for t in outs)
    else:
        cotangents = _as_tuple(grad_outputs)
    n = len(cotangents)

    def gradient(*args: Any) -> tuple[Any, ...]:
        xs, gs = args[:-n], args[-n:]
        xs = tuple(_followed(x) if isinstance(x, Tensor) and _is_float(x) else x for x in xs)
        outs = _differentiable(func(*xs))
        wanted = [x for x in xs if isinstance(x, Tensor) and x.requires_grad]
        found = engine.grad(outs, wanted, gs, None, True)
        return tuple(g for g in found if g is not None)

    return gradcheck(
        gradient,
        (*tensors, *cotangents),
        eps=eps,
        atol=atol,
        rtol=rtol,
        fast_mode=fast_mode,
        raise_exception=raise_exception,
        nondet_tol=nondet_tol,
        check_grad_dtypes=check_grad_dtypes,
        check_undefined_grad=check_undefined_grad,
        check_batched_grad=check_batched_grad,
        check_forward_ad=check_fwd_over_rev,
        check_backward_ad=check_rev_over_rev,
    )


# ---------------------------------------------------------------- one check


class _Check:
    """One call of gradcheck.

    Attributes:
        inputs: all arguments; `xs`: (position, tensor) of those that require grad.
    """

    def __init__(self, func: Callable[..., Any], inputs: tuple[Any, ...], o: _Options) -> None:
        self.func, self.inputs, self.o = func, inputs, o
        self.xs = [
            (i, t) for i, t in enumerate(inputs) if isinstance(t, Tensor) and t.requires_grad
        ]
        self._check_inputs()

    def _check_inputs(self) -> None:
        for i, t in self.xs:
            if t.dtype.name not in ("float64", "complex128"):
                warnings.warn(
                    f"Input #{i} requires gradient and is not a double precision floating point "
                    "or complex. This check will likely fail if all the inputs are not of double "
                    "precision floating point or complex. ",
                    UserWarning,
                    stacklevel=4,
                )
            if any(s == 0 and n > 1 for s, n in zip(t.stride(), t.shape, strict=True)):
                raise RuntimeError(
                    f"The {i}th input has a dimension with stride 0. gradcheck only supports "
                    "inputs that are non-overlapping to be able to compute the numerical gradients "
                    "correctly. You should call .contiguous on the input before passing it to "
                    "gradcheck."
                )
        if not self.xs:
            raise ValueError(
                "gradcheck expects at least one input tensor to require gradient, but none of them "
                "have requires_grad=True."
            )

    def run(self) -> None:
        """Everything that was asked for."""
        outs = _differentiable(self.func(*self.inputs))
        if not outs:
            self._no_outputs()
            return
        if self.o.fast_mode and not any(t.is_complex() for t in (*outs, *(x for _, x in self.xs))):
            self._fast(outs)
        else:
            self._slow(outs)
        if self.o.check_backward_ad:
            self._zero_cotangents(outs)
            if self.o.check_undefined_grad:
                self._undefined(len(outs))
            if self.o.check_batched_grad:
                self._batched(outs)
        if self.o.check_forward_ad and self.o.check_batched_forward_grad:
            self._batched_forward()

    def _slow(self, outs: Sequence[Tensor]) -> None:
        numerical = self._numerical(outs)
        for part in ("imag", "real") if any(t.is_complex() for t in outs) else ("real",):
            if self.o.check_backward_ad:
                self._compare_backward(outs, numerical, part)
            if self.o.check_forward_ad:
                self._compare_forward(numerical, part)

    def _fast(self, outs: Sequence[Tensor]) -> None:
        """One random direction `u` per input and one random weight `v` per output: v J u."""
        rng = np.random.default_rng(0)
        which = [k for k, t in enumerate(self._floating()) if t.requires_grad]
        for i, (_, x) in enumerate(self.xs):
            u = rng.uniform(-1, 1, x._data.shape)
            slopes = self._slope(own(x), (...,), self.o.eps * u, outs)
            for j, out in enumerate(outs):
                v = rng.uniform(-1, 1, out._data.shape)
                n = float((slopes[which[j]] * v).sum())
                atol = self.o.atol * max(1.0, float(np.abs(u).sum() * np.abs(v).sum()))
                for a in self._along(i, x, out, j, u, v):
                    if not abs(a - n) <= atol + self.o.rtol * abs(n):
                        self._slow(outs)  # says which element
                        raise GradcheckError(
                            f"Jacobian mismatch for output {j} with respect to input {i},\n"
                            f"numerical:{n}\nanalytical:{a}\nFast gradcheck failed but "
                            "element-wise differences are small.\nHint: raise atol, or leave "
                            "fast_mode off"
                        )

    def _along(self, i: int, x: Tensor, out: Tensor, j: int, u: Any, v: Any) -> Iterator[float]:
        """The same number by backward and by forward mode."""
        if self.o.check_backward_ad:
            cotangent = wrap(np.asarray(v, out._data.dtype))
            (g,), (again,) = (engine.grad([out], [x], [cotangent], True) for _ in range(2))
            if g is not None and again is not None:
                self._check_gradient(g, x)
                self._repeats(g._data, again._data)
            yield 0.0 if g is None else float((g._data * u).sum())
        if self.o.check_forward_ad:
            tangent = self._tangents(i, np.asarray(u, x._data.dtype))[j]
            yield float((tangent * v.reshape(-1)).sum())

    def _no_outputs(self) -> None:
        values = [t for t in _as_tuple(self.func(*self.inputs)) if _is_float(t)]
        for j, (i, t) in enumerate(self.xs):
            for moved in self._differences(t, values):
                if any(np.any(d != 0) for d in moved):
                    raise GradcheckError(
                        "Numerical gradient for function expected to be zero\n"
                        f"input: {i} (number {j} of those that require grad)\n"
                        "Hint: no output of the function requires grad, but they change with it"
                    )

    # ------------------------------------------------------------ numbers

    def _values(self) -> list[Any]:
        before = set_grad(True)  # the function may look at requires_grad
        try:
            return [np.array(t._data) for t in _as_tuple(self.func(*self.inputs)) if _is_float(t)]
        finally:
            set_grad(before)

    def _differences(self, t: Tensor, outs: Sequence[Any]) -> Iterator[list[Any]]:
        """For each element of `t` (complex: along both axes), how fast every output changes."""
        array = own(t)
        for index in np.ndindex(array.shape):
            for step in (1, 1j) if t.is_complex() else (1,):
                yield self._slope(array, index, step * self.o.eps, outs)

    def _slope(self, array: Any, index: Any, step: Any, outs: Sequence[Any]) -> list[Any]:
        kept = array[index].copy() if isinstance(array[index], np.ndarray) else array[index]
        try:
            array[index] = kept - step
            low = self._values()
            array[index] = kept + step
            high = self._values()
        finally:
            array[index] = kept
        for a, b in zip(low, high, strict=True):
            self._same_kind(a, b, index)
        return [(b - a) / (2 * abs(self.o.eps)) for a, b in zip(low, high, strict=True)]

    def _same_kind(self, a: Any, b: Any, index: Any) -> None:
        for name in ("shape", "dtype"):
            one, other = getattr(wrap(a), name), getattr(wrap(b), name)
            if one != other:
                raise AssertionError(
                    f"Expected `func` to return outputs with the same {name} when inputs are "
                    f"perturbed on index {index} by {self.o.eps}, but got: {name}s {one} and "
                    f"{other}."
                )

    def _numerical(self, outs: Sequence[Tensor]) -> list[list[Any]]:
        """[input][output]: the Jacobian, elements of the input by elements of the output; for
        complex inputs a pair of them, along the two axes."""
        which = [i for i, t in enumerate(self._floating()) if t.requires_grad]
        found = []
        for _, t in self.xs:
            rows = list(self._differences(t, outs))
            shape = (t.numel(), 2 if t.is_complex() else 1, -1)
            found.append(
                [
                    np.array([row[k].reshape(-1) for row in rows]).reshape(shape)
                    if rows
                    else np.zeros((0, 1, outs[j].numel()))
                    for j, k in enumerate(which)
                ]
            )
        return found

    def _floating(self) -> list[Tensor]:
        return [t for t in _as_tuple(self.func(*self.inputs)) if _is_float(t)]

    # ------------------------------------------------------------ comparing

    def _compare_backward(self, outs: Sequence[Tensor], numerical: Any, part: str) -> None:
        for j, out in enumerate(outs):
            if part == "imag" and not out.is_complex():
                continue
            analytical = self._rows(out, part)
            again = self._rows(out, part)
            for i, (_, x) in enumerate(self.xs):
                n = _real_part(numerical[i][j], part)
                n = n[:, 0] + 1j * n[:, 1] if x.is_complex() else n[:, 0]
                self._agree(analytical[i], n, i, j, part if out.is_complex() else "")
                self._repeats(analytical[i], again[i])

    def _repeats(self, one: Any, other: Any) -> None:
        """Two walks with the same cotangent give the same."""
        if one.size and np.abs(one - other).max() > self.o.nondet_tol:
            raise GradcheckError(
                "Backward is not reentrant, i.e., running backward with same input and "
                "grad_output multiple times gives different values, although analytical "
                f"gradient matches numerical gradient.The tolerance for nondeterminism was "
                f"{self.o.nondet_tol}.\nHint: a rule that draws random numbers, or a saved "
                "value that changes"
            )

    def _rows(self, out: Tensor, part: str) -> list[Any]:
        """[input]: the Jacobian by backward, elements of the input by elements of the output."""
        xs = [x for _, x in self.xs]
        found = [np.zeros((x.numel(), out.numel()), x._data.dtype) for x in xs]
        for k in range(out.numel()):
            g = np.zeros(out.numel(), out._data.dtype)
            g[k] = 1j if part == "imag" else 1
            cotangent = wrap(g.reshape(out._data.shape))
            for i, got in enumerate(engine.grad([out], xs, [cotangent], True)):
                if got is None:
                    continue
                self._check_gradient(got, xs[i])
                found[i][:, k] = got._data.reshape(-1)
        return found

    def _check_gradient(self, g: Tensor, x: Tensor) -> None:
        if g.shape != x.shape:
            raise GradcheckError("Analytical gradient has incorrect size")
        if self.o.check_grad_dtypes and g.dtype is not x.dtype:
            raise GradcheckError("Gradient has dtype mismatch")

    def _agree(self, a: Any, n: Any, i: int, j: int, part: str, mode: str = "") -> None:
        wrong = ~(np.abs(a - n) <= self.o.atol + self.o.rtol * np.abs(n))
        if not wrong.any():
            return
        prefix = ""
        if part:
            name = "imaginary" if part == "imag" else "real"
            prefix = f"While considering the {name} part of complex outputs only, "
        off = np.where(wrong, np.abs(a - n), -1)
        off[wrong & np.isnan(off)] = np.inf
        row, column = np.unravel_index(int(off.argmax()), a.shape)
        position = self.xs[i][0]
        raise GradcheckError(
            errors.hinted(
                f"{prefix}Jacobian {mode}mismatch for output {j} with respect to input {i},",
                f"numerical:{wrap(np.asarray(n))!r}",
                f"analytical:{wrap(np.asarray(a))!r}",
                f"worst element: d output{self._index_of_output(j, int(column))} / d input "
                f"{position}{self._index(self.xs[i][1], int(row))}: analytical "
                f"{a[row, column]:.6g}, numerical {n[row, column]:.6g} "
                f"({int(wrong.sum())} of {wrong.size} disagree)",
                hint=self._why(i, int(row), j),
            )
        )

    def _index(self, t: Tensor, flat: int) -> str:
        return str([int(k) for k in np.unravel_index(flat, t._data.shape)]) if t._data.ndim else ""

    def _index_of_output(self, j: int, flat: int) -> str:
        t = _differentiable(self.func(*self.inputs))[j]
        return f" {j}{self._index(t, flat)}"

    def _why(self, i: int, row: int, j: int) -> str:
        """Whether the slopes to the left and to the right of the worst element differ."""
        array = own(self.xs[i][1])
        index = np.unravel_index(row, array.shape)
        kept = array[index]
        try:
            middle = self._values()
            array[index] = kept - self.o.eps
            low = self._values()
            array[index] = kept + self.o.eps
            high = self._values()
        finally:
            array[index] = kept
        left = np.concatenate(
            [((m - a) / self.o.eps).ravel() for m, a in zip(middle, low, strict=True)]
        )
        right = np.concatenate(
            [((b - m) / self.o.eps).ravel() for b, m in zip(high, middle, strict=True)]
        )
        jump = np.abs(right - left)
        if jump.size and jump.max() > 1e-2 * (1 + np.abs(left).max()):
            worst = int(jump.argmax())
            return (
                f"the function has a kink or a jump there: slope {left[worst]:.4g} on the left, "
                f"{right[worst]:.4g} on the right; move the input away from it"
            )
        if self.xs[i][1].dtype.name not in ("float64", "complex128"):
            return "use float64 inputs; differences of float32 values have few correct digits"
        return "the backward is wrong there, or not the derivative of this forward"

    # ------------------------------------------------------------ forward mode

    def _compare_forward(self, numerical: Any, part: str) -> None:
        for i, (_, x) in enumerate(self.xs):
            directions = (1, 1j) if x.is_complex() else (1,)
            for axis, direction in enumerate(directions):
                columns = [self._tangents(i, t) for t in _unit_tangents(x, direction)]
                for j in range(len(numerical[i])):
                    n = _real_part(numerical[i][j], part)[:, axis]
                    a = np.array([c[j] for c in columns]).reshape(n.shape)
                    self._agree(_real_part(a, part), n, i, j, "", "computed with forward mode ")

    def _tangents(self, i: int, along: Any) -> list[Any]:
        """How the differentiable outputs change when input `i` moves along a direction."""
        with _forward_level() as level:
            args = list(self.inputs)
            for k, (position, x) in enumerate(self.xs):
                tangent = along if k == i else np.zeros(x._data.shape, x._data.dtype)
                args[position] = _dual(level, x, wrap(tangent))
            which = [t.requires_grad for t in self._floating()]
            outs = [t for t in _as_tuple(self.func(*args)) if _is_float(t)]
            outs = [t for t, wanted in zip(outs, which, strict=True) if wanted]
            found = [(level.tangent(t), t) for t in outs]
            return [
                np.zeros(t.numel(), t._data.dtype) if d is None else np.array(d._data).reshape(-1)
                for d, t in found
            ]

    # ------------------------------------------------------------ what else must hold

    def _zero_cotangents(self, outs: Sequence[Tensor]) -> None:
        zeros = [wrap(np.zeros_like(t._data)) for t in outs]
        for g in engine.grad(outs, [x for _, x in self.xs], zeros, True):
            if g is not None and np.any(g._data != 0):
                raise GradcheckError(
                    "backward not multiplied by grad_output\n"
                    "Hint: with a cotangent of zeros the gradient must be zero"
                )

    def _undefined(self, count: int) -> None:
        """Outputs without gradient, all of them and one at a time, are like zeros."""
        xs = [x for _, x in self.xs]
        for missing in [set(range(count)), *([{k} for k in range(count)] if count > 1 else [])]:
            outs = [
                _Undefined.apply(t) if k in missing else t
                for k, t in enumerate(_differentiable(self.func(*self.inputs)))
            ]
            zeros = [wrap(np.zeros_like(t._data)) for t in outs]
            try:
                found = engine.grad(outs, xs, zeros)
            except RuntimeError as error:
                raise GradcheckError(
                    "Expected backward function to handle undefined output grads.\n"
                    "Hint: a backward gets None where set_materialize_grads(False) was called"
                ) from error
            if any(g is not None and np.any(g._data != 0) for g in found):
                raise GradcheckError(
                    "Expected all input grads to be undefined or zero when all output grads are "
                    "undefined or zero."
                )

    def _batched(self, outs: Sequence[Tensor]) -> None:
        """The gradients of two cotangents in one batched walk are those of two walks."""
        batched = importlib.import_module(".batched", __package__)  # needs vmap: loaded when asked
        rng = np.random.default_rng(1)
        xs = [x for _, x in self.xs]
        for j, out in enumerate(outs):
            gs = wrap(_normal(rng, (2, *out._data.shape), out._data.dtype))
            expected = [engine.grad([out], xs, [OPS.select(gs, 0, k)], True) for k in range(2)]
            try:
                got = batched.grads_of_batch([out], xs, [gs], True)
            except (RuntimeError, ValueError) as error:
                raise _not_batched(error, "check_batched_grad") from error
            for i, g in enumerate(got):
                rows = [_array(e[i], xs[i]) for e in expected]
                self._same_batch(_array(g, xs[i], 2), np.stack(rows), j, i, "check_batched_grad")

    def _batched_forward(self) -> None:
        """The tangents of two directions in one batched run are those of two runs."""
        vmap = importlib.import_module("..core.vmap", __package__).vmap
        rng = np.random.default_rng(2)
        for i, (_, x) in enumerate(self.xs):
            us = wrap(_normal(rng, (2, *x._data.shape), x._data.dtype))
            expected = [self._pushed(i, OPS.select(us, 0, k)) for k in range(2)]
            try:
                got = vmap(lambda u, i=i: self._pushed(i, u))(us)
            except (RuntimeError, ValueError) as error:
                raise _not_batched(error, "check_batched_forward_grad") from error
            for j, t in enumerate(got):
                rows = np.stack([np.asarray(e[j]._data) for e in expected])
                self._same_batch(t._data, rows, j, i, "check_batched_forward_grad")

    def _pushed(self, i: int, tangent: Tensor) -> tuple[Tensor, ...]:
        """The tangents of all floating outputs when input `i` moves along a tangent."""
        with _forward_level() as level:
            args = list(self.inputs)
            for k, (position, x) in enumerate(self.xs):
                args[position] = _dual(level, x, tangent if k == i else None)
            found = [t for t in _as_tuple(self.func(*args)) if _is_float(t)]
            return tuple(
                wrap(np.zeros(t._data.shape, t._data.dtype)) if d is None else d
                for t, d in [(t, level.tangent(t)) for t in found]
            )

    def _same_batch(self, got: Any, expected: Any, j: int, i: int, option: str) -> None:
        if not np.allclose(got, expected, 1e-5, 1e-8, equal_nan=False):
            raise GradcheckError(
                f"For output {j} and input {i}:\n\n"
                "gradcheck or gradgradcheck failed while testing batched gradient computation.\n\n"
                f"Got:\n{wrap(np.asarray(got))!r}\n\nExpected:\n{wrap(np.asarray(expected))!r}\n"
                f"Hint: under vmap the derivative is another one; {option}=False leaves this out"
            )


def _not_batched(error: Exception, option: str) -> GradcheckError:
    return GradcheckError(
        f"While computing batched gradients, got: {error}\n\n"
        "gradcheck or gradgradcheck failed while testing batched gradient computation.\n"
        f"Hint: a derivative that reads elements cannot run under vmap; {option}=False leaves "
        "this out"
    )


def _normal(rng: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    made = rng.standard_normal(shape)
    return np.asarray(made + 1j * rng.standard_normal(shape) if dtype.kind == "c" else made, dtype)


def _array(g: Any, x: Tensor, count: int = 0) -> Any:
    """A gradient as an array; zeros where there is none."""
    shape = (count, *x._data.shape) if count else x._data.shape
    return np.zeros(shape, x._data.dtype) if g is None else np.asarray(g._data)


def _forward_level() -> Any:
    forward = importlib.import_module("..core.forward", __package__)  # loaded when it is used
    return forward.Forward(taped=True)


def _dual(level: Any, x: Tensor, tangent: Tensor | None) -> Tensor:
    """`x` with a tangent, as a leaf: the function may differentiate with respect to it."""
    leaf = x.detach().requires_grad_()
    made = level.dual(leaf, tangent)
    made._node = leaf._node
    return made


class _Undefined(Function):
    """Passes its argument on and no gradient back."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> None:
        return None


def _as_tuple(value: Any) -> tuple[Any, ...]:
    if isinstance(value, (tuple, list)):
        return tuple(value)
    return (value,)


def _is_float(t: Any) -> bool:
    return isinstance(t, Tensor) and t._data.dtype.kind in "fcV"


def _differentiable(outputs: Any) -> list[Tensor]:
    found = _as_tuple(outputs)
    for i, t in enumerate(found):
        if not isinstance(t, Tensor):
            raise AttributeError(
                errors.hinted(
                    f"'{type(t).__name__}' object has no attribute 'requires_grad'",
                    f"output {i} of the function is no tensor, so there is nothing to check",
                    hint="return tensors only, as in gradcheck(lambda x: f(x)[0], x)",
                )
            )
    return [t for t in found if t.requires_grad]


def _followed(x: Tensor) -> Tensor:
    """The same values at a place of their own in the graph: they can be written in place."""
    return OPS.reshape(x, tuple(x._data.shape)) if x.requires_grad else x


def _random_cotangent(t: Tensor, strided: bool) -> Tensor:
    """Uniform numbers of [-1, 1) from the default generator, as PyTorch's check draws them."""
    parts = (2,) if t._data.dtype.kind == "c" else ()
    shape, strided = t._data.shape, strided and t._data.size > 1
    if strided:
        shape = (*shape[:-1], 2 * shape[-1])
    drawn = wrap(np.zeros((*shape, *parts), t._data.real.dtype)).uniform_(-1.0, 1.0)
    made = np.asarray(drawn._data)
    if parts:
        made = made.view(t._data.dtype).reshape(shape)
    return wrap(made[..., 1::2] if strided else made).requires_grad_()


def _unit_tangents(x: Tensor, direction: Any) -> Iterator[Any]:
    for row in range(x.numel()):
        tangent = np.zeros(x._data.shape, x._data.dtype)
        tangent.reshape(-1)[row] = direction
        yield tangent


def _real_part(array: Any, part: str) -> Any:
    """Real numbers as they are; of complex ones the real or imaginary part."""
    if array.dtype.kind != "c":
        return array
    return array.imag if part == "imag" else array.real
