"""Tensors as text, character by character the text PyTorch prints.

What lives here: an ndarray goes in, text comes out. Nothing here knows the Tensor class; the caller
hands over the array and the words that only it can know (``grad_fn=<...>``).
The way of one tensor: `tensor_repr` keeps the corners of a large array (`_axes`), writes numbers
as padded cells (`_cells`), lays the cells out between brackets (`_lay_out`), and appends what the
numbers do not show, such as the dtype (`_append_facts`).
All numbers of one tensor share one notation, chosen by looking at those shown (`_notation`): whole
(``2.``), fixed (``2.5000``) or scientific (``2.5000e+00``). A complex tensor chooses twice.
Source: PyTorch 2.13 as observed; ``tools/record_printing.py`` repeats the comparison.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

__all__ = [
    "format_scalar",
    "format_value",
    "get_printoptions",
    "printoptions",
    "set_printoptions",
    "sparse_repr",
    "tensor_repr",
]


# ---- options -------------------------------------------------------------------------------------


class _Options:
    __slots__ = ("edgeitems", "linewidth", "precision", "sci_mode", "threshold")

    def __init__(self) -> None:
        self.precision, self.edgeitems, self.linewidth = 4, 3, 80
        self.threshold: float = 1000
        self.sci_mode: bool | None = None


_PROFILES: dict[Any, dict[str, Any]] = {
    "default": {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80},
    "short": {"precision": 2, "threshold": 1000, "edgeitems": 2, "linewidth": 80},
    "full": {"precision": 4, "threshold": math.inf, "edgeitems": 3, "linewidth": 80},
}
_options = _Options()  # one for the process, as in PyTorch


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Choose how tensors are printed, until the next call.

    A value of ``None`` leaves an option alone, except `sci_mode`, which every call sets: ``None``
    means "choose by the numbers". As in PyTorch nothing is checked here (an unknown profile is
    ignored); a value that cannot be used raises when the next tensor is printed.

    Args:
        precision: digits after the point (4).
        threshold: number of elements above which only the corners are shown (1000).
        edgeitems: rows, columns, ... shown at each end of a shortened dimension (3).
        linewidth: characters in a line (80).
        profile: ``"default"``, ``"short"`` or ``"full"``; applied before the other arguments.
        sci_mode: ``True`` or ``False`` forces scientific notation on or off.

    Example:
        >>> set_printoptions(precision=2)
        >>> print(tensor_repr(np.float32([1.5, 2])))
        tensor([1.50, 2.00])
        >>> set_printoptions(profile="default")
    """
    chosen = {**_PROFILES.get(profile, {})}
    given = {"precision": precision, "threshold": threshold}
    given |= {"edgeitems": edgeitems, "linewidth": linewidth}
    chosen |= {name: value for name, value in given.items() if value is not None}
    for name, value in chosen.items():
        setattr(_options, name, value)
    _options.sci_mode = sci_mode


def get_printoptions() -> dict[str, Any]:
    """The options in force, as a new dictionary that `set_printoptions` accepts.

    Example:
        >>> get_printoptions()
        {'precision': 4, 'threshold': 1000, 'edgeitems': 3, 'linewidth': 80, 'sci_mode': None}
    """
    names = ("precision", "threshold", "edgeitems", "linewidth", "sci_mode")
    return {n: getattr(_options, n) for n in names}


@contextmanager
def printoptions(**kwargs: Any) -> Iterator[None]:
    """Set print options inside a ``with`` block and restore the old ones after it.

    Takes the arguments of `set_printoptions`.

    Example:
        >>> with printoptions(precision=1):
        ...     print(tensor_repr(np.float32(0.25)))
        tensor(0.2)
        >>> print(tensor_repr(np.float32(0.25)))
        tensor(0.2500)
    """
    before = get_printoptions()
    set_printoptions(**kwargs)
    try:
        yield
    finally:
        set_printoptions(**before)


# ---- the text of a tensor ------------------------------------------------------------------------


def tensor_repr(
    array: np.ndarray | np.generic,
    *,
    prefix: str = "tensor(",
    suffixes: Sequence[str] = (),
    default_dtype: str = "float32",
) -> str:
    """The full text of a tensor, from ``tensor(`` to ``)``.

    Args:
        array: the values, of any shape; bfloat16 and float8 as `ml_dtypes` dtypes.
        prefix: what stands before the values; later lines are indented by its length.
        suffixes: what the caller knows besides, in order, for example ``requires_grad=True``.
        default_dtype: name of the default dtype, which is not printed.

    Example:
        >>> print(tensor_repr(np.array([[1, -20]], np.int32), suffixes=["grad_fn=<F>"]))
        tensor([[  1, -20]], dtype=torch.int32, grad_fn=<F>)
        >>> print(tensor_repr(np.zeros((0, 3), np.float32)))
        tensor([], size=(0, 3))
    """
    array = np.asarray(array)
    values = _values(array, len(prefix)) if array.size else "[]"
    facts = [*_size_fact(array), *_dtype_fact(array, default_dtype), *suffixes]
    return _append_facts(prefix + values, facts, len(prefix)) + ")"


def sparse_repr(
    indices: np.ndarray,
    values: np.ndarray,
    shape: Sequence[int],
    suffixes: Sequence[str] = (),
    default_dtype: str = "float32",
) -> str:
    """The text of a sparse tensor: its indices, its values, and what they do not show.

    Args:
        indices, values: as it keeps them.
        shape: of the tensor it stands for.
        suffixes, default_dtype: as for `tensor_repr`.

    Example:
        >>> print(sparse_repr(np.int64([[0, 4]]), np.float32([1, 2]), (5,)))
        tensor(indices=tensor([[0, 4]]),
               values=tensor([1., 2.]),
               size=(5,), nnz=2, layout=torch.sparse_coo)
    """
    text = "tensor("
    for name, part in (("indices", indices), ("values", values)):
        start = f"tensor({name}=tensor("
        shown = _values(part, len(start)) if part.size else f"[], size={part.shape}"
        text += f"{name}=tensor({shown}),\n" + " " * len("tensor(")
    name = values.dtype.name
    told = (default_dtype, "int64", "bool", f"complex{2 * int(default_dtype[-2:])}")
    facts = [f"nnz={indices.shape[1]}", *([] if name in told else [f"dtype=torch.{name}"])]
    facts += ["layout=torch.sparse_coo", *suffixes]
    return _append_facts(f"{text}size={tuple(shape)}", facts, len("tensor(")) + ")"


def _size_fact(array: np.ndarray) -> list[str]:
    """``size=...`` where the brackets do not show it: in empty tensors, or with no edge items."""
    hidden = array.ndim != 1 if array.size == 0 else _options.edgeitems == 0
    return [f"size={array.shape}"] if hidden else []


def _dtype_fact(array: np.ndarray, default: str) -> list[str]:
    """``dtype=...`` unless the numbers speak for it: the defaults, integers and booleans."""
    name = array.dtype.name
    told: tuple[str, ...] = (default,)
    if array.size:
        told += ("int64", "bool", "complex128" if default == "float64" else "complex64")
    return [] if name in told else [f"dtype=torch.{name}"]


def _append_facts(text: str, facts: Sequence[str], indent: int) -> str:
    """Append the facts, each on the last line if it fits and on an indented new line if not."""
    used = len(text) - text.rfind("\n") + 1
    for fact in facts:
        used += len(fact) + 2
        if used > _options.linewidth:
            text += ",\n" + " " * indent + fact
            used = indent + len(fact)
        else:
            text += ", " + fact
    return text


# ---- brackets, lines and corners -----------------------------------------------------------------


class _Axis(NamedTuple):
    """The indices shown along one dimension, and where among them the ``...`` goes."""

    kept: Sequence[int]
    gap: int | None


def _axes(shape: tuple[int, ...]) -> list[_Axis]:
    """What is shown of each dimension of an array that has more than `threshold` elements."""
    edge = _options.edgeitems
    if edge < 0 and len(shape) > 1:
        raise RuntimeError("stack expects a non-empty TensorList\nHint: edgeitems is negative.")
    return [_Axis(range(n), None) if n <= 2 * edge else _ends(n, edge) for n in shape]


def _ends(size: int, edge: int) -> _Axis:
    head, tail = range(size)[:edge], range(size)[-edge:]
    return _Axis([*head, *tail], len(head))


def _values(array: np.ndarray, indent: int) -> str:
    """The numbers with their brackets, or the one number of a 0-d array."""
    shortened = array.size > _options.threshold
    if array.ndim == 0:
        return _cells(array)[0][0]
    if shortened and _options.edgeitems == 0:
        return "[...]"
    axes = _axes(array.shape) if shortened else [_Axis(range(n), None) for n in array.shape]
    shown = array[np.ix_(*(axis.kept for axis in axes))] if shortened else array
    cells, width = _cells(shown)
    return _lay_out(iter(cells), axes, indent, width + len(", "))


def _lay_out(cells: Iterator[str], axes: Sequence[_Axis], indent: int, pitch: int) -> str:
    """One bracket and those in it; `cells` come in reading order, `pitch` characters each."""
    axis, *inner = axes
    if inner:
        items = [_lay_out(cells, inner, indent + 1, pitch) for _ in axis.kept]
    else:
        items = list(islice(cells, len(axis.kept)))
    if axis.gap is not None:
        items.insert(axis.gap, "..." if inner else " ...")
    margin = " " * (indent + 1)
    if inner:
        return "[" + ("," + "\n" * len(inner) + margin).join(items) + "]"
    return "[" + (",\n" + margin).join(_lines(items, indent, pitch)) + "]"


def _lines(items: Sequence[str], indent: int, pitch: int) -> Iterator[str]:
    """Break a row into lines of as many items as fit; one always fits."""
    per_line = max(1, math.floor((_options.linewidth - indent) / pitch))
    for start in range(0, len(items), per_line):
        yield ", ".join(items[start : start + per_line])


# ---- numbers -------------------------------------------------------------------------------------


def _cells(array: np.ndarray) -> tuple[list[str], int]:
    """Every element as text, in reading order, and the width a column of them is given."""
    flat = array.ravel()
    kind = flat.dtype.kind
    if kind in "biu":
        texts = [str(value) for value in flat.tolist()]
        width = max(map(len, texts), default=1)
        return [text.rjust(width) for text in texts], width
    if kind == "c":
        return _complex_cells(flat)
    return _float_cells(_floats(flat))


def _floats(flat: np.ndarray) -> list[float]:
    """Python floats of any real dtype; ``tolist`` alone gives other scalars for `ml_dtypes`."""
    plain = flat if flat.dtype.isbuiltin == 1 else flat.astype(np.float64)
    values: list[float] = plain.tolist()
    return values


def _complex_cells(flat: np.ndarray) -> tuple[list[str], int]:
    """Real and imaginary parts choose their notation apart; only the real parts are aligned."""
    reals, real_width = _float_cells(flat.real.tolist())
    imags, imag_width = _float_cells(flat.imag.tolist())
    texts = [_complex_text(real, imag.lstrip()) for real, imag in zip(reals, imags, strict=True)]
    return texts, real_width + imag_width + len("j")


def _complex_text(real: str, imag: str) -> str:
    return f"{real}{imag}j" if imag.startswith("-") else f"{real}+{imag}j"


def _float_cells(values: list[float]) -> tuple[list[str], int]:
    """Floats in one notation; zeros, infinities and nan have no say in notation or width."""
    telling = [value for value in values if value and math.isfinite(value)]
    write = _notation(telling)
    width = max((len(write(value)) for value in telling), default=1)
    return [write(value).rjust(width) for value in values], width


def _notation(telling: Sequence[float]) -> Callable[[float], str]:
    """How to write floats of which these are the finite ones that are not zero."""
    whole = all(value.is_integer() for value in telling)
    if telling and _is_scientific(telling, whole):
        return f"{{:.{_options.precision}e}}".format
    return _whole if whole else f"{{:.{_options.precision}f}}".format


def _is_scientific(telling: Sequence[float], whole: bool) -> bool:
    """Whether columns of plain decimals would be too wide, or too narrow to tell the digits."""
    if _options.sci_mode is not None:
        return bool(_options.sci_mode)
    sizes = [abs(value) for value in telling]
    small, large = min(sizes), max(sizes)
    return large / small > 1000 or large > 1e8 or (not whole and small < 1e-4)


def _whole(value: float) -> str:
    return f"{value:.0f}." if math.isfinite(value) else str(value)


# ---- format(tensor, spec) ------------------------------------------------------------------------


def format_scalar(value: np.ndarray | np.generic, spec: str) -> str:
    """``format(t, spec)`` of a 0-d tensor: that of its Python number.

    Raises:
        ValueError: the number's own error for a `spec` it does not know.

    Example:
        >>> format_scalar(np.float32(1 / 3), ""), format_scalar(np.float32(1 / 3), ".3f")
        ('0.3333333432674408', '0.333')
    """
    array = np.asarray(value)
    number = array.item() if array.dtype.kind in "biuc" else float(array)
    return format(number, spec)


def format_value(
    array: np.ndarray | np.generic,
    spec: str,
    text: Callable[[], str],
    type_name: str = "Tensor",
) -> str:
    """``format(t, spec)`` of any tensor.

    Args:
        array: the values.
        spec: what stands after the colon in ``f"{t:.3f}"``.
        text: makes ``str(t)``; called only when it is the answer.
        type_name: class of the tensor. A subclass is never formatted as a number.

    Raises:
        TypeError: a `spec` is given and the tensor is not a plain 0-d one.

    Example:
        >>> format_value(np.int64([1, 2]), "", lambda: "tensor([1, 2])")
        'tensor([1, 2])'
        >>> format_value(np.int64(7), "03d", lambda: "tensor(7)")
        '007'
    """
    if array.ndim == 0 and type_name == "Tensor":
        return format_scalar(array, spec)
    if spec:
        raise TypeError(f"unsupported format string passed to {type_name}.__format__")
    return text()


def of_levels(levels: Sequence[tuple[int, str, str]], shown: str) -> str:
    """What a value of nested transforms looks like around the tensor it stands for: `levels` are
    (number, name, facts)."""
    for number, name, facts in sorted(levels):
        value = shown.replace("\n", "\n    ")
        shown = f"{name}(lvl={number}, {facts}value=\n    {value}\n)"
    return shown
