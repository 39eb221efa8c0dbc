"""What an op should give, by NumPy and SciPy functions that are not its kernel:
`REFERENCES[name](*operands, *params)`.

Variadic ops get their operands as one list.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.special as sp

Reference = Callable[..., Any]

_vectorized = {
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
    "asin": math.asin,
    "acos": math.acos,
    "atan": math.atan,
    "sinh": math.sinh,
    "cosh": math.cosh,
    "tanh": math.tanh,
    "asinh": math.asinh,
    "acosh": math.acosh,
    "atanh": math.atanh,
    "exp": math.exp,
    "expm1": math.expm1,
    "log": math.log,
    "log2": math.log2,
    "log10": math.log10,
    "log1p": math.log1p,
    "sqrt": math.sqrt,
    "erf": math.erf,
    "erfc": math.erfc,
    "lgamma": math.lgamma,
    "abs": math.fabs,
    "floor": math.floor,
    "ceil": math.ceil,
    "trunc": math.trunc,
    "deg2rad": math.radians,
    "rad2deg": math.degrees,
    "isnan": math.isnan,
    "isinf": math.isinf,
    "isfinite": math.isfinite,
    "exp2": lambda x: 2.0**x,
    "rsqrt": lambda x: 1 / math.sqrt(x),
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
    "relu": lambda x: max(x, 0.0),
    "round": lambda x: float(round(x)),
    "frac": lambda x: math.copysign(abs(x) % 1, x),
    "sign": lambda x: float((x > 0) - (x < 0)),
    "sgn": lambda x: float((x > 0) - (x < 0)),
    "positive": lambda x: x,
    "neg": lambda x: -x,
    "reciprocal": lambda x: 1 / x,
    "square": lambda x: x * x,
    "clone": lambda x: x,
    "alias": lambda x: x,
    "isreal": lambda x: True,
    "isposinf": lambda x: x == math.inf,
    "isneginf": lambda x: x == -math.inf,
    "signbit": lambda x: math.copysign(1, x) < 0,
    "sinc": lambda x: math.sin(math.pi * x) / (math.pi * x) if x else 1,
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "rsub": lambda a, b: b - a,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "pow": math.pow,
    "rpow": lambda a, b: math.pow(b, a),
    "floor_divide": lambda a, b: math.floor(a / b),
    "trunc_divide": lambda a, b: math.trunc(a / b),
    "remainder": lambda a, b: a - b * math.floor(a / b),
    "fmod": math.fmod,
    "atan2": math.atan2,
    "addcmul": lambda a, b, c, v=1: a + v * b * c,
    "addcdiv": lambda a, b, c, v=1: a + v * b / c,
    "lerp": lambda a, b, w: a + w * (b - a),
    "hypot": math.hypot,
    "copysign": math.copysign,
    "maximum": max,
    "minimum": min,
    "fmax": max,
    "fmin": min,
    "heaviside": lambda x, v: 0.0 if x < 0 else 1.0,
    "nextafter": math.nextafter,
    "ldexp": lambda a, b: a * 2.0**b,
    "clamp": lambda x, lo, hi: min(
        max(x, -math.inf if lo is None else lo), math.inf if hi is None else hi
    ),
    "xlogy": lambda a, b: a * math.log(b),
    "xlog1py": lambda a, b: a * math.log1p(b),
    "logaddexp": lambda a, b: math.log(math.exp(a) + math.exp(b)),
    "logaddexp2": lambda a, b: math.log2(2**a + 2**b),
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "where": lambda c, a, b: a if c else b,
    "logical_not": lambda x: not x,
    "logical_and": lambda a, b: bool(a and b),
    "logical_or": lambda a, b: bool(a or b),
    "logical_xor": lambda a, b: bool(a) != bool(b),
    "entr": lambda x: -x * math.log(x),
    "digamma": sp.digamma,
    "erfinv": sp.erfinv,
    "logit": lambda x, eps: sp.logit(x),
    "polygamma_of": lambda x, n: float(sp.polygamma(n, x)),
    "i0": sp.i0,
    "i0e": sp.i0e,
    "i1": sp.i1,
    "i1e": sp.i1e,
    "ndtri": sp.ndtri,
    "ndtr": sp.ndtr,
    "log_ndtr": sp.log_ndtr,
    "erfcx": sp.erfcx,
    "zeta": sp.zeta,
    "bessel_j0": sp.j0,
    "bessel_j1": sp.j1,
    "bessel_y0": sp.y0,
    "bessel_y1": sp.y1,
    "gammaln": sp.gammaln,
    "softplus": lambda x, beta=1.0, threshold=20.0: math.log1p(math.exp(beta * x)) / beta,
    "silu": lambda x: x / (1 + math.exp(-x)),
    "elu": lambda x, alpha=1.0, *_: x if x > 0 else alpha * math.expm1(x),
    "leaky_relu": lambda x, slope=0.01: x if x > 0 else slope * x,
    "relu6": lambda x: min(max(x, 0.0), 6.0),
    "softsign": lambda x: x / (1 + abs(x)),
    "log_sigmoid": lambda x: -math.log1p(math.exp(-x)),
    "logsigmoid": lambda x: -math.log1p(math.exp(-x)),
    "mish": lambda x: x * math.tanh(math.log1p(math.exp(x))),
    "hardswish": lambda x: x * min(max(x + 3, 0.0), 6.0) / 6,
    "hardsigmoid": lambda x: min(max(x + 3, 0.0), 6.0) / 6,
    "hardtanh": lambda x, lo=-1.0, hi=1.0: min(max(x, lo), hi),
    "selu": lambda x: 1.0507009873554805 * (x if x > 0 else 1.6732632423543772 * math.expm1(x)),
}


def _gelu(x: float, how: str) -> float:
    if how == "none":
        return x * (1 + math.erf(x / math.sqrt(2))) / 2
    return x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2


def _by_element(f: Callable[..., Any]) -> Reference:
    """A scalar function on broadcast arrays; static parameters are numbers."""

    def on_arrays(*values: Any) -> Any:
        operands = [v for v in values if isinstance(v, np.ndarray)]
        static = values[len(operands) :]
        full = np.broadcast_arrays(*operands)
        made = [
            f(*(x.item() for x in each), *static) for each in zip(*map(np.ravel, full), strict=True)
        ]
        return np.reshape(np.array(made), full[0].shape)

    return on_arrays


def _sum(x: Any, dim: Any, keepdim: bool) -> Any:
    return np.sum(x, axis=dim, keepdims=keepdim)


def _take_rows(x: Any, index: Any, dim: int) -> Any:
    return np.take(x, index, axis=dim)


def _gather(x: Any, index: Any, dim: int) -> Any:
    made = np.empty(index.shape, x.dtype)
    for at in np.ndindex(*index.shape):
        made[at] = x[(*at[:dim], int(index[at]), *at[dim + 1 :])]
    return made


def _scatter(x: Any, index: Any, src: Any, dim: int, add: bool = False) -> Any:
    made = x.copy()
    for at in np.ndindex(*index.shape):
        to = (*at[:dim], int(index[at]), *at[dim + 1 :])
        made[to] = (made[to] if add else 0) + (src[at] if isinstance(src, np.ndarray) else src)
    return made


def _index_add(x: Any, index: Any, source: Any, dim: int, alpha: Any = 1) -> Any:
    made = np.moveaxis(x.copy(), dim, 0)
    for row, i in zip(np.moveaxis(source, dim, 0), index, strict=True):
        made[i] += alpha * row
    return np.moveaxis(made, 0, dim)


def _picked(x: Any, at: Any, dim: int, keepdim: bool = True) -> Any:
    made = np.take_along_axis(x, at, axis=dim), at
    return made if keepdim else tuple(np.squeeze(v, dim) for v in made)


def _searched(ordered: Any, values: Any, side: Any) -> Any:
    if ordered.ndim == 1:
        return np.searchsorted(ordered, values, side)
    return np.stack([np.searchsorted(a, b, side) for a, b in zip(ordered, values, strict=True)])


def _recurrence(u: Any, a: Any, dim: int) -> Any:
    u, a = np.moveaxis(u, dim, 0), np.moveaxis(a, dim, 0)
    made = [u[0]]
    for u_i, a_i in zip(u[1:], a[1:], strict=True):
        made.append(u_i + a_i * made[-1])
    return np.moveaxis(np.stack(made), 0, dim)


def _normalised(x: Any, w: Any, b: Any, axes: tuple[int, ...], eps: float) -> Any:
    made = (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)
    return made * (1 if w is None else w) + (0 if b is None else b)


def _reduced(each: Any, how: str) -> Any:
    return each if how == "none" else each.mean() if how == "mean" else each.sum()


_vectorized |= {
    "celu": lambda x, *_: max(x, 0.0) + min(0.0, math.expm1(x)),  # alpha 1
    "gelu": lambda x, how="none": _gelu(x, how),
    "hardshrink": lambda x, limit=0.5: x if abs(x) > limit else 0.0,
    "softshrink": lambda x, limit=0.5: math.copysign(max(abs(x) - limit, 0.0), x),
    "threshold": lambda x, limit, value: x if x > limit else value,
    "prelu_kernel": lambda x, slope: x if x > 0 else slope * x,
    "rrelu_with_noise": lambda x, noise: x * noise,
    "rrelu_slope": lambda x, slope: x if x > 0 else slope * x,
    "bitwise_and": lambda a, b: a & b,
    "bitwise_or": lambda a, b: a | b,
    "bitwise_xor": lambda a, b: a ^ b,
    "bitwise_not": lambda a: ~a,
    "gcd": math.gcd,
    "lcm": math.lcm,
    "angle": lambda x: math.pi if x < 0 else 0.0,
    "round_decimals": lambda x, decimals: round(x, decimals),
    "nan_to_num": lambda x, *_: x,
    "clamp_min": max,
    "clamp_max": min,
    "special_xlog1py": lambda a, b: a * math.log1p(b),
}
for _name in ("elu", "celu", "leaky_relu", "threshold", "rrelu_slope", "rrelu_with_noise"):
    _vectorized[f"{_name}_in_place"] = _vectorized[_name]

REFERENCES: dict[str, Reference] = {name: _by_element(f) for name, f in _vectorized.items()}
REFERENCES |= {
    "sum": _sum,
    "reshape": np.reshape,
    "_unsafe_view": np.reshape,
    "expand": np.broadcast_to,
    "transpose": np.swapaxes,
    "permute": np.transpose,
    "squeeze": lambda x, dim=None: np.squeeze(x),
    "squeeze_dim": np.squeeze,
    "squeeze_dims": np.squeeze,
    "unsqueeze": np.expand_dims,
    "t": np.transpose,
    "flip": np.flip,
    "roll": np.roll,
    "rot90": np.rot90,
    "repeat": np.tile,
    "diagonal": np.diagonal,
    "diagonal_copy": np.diagonal,
    "tril": np.tril,
    "triu": np.triu,
    "select": lambda x, dim, index: np.take(x, index, axis=dim),
    "slice": lambda x, dim, start, end, step: np.take(x, range(start, end, step), axis=dim),
    "cat": lambda xs, dim: np.concatenate(xs, axis=dim),
    "stack": lambda xs, dim: np.stack(xs, axis=dim),
    "split": lambda x, size, dim: np.split(x, range(size, x.shape[dim], size), axis=dim),
    "split_with_sizes": lambda x, sizes, dim: np.split(x, np.cumsum(sizes)[:-1], axis=dim),
    "unbind": lambda x, dim: list(np.moveaxis(x, dim, 0)),
    "gather": _gather,
    "scatter": _scatter,
    "scatter_value": lambda x, index, dim, value: _scatter(x, index, value, dim),
    "scatter_add": lambda x, index, src, dim: _scatter(x, index, src, dim, add=True),
    "index_select": _take_rows,
    "index_add": _index_add,
    "take": lambda x, index: x.ravel()[index],
    "masked_fill": lambda x, mask, value: np.where(mask, value, x),
    "masked_select": lambda x, mask: x[mask],
    "nonzero": lambda x: np.argwhere(x),
    "matmul": np.matmul,
    "vdot": lambda a, b: np.sum(a * b),
    "addmm": lambda c, a, b, beta, alpha: beta * c + alpha * np.einsum("ij,jk->ik", a, b),
    "addmv": lambda c, a, b, beta, alpha: beta * c + alpha * np.einsum("ij,j->i", a, b),
    "baddbmm": lambda c, a, b, beta, alpha: beta * c + alpha * np.einsum("bij,bjk->bik", a, b),
    "addbmm": lambda c, a, b, beta, alpha: beta * c + alpha * np.einsum("bij,bjk->ik", a, b),
    "addr": lambda c, a, b, beta, alpha: beta * c + alpha * np.outer(a, b),
    "linear": lambda a, b: np.einsum("...j,kj->...k", a, b),
    "affine": lambda c, a, b: np.einsum("...j,kj->...k", a, b) + c,
    "affine_any": lambda c, a, b: np.einsum("...j,kj->...k", a, b) + c,
    "contract": lambda a, b, i, j, o: np.einsum(a, list(i), b, list(j), list(o)),
    "linalg_cross": lambda a, b, dim: np.cross(a, b, axis=dim),
    "argsort": lambda x, dim, descending: np.argsort(-x if descending else x, axis=dim),
    "sort": lambda x, dim, descending: _picked(
        x, np.argsort(-x if descending else x, axis=dim), dim
    ),
    "max_dim": lambda x, dim, keepdim: _picked(
        x, np.argmax(x, axis=dim, keepdims=True), dim, keepdim
    ),
    "min_dim": lambda x, dim, keepdim: _picked(
        x, np.argmin(x, axis=dim, keepdims=True), dim, keepdim
    ),
    "argmax": lambda x, dim, keepdim: np.argmax(x, axis=dim, keepdims=keepdim),
    "argmin": lambda x, dim, keepdim: np.argmin(x, axis=dim, keepdims=keepdim),
    "searchsorted": lambda s, v, right: _searched(s, v, "right" if right else "left"),
    "recurrence": lambda u, a, dim: _recurrence(u, a, dim),
    "native_layer_norm": lambda x, w, b, rank, eps: _normalised(
        x, w, b, tuple(range(-rank, 0)), eps
    ),
    "rms_norm": lambda x, w, rank, eps: (
        x
        / np.sqrt(np.mean(x * x, tuple(range(-rank, 0)), keepdims=True) + eps)
        * (1 if w is None else w)
    ),
    "embedding": lambda w, i, *_: w[i],
    "embedding_gather": lambda w, i, *_: w[i],
    "mse_loss": lambda a, b, how: _reduced((a - b) ** 2, how),
    "l1_loss": lambda a, b, how: _reduced(abs(a - b), how),
    "huber_loss": lambda a, b, how, d: _reduced(sp.huber(d, a - b), how),
    "smooth_l1_loss": lambda a, b, how, d: _reduced(sp.huber(d, a - b) / d, how),
    "soft_margin_loss": lambda a, b, how: _reduced(np.log1p(np.exp(-a * b)), how),
    "binary_cross_entropy": lambda a, t, w, how: _reduced(
        -(t * np.log(a) + (1 - t) * np.log1p(-a)) * (1 if w is None else w), how
    ),
    "cumsum": lambda x, dim: np.cumsum(x, axis=dim),
    "cumprod": lambda x, dim: np.cumprod(x, axis=dim),
    "prod": lambda x, dim=None, keepdim=False: np.prod(x, axis=dim, keepdims=keepdim),
    "mean": lambda x, dim=None, keepdim=False: np.mean(x, axis=dim, keepdims=keepdim),
    "amax": lambda x, dim=None, keepdim=False: np.amax(x, axis=dim, keepdims=keepdim),
    "amin": lambda x, dim=None, keepdim=False: np.amin(x, axis=dim, keepdims=keepdim),
    "logsumexp": lambda x, dim, keepdim=False: sp.logsumexp(x, axis=dim, keepdims=keepdim),
    "softmax": lambda x, dim: sp.softmax(x, axis=dim),
    "log_softmax": lambda x, dim: sp.log_softmax(x, axis=dim),
}
