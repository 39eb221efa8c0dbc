"""Window functions: `torch.signal.windows` and the older `torch.hann_window` and its kin.

Those of `torch.signal.windows` are composites of recorded ops on evenly spaced numbers, as in
PyTorch, symmetric unless asked; the older ones are leaves, periodic unless asked.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ... import dtypes, errors
from ..._state import S
from ...core.blame import no_combination
from ...core.declare import public
from ...core.record import OPS
from ...core.tensor import Tensor, wrap
from ...errors import ABSENT
from ..make.create import linspace
from ..make.from_data import check_device, checked_dtype, finished
from ..math import special  # noqa: F401  # declares i0, which the Kaiser window needs

# ---------------------------------------------------------------- torch.signal.windows


def _checked(op: str, M: Any, dtype: Any, layout: Any, device: Any) -> np.dtype[Any]:
    """The dtype of a window of M points, all arguments checked."""
    if not hasattr(M, "__index__"):
        raise TypeError(f"{op}(): argument 'M' must be int, not {type(M).__name__}")
    if M < 0:
        raise ValueError(f"{op} requires non-negative window length, got M={M}")
    if layout is not None and layout is not dtypes.strided:
        raise ValueError(f"{op} is implemented for strided tensors only, got: {layout}")
    check_device(device)
    target = checked_dtype(op, dtype) or S.default_dtype.np
    if target not in (np.dtype("float32"), np.dtype("float64")):
        raise ValueError(f"{op} expects float32 or float64 dtypes, got: {dtype!r}")
    return target


def _short(M: int, target: Any, requires_grad: bool) -> Tensor | None:
    """The windows of no and of one point, which are all the same."""
    return None if M > 1 else finished(np.ones(M, target), requires_grad)


def _spaced(start: float, end: float, M: int, target: Any, requires_grad: bool) -> Tensor:
    return linspace(
        start, end, M, dtype=dtypes.from_numpy_dtype(target), requires_grad=requires_grad
    )


def _points(M: int, sym: bool) -> int:
    """Steps of one period."""
    return M - 1 if sym else M


Shape = Callable[..., Tensor]
_ARGS = """M: the number of points.
        {rest}sym: symmetric (the default), or one period of a periodic window.
        dtype: float32 or float64. layout, device, requires_grad: as in `torch.ones`."""


def _window(op: str, formula: str, rest: str, call: str, shape: Shape, **own: Any) -> None:
    """Declare `torch.signal.windows.<op>`: `shape(M, sym, target, requires_grad, **own)`."""

    def function(
        M: int, *, sym: bool = True, dtype: Any = None, layout: Any = None, device: Any = None,
        requires_grad: bool = False, **given: Any,
    ) -> Tensor:  # fmt: skip
        for name in given:
            if name not in own:
                raise TypeError(f"{op}() got an unexpected keyword argument '{name}'")
        values = own | given
        missing = [n for n, v in values.items() if v is _REQUIRED]
        if missing:
            raise TypeError(f"{op}() missing 1 required keyword-only argument: '{missing[0]}'")
        target = _checked(_CHECKED_AS.get(op, op), M, dtype, layout, device)
        return shape(int(M), sym, target, requires_grad, **values)

    function.__name__ = function.__qualname__ = op
    function.__doc__ = f"""{formula}

    Args:
        {_ARGS.format(rest=rest)}

    Raises:
        ValueError: negative M; another dtype; a parameter out of its range.

    Example:
        >>> import chainrule as torch
        >>> torch.signal.windows.{op}({call}).shape
        torch.Size([5])
    """
    public(f"signal.windows.{op}")(function)


_REQUIRED: Any = object()
_CHECKED_AS = dict.fromkeys(("general_hamming", "hamming", "hann", "nuttall"), "general_cosine")


def _exponential(
    M: int, sym: bool, target: Any, requires_grad: bool, center: float | None, tau: float
) -> Tensor:
    if tau <= 0:
        raise ValueError(f"Tau must be positive, got: {tau} instead.")
    if sym and center is not None:
        raise ValueError("Center must be None for symmetric windows")
    if M == 0:
        return finished(np.ones(0, target), requires_grad)
    middle = (M if not sym and M > 1 else M - 1) / 2 if center is None else center
    k = _spaced(-middle / tau, (M - 1 - middle) / tau, M, target, requires_grad)
    return OPS.exp(-OPS.abs(k))


def _cosine(M: int, sym: bool, target: Any, requires_grad: bool) -> Tensor:
    if M == 0:
        return finished(np.ones(0, target), requires_grad)
    step = math.pi / (M + 1 if not sym and M > 1 else M)
    return OPS.sin(_spaced(0.5 * step, (M - 0.5) * step, M, target, requires_grad))


def _gaussian(M: int, sym: bool, target: Any, requires_grad: bool, std: float) -> Tensor:
    if std <= 0:
        raise ValueError(f"Standard deviation must be positive, got: {std} instead.")
    if M == 0:
        return finished(np.ones(0, target), requires_grad)
    start = -(M if not sym and M > 1 else M - 1) / 2
    scale = 1 / (std * math.sqrt(2))
    k = _spaced(start * scale, (start + M - 1) * scale, M, target, requires_grad)
    return OPS.exp(-(k**2))


def _kaiser(M: int, sym: bool, target: Any, requires_grad: bool, beta: float) -> Tensor:
    if beta < 0:
        raise ValueError(f"beta must be non-negative, got: {beta} instead.")
    short = _short(M, target, requires_grad)
    if short is not None:
        return short
    b = target.type(beta)
    step = 2.0 * b / target.type(_points(M, sym))
    end = min(float(b), float(-b + target.type(M - 1) * step))
    k = _spaced(float(-b), end, M, target, requires_grad)
    top = wrap(np.array(b))
    return OPS.i0(OPS.sqrt(top * top - k**2)) / OPS.i0(top)


def _bartlett(M: int, sym: bool, target: Any, requires_grad: bool) -> Tensor:
    short = _short(M, target, requires_grad)
    if short is not None:
        return short
    step = 2 / _points(M, sym)
    return 1 - OPS.abs(_spaced(-1, -1 + (M - 1) * step, M, target, requires_grad))


def _cosines(M: int, sym: bool, target: Any, requires_grad: bool, a: Iterable[float]) -> Tensor:
    if not isinstance(a, Iterable):
        raise TypeError("Coefficients must be a list/tuple")
    weights = list(a)
    if not weights:
        raise ValueError("Coefficients cannot be empty")
    short = _short(M, target, requires_grad)
    if short is not None:
        return short
    step = 2 * math.pi / _points(M, sym)
    k = _spaced(0, (M - 1) * step, M, target, requires_grad)
    signed = np.array([(-1) ** i * w for i, w in enumerate(weights)], target)
    order = np.arange(len(weights), dtype=target)
    waves = wrap(signed[:, None]) * OPS.cos(wrap(order[:, None]) * k)
    return OPS.sum(waves, (0,), False)


def _hamming(M: int, sym: bool, target: Any, requires_grad: bool, alpha: float) -> Tensor:
    return _cosines(M, sym, target, requires_grad, [alpha, 1.0 - alpha])


def _fixed(a: list[float]) -> Shape:
    return lambda M, sym, target, requires_grad: _cosines(M, sym, target, requires_grad, a)


_window(
    "exponential", "exp(-|n - center| / tau), a Poisson window.",
    "center: where the window is 1 (default: the middle; only if not `sym`).\n        "
    "tau: the decay.\n        ", "5", _exponential, center=None, tau=1.0,
)  # fmt: skip
_window("cosine", "sin(pi (n + 1/2) / M).", "", "5", _cosine)
_window(
    "gaussian", "exp(-n^2 / (2 std^2)) around the middle.", "std: the width.\n        ", "5",
    _gaussian, std=1.0,
)  # fmt: skip
_window(
    "kaiser", "I_0(beta sqrt(1 - t^2)) / I_0(beta) for t from -1 to 1; needs SciPy.",
    "beta: the shape, 0 or more.\n        ", "5", _kaiser, beta=12.0,
)  # fmt: skip
_window("bartlett", "1 - |t| for t from -1 to 1: a triangle.", "", "5", _bartlett)
_window(
    "general_cosine", "The sum of (-1)^i a_i cos(2 pi i n / (M - 1)).",
    "a: the weights.\n        ", "5, a=[0.5, 0.3]", _cosines, a=_REQUIRED,
)  # fmt: skip
_window(
    "general_hamming", "alpha - (1 - alpha) cos(2 pi n / (M - 1)).",
    "alpha: the weight.\n        ", "5", _hamming, alpha=0.54,
)  # fmt: skip
_window("hamming", "0.54 - 0.46 cos(2 pi n / (M - 1)).", "", "5", _fixed([0.54, 0.46]))
_window("hann", "(1 - cos(2 pi n / (M - 1))) / 2.", "", "5", _fixed([0.5, 0.5]))
_window("blackman", "A window of three cosines.", "", "5", _fixed([0.42, 0.5, 0.08]))
_window(
    "nuttall", "The window of four cosines of Nuttall.", "", "5",
    _fixed([0.3635819, 0.4891775, 0.1365995, 0.0106411]),
)  # fmt: skip

# ---------------------------------------------------------------- torch.hann_window and its kin


def _bartlett_values(n: Any, last: int) -> Any:
    up = n * n.dtype.type(2.0 / last)
    return np.where(n <= last // 2, up, 2 - up)


def _blackman_values(n: Any, last: int) -> Any:
    t, number = n * n.dtype.type(math.pi / last), n.dtype.type
    return np.cos(t * 4) * number(0.08) - np.cos(t * 2) * number(0.5) + number(0.42)


def _hamming_values(n: Any, last: int, alpha: float, beta: float) -> Any:
    number = n.dtype.type
    return np.cos(n * number(2.0 * math.pi / last)) * number(-beta) + number(alpha)


def _kaiser_values(n: Any, last: int, beta: float) -> Any:
    t = n.astype(np.float64) * (2.0 / last) - 1
    return np.i0(beta * np.sqrt(np.maximum(1 - t * t, 0))) / np.i0(beta)


_C_NAMES = {"int64": "long int", "int32": "int", "int16": "short int", "bool": "bool"}


def _classic(
    op: str, make: Callable[..., Any], length: Any, periodic: bool, options: dict[str, Any],
    *parameters: float,
) -> Tensor:  # fmt: skip
    if not hasattr(length, "__index__") or length is True or length is False:
        raise TypeError(
            f"{op}(): argument 'window_length' (position 1) must be int, not "
            f"{type(length).__name__}"
        )
    length = length.__index__()
    check_device(options["device"])
    target = checked_dtype(op, options["dtype"]) or S.default_dtype.np
    layout = options["layout"]
    if layout is not None and layout is not dtypes.strided:
        raise RuntimeError(f"{op} is not implemented for sparse types, got: {layout}")
    if target.kind not in "fcV":
        name = _C_NAMES.get(target.name, target.name)
        raise RuntimeError(f"{op} expects floating point dtypes, got: TensorOptions(dtype={name})")
    if target.kind == "c":
        title = "ComplexFloat" if target.itemsize == 8 else "ComplexDouble"
        raise NotImplementedError(f"\"arange_cpu\" not implemented for '{title}'")
    if length < 0:
        raise RuntimeError(f"{op} requires non-negative window_length, got window_length={length}")
    if length < 2:
        return finished(np.ones(length, target), options["requires_grad"])
    points = length + 1 if periodic else length
    made = make(np.arange(points).astype(target), points - 1, *parameters)[:length]
    return finished(made.astype(target), options["requires_grad"])


def _in_order(op: str, order: tuple[str, ...], given: Any, named: dict[str, Any]) -> None:
    """Of `periodic` and the parameters of a window, each is given only after those before it."""
    values = [v for v in given if v is not ABSENT]
    have = set(("periodic", *order)[: len(values)]) | named.keys()
    numbers = [*values[1:], *named.values()]
    if have != set(("periodic", *order)[: len(have)]) or any(
        not isinstance(v, (int, float, np.number, Tensor)) for v in numbers
    ):
        raise no_combination(op, values, named)


def _classic_window(name: str, formula: str, make: Callable[..., Any], **own: float) -> None:
    op = f"{name}_window"
    order = tuple(own)

    def function(
        window_length: int, periodic: bool = ABSENT, *rest: float, dtype: Any = None,
        layout: Any = None, device: Any = None, pin_memory: bool = False,
        requires_grad: bool = False, **given: float,
    ) -> Tensor:  # fmt: skip
        if len(rest) > len(order) or set(given) - set(order[len(rest) :]):
            raise TypeError(
                f"{op}() received an invalid combination of arguments\n"
                f"Hint: it takes {', '.join(('window_length', 'periodic', *order))}"
            )
        values = own | dict(zip(order, rest, strict=False)) | given
        if rest or given:
            _in_order(op, order, (periodic, *rest), given)
        if periodic is ABSENT:
            periodic = True
        elif periodic is not True and periodic is not False:
            raise errors.wrong_kind(op, "periodic", "bool", periodic, 2)
        options = {
            "dtype": dtype, "layout": layout, "device": device, "requires_grad": requires_grad
        }  # fmt: skip
        return _classic(op, make, window_length, periodic, options, *values.values())

    lines = "".join(f"{n}: a parameter (default {v}).\n        " for n, v in own.items())
    function.__name__ = function.__qualname__ = op
    function.__doc__ = f"""{formula}

    Args:
        window_length: the number of points N.
        periodic: one period of a periodic window (the default), or symmetric: N - 1 for N.
        {lines}dtype: a floating type. layout, device, requires_grad: as in `torch.ones`.

    Raises:
        RuntimeError: a negative length; another dtype.

    Example:
        >>> import chainrule as torch
        >>> torch.{op}(4).shape
        torch.Size([4])
    """
    public(op)(function)


_classic_window("bartlett", "A triangle: 1 - |2 n / N - 1|.", _bartlett_values)
_classic_window("blackman", "0.42 - 0.5 cos(2 pi n / N) + 0.08 cos(4 pi n / N).", _blackman_values)
_classic_window("hamming", "alpha - beta cos(2 pi n / N).", _hamming_values, alpha=0.54, beta=0.46)
_classic_window(
    "hann", "(1 - cos(2 pi n / N)) / 2.",
    lambda n, last: _hamming_values(n, last, 0.5, 0.5),
)  # fmt: skip
_classic_window(
    "kaiser", "I_0(beta sqrt(1 - t^2)) / I_0(beta) for t from -1 to 1.", _kaiser_values, beta=12.0
)
