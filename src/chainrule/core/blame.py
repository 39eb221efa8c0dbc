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
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import Any

import numpy as np

from .. import dtypes, errors
from .tensor import Tensor

__all__ = ["FILLED", "LAX", "bare", "check_flags", "check_respelled", "explained",
           "no_combination", "respelled",
           "wants_no_out", "wrong_argument", "wrong_operand", "wrong_parameter"]  # fmt: skip

_PACKAGE = __name__.partition(".")[0]


class _Forms:
    """`core/forms.py`, loaded when something has failed: nobody pays for it at import."""

    def __getattr__(self, name: str) -> Any:
        return getattr(__import__(f"{__package__}.forms", fromlist=(name,)), name)


forms: Any = _Forms()
_READS = {"__bool__", "__float__", "__int__", "__complex__", "__index__", "__iter__", "__len__",
          "_one"}  # fmt: skip  # what Python asks of a tensor that stands where a number should
_BINDING = ("positional argument", "keyword argument", "keyword-only argument", "multiple values")

UNKNOWN: Any = object()  # no default
NUMBERS = (int, float, complex, np.number, np.bool_)


# Flags that PyTorch reads in Python, by their truth.
LAX = frozenset(
    "inplace hard full swap antialias include_last_offset return_indices center assign".split()
)

_DOUBLES = frozenset(("eps", "margin", "correction"))
_SHAPES = frozenset("size sizes shape dims output_size split_size split_sizes".split())

# NumPy's names for parameters, which PyTorch takes as well.
_NUMPY_NAMES = {"axis": "dim", "keepdims": "keepdim", "x2": "other"}

# What PyTorch calls a parameter that has its mathematical name here.
_OTHER_NAMES = {
    "lstsq": {"b": "B"},
    "cholesky_solve": {"input2": "L"},
    "householder_product": {"input2": "tau"},
    "tensorsolve": {"other": "B"},
}


# Functions without a parameter `out` here that have one in PyTorch: the result is copied into it.
FILLED = frozenset(
    """hardshrink softshrink softplus _threshold_of gelu logsigmoid avg_pool2d avg_pool3d
    diagonal_copy narrow_copy renorm""".split()
)


def wants_no_out(function: Any, error: BaseException) -> bool:
    """Whether the call failed only because PyTorch's `out=` is none of the parameters here."""
    if function.__name__ not in FILLED or not isinstance(error, TypeError):
        return False
    if getattr(function, "of_method", False):
        return False
    return "unexpected keyword argument 'out'" in str(error)


# Functions that draw numbers or write into an argument before they are done: called again after
# a failure, they would do it twice.
ACTING = frozenset(
    """rand randn rand_like randn_like randint randint_like randperm normal bernoulli poisson
    multinomial dropout dropout1d dropout2d dropout3d alpha_dropout feature_dropout
    feature_alpha_dropout native_dropout rrelu gumbel_softmax fractional_max_pool2d
    fractional_max_pool3d fractional_max_pool2d_with_indices fractional_max_pool3d_with_indices
    svd_lowrank pca_lowrank scaled_dot_product_attention multi_head_attention_forward lstm gru
    rnn_tanh rnn_relu bernoulli_ normal_ uniform_ random_ exponential_ geometric_ cauchy_
    log_normal_ batch_norm instance_norm embedding embedding_bag native_batch_norm
    batch_norm_update_stats""".split()
)


def respelled(
    function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], error: BaseException
) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
    """The arguments as they are spelled here, if the call failed because of their spelling:
    keywords that had NumPy's names, options that were NumPy's numbers or 0-d tensors. None if
    something may have been done already."""
    begun = list(_frames(error.__traceback__))[1:]
    if begun and function.__name__ in ACTING:
        return None
    if isinstance(error, TypeError) and "unexpected keyword" in str(error):
        names = function.__code__.co_varnames
        other = _OTHER_NAMES.get(function.__name__, {})
        new = {other.get(k) or _own_name(k, names): v for k, v in kwargs.items()}
        return (args, new) if new.keys() != kwargs.keys() and len(new) == len(kwargs) else None
    given = [*args[1:], *kwargs.values()]
    if isinstance(error, RuntimeError) and "with a bool tensor is not supported" in str(error):
        names = function.__code__.co_varnames  # such an option is a double in PyTorch
        pairs = [*zip(names, args, strict=False), *kwargs.items()]
        doubles = {n for n, v in pairs if v is True and n in _DOUBLES}
        plain = tuple([1.0 if n in doubles else v for n, v in pairs[: len(args)]])
        return (plain, kwargs | dict.fromkeys(doubles & kwargs.keys(), 1.0)) if doubles else None
    if not any(map(_one_number, given)) or not (_in_kernel(error) or bare(error)):
        return None
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    rows = [(names[i] if i < len(names) else "", v) for i, v in enumerate(args)]
    plain = tuple([v if i == 0 else _plain(n, v) for i, (n, v) in enumerate(rows)])
    named = {n: _plain(n, v) for n, v in kwargs.items()}
    same = all(a is b for a, b in zip([*plain[1:], *named.values()], given, strict=True))
    return None if same else (plain, named)


def check_respelled(paths: Sequence[str], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """TypeError for arguments that PyTorch takes in no spelling: what it reads in Python has no
    other names."""
    misfit = forms.misfit(paths, args, kwargs)
    if misfit is not None:
        raise misfit
    for name in _NUMPY_NAMES.keys() & kwargs.keys():
        if not any(map(forms.forms_of, paths)):
            called = paths[0].rpartition(".")[2] if paths else "function"
            raise TypeError(f"{called}() got an unexpected keyword argument '{name}'")


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
    if own in names:
        return own
    return names[0] if keyword in ("x", "a", "x1") and names[:1] == ("input",) else keyword


def explained(
    function: Any,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    error: BaseException,
    paths: Sequence[str] = (),
) -> Exception | None:
    """The error to raise instead of `error`; None if that one is right. `paths`: the function's
    public names, for the table of forms."""
    frames = list(_frames(error.__traceback__))[1:]
    name = getattr(function, "__name__", "function")
    if isinstance(error, MemoryError):
        return errors.no_memory(name, error)
    if not frames:
        return _not_bound(name, function, error) if isinstance(error, TypeError) else None
    if _callers_code(frames):
        return None
    escaped = _escaped(frames)
    misfit = forms.misfit(paths, args, kwargs)
    if misfit is not None:
        first = str(misfit).partition("\n")[0]
        own = not escaped and isinstance(error, TypeError) and str(error).startswith(first)
        return None if own else misfit
    known = forms.known(paths)  # then the types of the arguments are right
    if known and not escaped:
        return None
    rows = [] if known else _bound(function, args, kwargs)
    if not escaped:  # raised on purpose: but an argument's type comes before its value
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
        fine = fine and "'NoneType' and" not in text  # an argument that was left out
        return None if fine else no_combination(name, args, kwargs, text)
    kind: type[Exception] = IndexError if isinstance(error, IndexError) else RuntimeError
    if text == "tuple index out of range" and (dims := [d for d in map(_rank, given) if d >= 0]):
        text = _no_such_dimension(min(dims))
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
    given = [errors.kind_name(v) for v in args if v is not errors.ABSENT]
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
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    takes = ", ".join(n for n in names if not n.startswith("_"))
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
    errors.check_option(op, "pin_memory", kwargs.get("pin_memory"))
    for name, i in flags.items():
        value = args[i] if 0 <= i < len(args) else kwargs.get(name, True)
        if value is None and name in ("pin_memory", "requires_grad"):
            continue
        if value is not True and value is not False:
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
    if (value is True or value is False) and kind in ("int", "tuple of ints"):
        return False
    if kind == "tuple of ints":
        return _is_int(value) or (isinstance(value, (list, tuple)) and all(map(_is_int, value)))
    if kind == "torch.dtype":
        return isinstance(value, dtypes.dtype)
    if kind == "str":
        return isinstance(value, str)
    if isinstance(value, Tensor):
        whole = kind != "int" or value._data.dtype.kind in "iub"
        return bool(value._data.size == 1) and whole
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
    """Whether Python's sentence names the kind of this argument: a list where a number was wanted,
    say, or a number where a list was."""
    if isinstance(value, Tensor):
        return False
    names = {type(value).__name__, errors.kind_name(value)}
    if any(f"'{kind}'" in text or f"not {kind}" in text for kind in names):
        return not isinstance(value, NUMBERS) or "object is not" in text
    return "integer" in text and isinstance(value, (bool, float, np.floating))


def _rank(value: Any) -> int:
    return value._data.ndim if isinstance(value, Tensor) else -1


def _no_such_dimension(rank: int) -> str:
    if not rank:
        return "Dimension specified as 0 but tensor has no dimensions"
    return f"Dimension out of range (expected to be in range of [{-rank}, {rank - 1}])"


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
