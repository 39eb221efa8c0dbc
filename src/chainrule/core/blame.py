"""Who is to blame for a bare error: a Python or NumPy error that escapes from an op because of an
argument becomes PyTorch's TypeError that names the argument.

Lives here: the search for the wrong argument, by the parameters' names and the types of their
defaults. Called by the guard of the public functions (`declare.guarded`) and by
`Primitive.evaluate`, when something failed and never before. An error that our code raised on
purpose, or that came from the caller's own code (a hook, a mapped function), is left as it is, and
so is one for which no argument can be blamed: that is a bug and should look like one.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any

import numpy as np

from .. import dtypes, errors
from .tensor import Tensor

__all__ = ["LAX", "bare", "check_flags", "explained", "no_combination", "respelled",
           "wrong_argument", "wrong_operand", "wrong_parameter"]  # fmt: skip

_PACKAGE = __name__.partition(".")[0]
_READS = {"__bool__", "__float__", "__int__", "__complex__", "__index__", "__iter__", "__len__",
          "_one"}  # fmt: skip  # what Python asks of a tensor that stands where a number should
_BINDING = ("positional argument", "keyword argument", "keyword-only argument", "multiple values")

UNKNOWN: Any = object()  # no default
NUMBERS = (int, float, complex, np.number, np.bool_)


# Flags that PyTorch reads in Python, by their truth.
LAX = frozenset(
    "inplace hard full swap antialias include_last_offset return_indices center assign".split()
)

_SHAPES = frozenset("size sizes shape dims output_size split_size split_sizes".split())

# NumPy's names for parameters, which PyTorch takes as well.
_NUMPY_NAMES = {"axis": "dim", "keepdims": "keepdim"}


def respelled(
    function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], error: BaseException
) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
    """The arguments as they are spelled here, if the call failed because of their spelling:
    keywords that had NumPy's names, options that were NumPy's numbers or 0-d tensors."""
    if isinstance(error, TypeError) and "unexpected keyword" in str(error):
        names = function.__code__.co_varnames
        new = {_own_name(k, names): v for k, v in kwargs.items()}
        return (args, new) if new.keys() != kwargs.keys() and len(new) == len(kwargs) else None
    given = [*args[1:], *kwargs.values()]
    if not any(map(_one_number, given)) or not (_in_kernel(error) or bare(error)):
        return None
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    rows = [(names[i] if i < len(names) else "", v) for i, v in enumerate(args)]
    plain = tuple([v if i == 0 else _plain(n, v) for i, (n, v) in enumerate(rows)])
    named = {n: _plain(n, v) for n, v in kwargs.items()}
    same = all(a is b for a, b in zip([*plain[1:], *named.values()], given, strict=True))
    return None if same else (plain, named)


def _one_number(value: Any) -> bool:
    if isinstance(value, Tensor):
        return not value._data.ndim and not value.requires_grad
    return isinstance(value, np.generic)


def _plain(name: str, value: Any) -> Any:
    option = name and name not in TENSORS and name not in _SHAPES
    return value.item() if option and _one_number(value) else value


def bare(error: BaseException) -> bool:
    """Whether nobody raised it on purpose."""
    frames = list(_frames(error.__traceback__))[1:]
    return bool(frames) and not _callers_code(frames) and _escaped(frames)


def _in_kernel(error: BaseException) -> bool:
    """Whether it tells of a bare error in a kernel."""
    last = list(_frames(error.__traceback__))[-1].tb_frame.f_code
    return last.co_name == "evaluate" and not isinstance(error, TypeError)


def _own_name(keyword: str, names: tuple[str, ...]) -> str:
    if keyword in names:
        return keyword
    if keyword == "input" and names:
        return names[0]  # PyTorch's own other name for it
    own = _NUMPY_NAMES.get(keyword)
    return own if own in names else keyword


def explained(
    function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], error: BaseException
) -> Exception | None:
    """The error to raise instead of `error`; None if that one is right."""
    frames = list(_frames(error.__traceback__))[1:]
    name = getattr(function, "__name__", "function")
    if not frames:
        return _not_bound(name, function, error) if isinstance(error, TypeError) else None
    if _callers_code(frames):
        return None
    rows = _bound(function, args, kwargs)
    if not _escaped(frames):  # raised on purpose: but an argument's type comes before its value
        if isinstance(error, NotImplementedError):
            return None
        if not isinstance(error, (RuntimeError, ValueError, IndexError, AssertionError)):
            return None
        return wrong_argument(name, [r if _surely_wrong(*r) else ("", None, None) for r in rows])
    found = wrong_argument(name, rows) or _asked_of(name, rows, error) or _read(name, rows, error)
    if found is not None or isinstance(error, RuntimeError):
        return found
    text = str(error)
    if isinstance(error, TypeError) and any(words in text for words in _BINDING):
        return None  # Python's own words for too many or unknown arguments are PyTorch's
    given = [*args, *kwargs.values()]
    if isinstance(error, (AttributeError, TypeError, KeyError)):
        fine = all(_ordinary(v) and not _told_of(text, v) for v in given)
        return None if fine else no_combination(name, args, kwargs, text)
    kind: type[Exception] = IndexError if isinstance(error, IndexError) else RuntimeError
    if isinstance(error, ValueError) and text.endswith(")") and "to unpack" in text:
        kind = ValueError  # a pair was expected: PyTorch too has Python's error here
    facts = f"arguments: {', '.join(map(_short, given))}"
    hint = f"see the help on {name} for what it takes"
    if kind is RuntimeError:
        return kind(errors.hinted(f"{name}(): {text}", facts, hint=hint))
    return kind(errors.hinted(text, f"op: {name}", facts, hint=hint))


def no_combination(
    name: str, args: Iterable[Any], kwargs: dict[str, Any], text: str = ""
) -> TypeError:
    """The arguments fit no form of the function."""
    given = [errors.kind_name(v) for v in args]
    given += [f"{k}={errors.kind_name(v)}" for k, v in kwargs.items()]
    return TypeError(
        errors.hinted(
            f"{name}() received an invalid combination of arguments - got ({', '.join(given)})",
            f"Python says: {text}" if text else "",
            hint=f"see the help on {name} for what it takes",
        )
    )


def _surely_wrong(name: str, value: Any, default: Any) -> bool:
    """Whether no form of the function takes it: a word or a list for one number, a dict."""
    if name in LAX or (value is None and default is None):
        return False
    kind = _wanted(name, default)
    if isinstance(value, dict):
        return kind in ("int", "bool", "Number", "tuple of ints")
    if kind in ("int", "bool"):
        return value is None or isinstance(value, (str, list, tuple))
    return kind == "Number" and isinstance(value, (list, tuple))


def _short(value: Any) -> str:
    if isinstance(value, Tensor):
        return errors.described(value)
    text = repr(value)
    return text if len(text) < 60 else text[:57] + "..."


# ---------------------------------------------------------------- where the error comes from


def _frames(trace: TracebackType | None) -> Iterator[TracebackType]:
    while trace is not None:
        yield trace
        trace = trace.tb_next


def _root(trace: TracebackType) -> str:
    return str(trace.tb_frame.f_globals.get("__name__", "").partition(".")[0])


def _callers_code(frames: list[TracebackType]) -> bool:
    """Whether it came through code that is neither ours nor NumPy's."""
    ours = (_PACKAGE, "numpy", "scipy")
    return any(r not in ours and r not in _STANDARD for r in map(_root, frames))


def _escaped(frames: list[TracebackType]) -> bool:
    """Whether nobody raised it on purpose: it came out of Python or NumPy."""
    if _root(frames[-1]) != _PACKAGE:
        return True
    last = frames[-1]
    code = last.tb_frame.f_code
    if code.co_name in _READS and len(frames) > 1:
        return True
    import dis

    return code.co_code[last.tb_lasti] != dis.opmap["RAISE_VARARGS"]


_STANDARD = sys.stdlib_module_names


def _bound(
    function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> list[tuple[str, Any, Any]]:
    """(name, value, default) of the arguments in the order of the signature."""
    import inspect

    parameters = inspect.signature(function).parameters
    try:
        given = inspect.signature(function).bind(*args, **kwargs).arguments
    except TypeError:
        return []
    rows: list[tuple[str, Any, Any]] = []
    for name, value in given.items():
        kind = parameters[name].kind
        if kind is inspect.Parameter.VAR_POSITIONAL:
            names = _names_of(function, "tensor" if name == "tensors" else name, len(value))
            rows += [(n, v, UNKNOWN) for n, v in zip(names, value, strict=True)]
        elif kind is not inspect.Parameter.VAR_KEYWORD:
            default = parameters[name].default
            rows.append((name, value, UNKNOWN if default is inspect.Parameter.empty else default))
    return rows


def _asked_of(
    name: str, rows: list[tuple[str, Any, Any]], error: BaseException
) -> TypeError | None:
    """The TypeError for an argument that was asked for what only a tensor has."""
    if not isinstance(error, AttributeError) or isinstance(error.obj, Tensor):
        return None
    for i, (argument, value, _) in enumerate(rows):
        if value is error.obj:
            return _refused(name, argument, i + 1, "Tensor", value)
    return None


def _read(name: str, rows: list[tuple[str, Any, Any]], error: BaseException) -> TypeError | None:
    """The TypeError for a tensor of many elements that was read as one number or truth."""
    if isinstance(error, RuntimeError):
        for i, (argument, value, default) in enumerate(rows):
            option = default is not UNKNOWN and argument not in TENSORS
            if option and isinstance(value, Tensor) and value._data.size != 1:
                return _refused(name, argument, i + 1, "Number", value)
    return None


def _names_of(function: Any, name: str, count: int) -> list[str]:
    """What the arguments of `*args` mean: operands, then static parameters, of a plain op."""
    prim = getattr(function, "prim", None)
    if prim is None or prim.variadic or name != "args":
        return [name] * count
    return ([*map(prim._public_name, range(len(prim.args))), *prim.params] + [""] * count)[:count]


def _not_bound(name: str, function: Any, error: TypeError) -> TypeError:
    code = function.__code__
    takes = ", ".join(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount])
    text = str(error).replace(f"{function.__qualname__}()", f"{name}()")
    return TypeError(errors.hinted(text, hint=f"it takes {takes}"))


# ---------------------------------------------------------------- which argument it was

TENSORS = frozenset(
    """input self tensor other mat mat1 mat2 mat3 vec vec1 vec2 batch1 batch2 tensor1 tensor2 x1 x2
    weight target source src index indices mask input1 input2 anchor positive negative query key
    value_tensor A B LU pivots x y a b condition running_mean running_var bias offsets the_template
    boundaries sorted_sequence values log_probs targets input_lengths target_lengths var logits
    out set_to""".split()
)  # fmt: skip
_KINDS = {
    "Tensor": "",
    "int": """dim0 dim1 dim2 start_dim end_dim k n diagonal offset sections chunks num_samples
        start length groups num_groups num_classes steps dim_ upscale_factor downscale_factor""",
    "tuple of ints": """dim dims axis axes size sizes shape split_size split_sizes padding dilation
        stride kernel_size output_size s shifts normalized_shape repeats""",
    "bool": """keepdim descending largest sorted unbiased upper hermitian training inplace
        align_corners some eigenvectors left unitriangular""",
    "Number": """value alpha beta p eps lambd threshold negative_slope min_val max_val lower
        tau margin delta q nan posinf neginf std mean_ maxnorm""",
    "torch.dtype": "dtype",
}
KIND_OF = {name: kind for kind, names in _KINDS.items() for name in names.split()}
_OF_DEFAULT = {bool: "bool", int: "Number", float: "Number", str: "str"}


def wrong_argument(op: str, rows: list[tuple[str, Any, Any]], first: int = 1) -> TypeError | None:
    """The TypeError for the first argument of a wrong type, tensors before the others; None if
    they all may be right.

    Args:
        op: name of the function.
        rows: (name, value, default) of each argument.
        first: position of the first one.
    """
    attends = any(name == "key" for name, _, _ in rows)  # then `value` is a tensor too
    for tensors in (True, False):
        for i, (name, value, default) in enumerate(rows):
            kind = "Tensor" if name == "value" and attends else _wanted(name, default)
            if (kind in ("Tensor", "tuple of Tensors")) is tensors and not _fits(
                kind, value, default
            ):
                return _refused(op, name, i + first, kind, value)
    return None


def _refused(op: str, name: str, position: int, kind: str, value: Any) -> TypeError:
    public = name if position > 1 or name not in ("x", "a", "self", "args") else "input"
    given = errors.kind_name(value)
    if kind == "Tensor":
        return errors.wrong_type(op, public, position, value)
    if kind == "tuple of Tensors" and isinstance(value, (list, tuple)):
        at = next(i for i, v in enumerate(value) if not isinstance(v, Tensor))
        first = f"expected Tensor as element {at} in argument {position - 1}, but got "
        return TypeError(errors.hinted(first + errors.kind_name(value[at]), f"op: {op}",
                                       hint="torch.tensor(value) makes a tensor"))  # fmt: skip
    return TypeError(
        errors.hinted(
            f"{op}(): argument '{public}' (position {position}) must be {kind}, not {given}",
            f"value: {_short(value)}",
            hint=f"see the help on {op} for what it takes",
        )
    )


def check_flags(
    op: str, flags: dict[str, int], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    """Raise a TypeError for a flag that is neither True nor False.

    Args:
        op: name of the function.
        flags: position of each of its flags, -1 for keyword only.
        args, kwargs: the arguments of the call.
    """
    for name in ("layout", "memory_format"):
        if name in kwargs:
            errors.check_option(op, name, kwargs[name])
    for name, i in flags.items():
        value = args[i] if 0 <= i < len(args) else kwargs.get(name, True)
        if value is not True and value is not False and (value or name != "pin_memory"):
            where = f" (position {i + 1})" if name not in kwargs else ""
            first = f"{op}(): argument '{name}'{where} must be bool, not {errors.kind_name(value)}"
            raise TypeError(
                errors.hinted(first, f"value: {_short(value)}", hint="give True or False")
            )


def _wanted(name: str, default: Any) -> str:
    if name == "tensors":
        return "tuple of Tensors"
    if name in TENSORS and (default is UNKNOWN or default is None):
        return "Tensor"
    of_default = _OF_DEFAULT.get(type(default), "")
    return of_default if isinstance(default, (bool, float, str)) else KIND_OF.get(name, of_default)


def _fits(kind: str, value: Any, default: Any) -> bool:
    if value is default or not kind or (value is None and default is None):
        return True
    if kind == "Tensor":
        return isinstance(value, Tensor) or (
            default is None and isinstance(value, (list, tuple)) and bool(value)
        )
    if kind == "tuple of Tensors":
        return isinstance(value, Tensor) or (
            isinstance(value, (list, tuple)) and all(isinstance(v, Tensor) for v in value)
        )
    if kind == "tuple of ints":
        return _is_int(value) or (isinstance(value, (list, tuple)) and all(map(_is_int, value)))
    if kind == "torch.dtype":
        return isinstance(value, dtypes.dtype)
    if kind == "str":
        return isinstance(value, str)
    if isinstance(value, Tensor):
        return bool(value._data.size == 1)
    if kind == "Number":
        return isinstance(value, NUMBERS)
    return _is_int(value)


def _is_int(value: Any) -> bool:
    try:
        operator.index(value)
    except TypeError:
        return False
    return True


def _ordinary(value: Any) -> bool:
    """Whether an op might well take it: then a bare error is a bug of ours."""
    if isinstance(value, (list, tuple)):
        return all(map(_ordinary, value))
    return isinstance(value, (Tensor, *NUMBERS, dtypes.dtype, slice)) and value is not None


def _told_of(text: str, value: Any) -> bool:
    """Whether Python's sentence names the kind of this list: where a number was wanted, say."""
    kind = type(value).__name__
    return isinstance(value, (list, tuple)) and (f"'{kind}'" in text or f"not {kind}" in text)


# ---------------------------------------------------------------- of the operands of a kernel


def wrong_operand(
    prim: Any, inputs: tuple[Any, ...], params: tuple[Any, ...], error: Exception
) -> TypeError | None:
    """The TypeError for an operand or static parameter that made a kernel fail."""
    if isinstance(error, (AttributeError, TypeError)):
        for i, t in enumerate(inputs):
            if not isinstance(t, (Tensor, *(NUMBERS if prim.numbers and i else ()))):
                return errors.wrong_type(prim.name, prim._public_name(i), i + 1, t)
    return wrong_parameter(prim, params)


def wrong_parameter(prim: Any, params: tuple[Any, ...]) -> TypeError | None:
    """The TypeError for a static parameter of a wrong type."""
    rows = list(zip(prim.params, params, prim.defaults, strict=False))
    rows = [(n, v, d if d is None or type(d) in _OF_DEFAULT else UNKNOWN) for n, v, d in rows]
    return wrong_argument(prim.name, [r for r in rows if r[0] not in TENSORS], len(prim.args) + 1)
