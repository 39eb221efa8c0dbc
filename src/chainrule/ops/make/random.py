"""Random tensors: `manual_seed`, `Generator`, `randn`, `rand`, `randint`, `randperm`.

The numbers are PyTorch's CPU numbers, bit for bit; how they come about is in `kernels/random/`,
which is loaded at the first draw.
Draws are not differentiable (as in PyTorch, `normal_` and friends give zero gradient to what they
overwrite), so none is a rule. The default generator starts from the operating system's entropy; it
is guarded by a lock.
"""

from __future__ import annotations

import importlib
import operator
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ... import dtypes, errors
from ..._state import S
from ...core.become import become
from ...core.blame import no_combination
from ...core.declare import general, public
from ...core.interpreter import drawn, drawn_from
from ...core.primitive import I64, bump, fill_out
from ...core.record import OPS
from ...core.tensor import Tensor, wrap
from ...core.views import check_writable, inplace, recording
from ...errors import ABSENT
from .create import OPTIONS, checked_size, named_size
from .from_data import check_device, checked_dtype, finished


class Generator:
    """A random number generator with its own state.

    Example:
        >>> import chainrule as torch
        >>> g = torch.Generator().manual_seed(0)
        >>> torch.rand(2, generator=g)
        tensor([0.4963, 0.7682])
    """

    _start = 67280421310721  # what PyTorch's generators begin with

    def __init__(self, device: Any = "cpu") -> None:
        check_device(device)
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        if name != "_engine":
            raise AttributeError(f"'Generator' object has no attribute '{name}'")
        self._engine = importlib.import_module(_KERNELS).MersenneTwister(self._start)
        return self._engine

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (self._engine.get_state(),)

    @property
    def device(self) -> dtypes.device:
        """The CPU."""
        return dtypes.device("cpu")

    def manual_seed(self, seed: int) -> Generator:
        """Restart from `seed`; returns the generator."""
        self._engine.manual_seed(seed)
        return self

    def seed(self) -> int:
        """Restart from the system's entropy; returns the new seed."""
        return self._engine.seed()

    def initial_seed(self) -> int:
        """The seed it was last started from."""
        return self._engine.initial_seed()

    def get_state(self) -> Tensor:
        """The state: a uint8 tensor of 5056 bytes, in PyTorch's own layout."""
        return wrap(self._engine.get_state())

    def set_state(self, new_state: Tensor) -> Generator:
        """Continue from a state saved before, here or by PyTorch."""
        if not isinstance(new_state, Tensor):
            raise TypeError(f"expected a torch.ByteTensor, but got {errors.kind_name(new_state)}")
        self._engine.set_state(new_state._data)
        return self

    def get_offset(self) -> int:
        """Only generators of accelerators have one.

        Raises:
            RuntimeError: always.
        """
        raise RuntimeError("CPU Generator does not use offset")

    def set_offset(self, offset: int) -> None:
        """Only generators of accelerators have one.

        Raises:
            RuntimeError: always.
        """
        raise RuntimeError("CPU Generator does not use offset")

    def clone_state(self) -> Generator:
        """Another generator that will draw the same numbers."""
        made = Generator()
        made._engine = self._engine.clone()
        return made

    def draw(self, kind: str, *args: Any, **kwargs: Any) -> Any:
        """One draw of the engine, under the lock."""
        with self._lock:
            return getattr(self._engine, kind)(*args, **kwargs)


def _again(state: Any) -> Generator:
    """A generator from pickled state."""
    made = Generator()
    made._engine.set_state(state)
    return made


_KERNELS = __name__.partition(".")[0] + ".kernels.random"
default_generator = Generator()
# Unpredictable until manual_seed, as in PyTorch.
default_generator._start = int.from_bytes(os.urandom(8), "little")


def _source(generator: Any) -> Generator:
    if generator is None:
        return default_generator
    if not isinstance(generator, Generator):
        raise TypeError(
            f"argument 'generator' must be torch.Generator, not {errors.kind_name(generator)}"
        )
    return generator


@public("manual_seed", "random.manual_seed")
def manual_seed(seed: int) -> Generator:
    """Restart the default generator from `seed`; the draws after it are PyTorch's own.

    Example:
        >>> import chainrule as torch
        >>> _ = torch.manual_seed(0)
        >>> torch.randn(3)
        tensor([ 1.5410, -0.2934, -2.1788])
    """
    return default_generator.manual_seed(int(seed))


@public("seed", "random.seed")
def seed() -> int:
    """Restart the default generator from the system's entropy; returns the new seed."""
    return default_generator.seed()


@public("initial_seed", "random.initial_seed")
def initial_seed() -> int:
    """The seed the default generator was last started from."""
    return default_generator.initial_seed()


@public("get_rng_state", "random.get_rng_state")
def get_rng_state() -> Tensor:
    """The default generator's state, a uint8 tensor."""
    return default_generator.get_state()


@public("set_rng_state", "random.set_rng_state")
def set_rng_state(new_state: Tensor) -> None:
    """Set the default generator's state."""
    default_generator.set_state(new_state)


@public("random.fork_rng")
@contextmanager
def fork_rng(devices: Any = None, enabled: bool = True, **options: Any) -> Iterator[None]:
    """Inside, draws do not move the default generator outside."""
    errors.only("fork_rng", options, "device_type", "_caller", "_devices_kw")
    if not enabled:
        yield
        return
    state = get_rng_state()
    try:
        yield
    finally:
        set_rng_state(state)


# ---------------------------------------------------------------- new tensors


def _into(out: Any, op: str, dims: Any, dtype: Any, generator: Any, *draw: Any) -> Tensor:
    """The draw written to the tensor given as `out=`, in its dtype and order."""
    if not isinstance(out, Tensor):
        raise errors.wrong_type(op, "out", 2, out)
    if dtype is not None and dtype != out._data.dtype:
        given, own = dtypes.from_numpy_dtype(dtype), out.dtype
        raise RuntimeError(
            f"dtype {errors.LEGACY[given.name]} does not match dtype of out parameter "
            f"({errors.LEGACY[own.name]})"
        )
    if out._data.shape != tuple(dims):
        fill_out(out, wrap(np.empty(dims, out._data.dtype)))
    return _fill(out, generator, *draw)


def _drawn(op: str, kind: str) -> None:
    def function(
        *size: Any,
        generator: Any = None,
        out: Any = None,
        dtype: Any = None,
        layout: Any = None,
        device: Any = None,
        requires_grad: bool = False,
        pin_memory: bool = False,
        **shape: Any,
    ) -> Tensor:
        if shape or not size:
            size = (*size, named_size(op, shape))
        dims = checked_size(op, size)
        if device is not None:
            check_device(device)
        if layout is not None:
            errors.check_option(op, "layout", layout)
        if out is not None:
            return _into(out, op, dims, checked_dtype(op, dtype), generator, kind)
        target = S.default_dtype.np if dtype is None else checked_dtype(op, dtype)
        source = default_generator if generator is None else _source(generator)
        if S.mode is not None:
            return drawn(
                lambda dims: finished(_scalar(source.draw(kind, dims, target)), requires_grad), dims
            )
        with source._lock:
            made = getattr(source._engine, kind)(dims, target)
        if requires_grad is False and dims:
            return wrap(made)
        return finished(_scalar(made), requires_grad)

    function.__name__ = function.__qualname__ = op
    what = "normal with mean 0 and variance 1" if op == "randn" else "uniform on [0, 1)"
    function.__doc__ = f"Random numbers of the given size, {what}."
    public(op)(function)


def _scalar(array: Any) -> Any:
    return array[()] if array.ndim == 0 else array


_drawn("rand", "uniform")
_drawn("randn", "normal")


def _in_order_of(input: Tensor, memory_format: Any, dtype: Any, source: Any, *draw: Any) -> Any:
    """Draws for a tensor made like `input`: in the order of its memory, unless C order is asked
    for."""
    data = input._data
    if data.flags.c_contiguous or memory_format not in (None, dtypes.preserve_format):
        return _scalar(source.draw(draw[0], data.shape, dtype, *draw[1:]))
    blank = np.empty_like(data, dtype)
    source.draw("fill", blank, *draw)
    return blank


def _drawn_like(op: str, kind: str) -> None:
    def function(
        input: Tensor,
        *,
        generator: Any = None,
        dtype: Any = None,
        layout: Any = None,
        device: Any = None,
        requires_grad: bool = False,
        memory_format: Any = None,
        pin_memory: bool = False,
    ) -> Tensor:
        if not isinstance(input, Tensor):
            raise errors.wrong_type(op, "input", 1, input)
        check_device(device)
        errors.check_option(op, "layout", layout)
        errors.check_option(op, "memory_format", memory_format)
        target = checked_dtype(op, dtype) or input._data.dtype
        source = _source(generator)

        if S.mode is None:
            made = _in_order_of(input, memory_format, target, source, kind)
            return finished(made, requires_grad)

        def make(dims: Any) -> Tensor:
            return finished(_scalar(source.draw(kind, dims, target)), requires_grad)

        return drawn(make, input._data.shape)

    function.__name__ = function.__qualname__ = op
    function.__doc__ = f"`torch.{op.removesuffix('_like')}` in the shape and dtype of `input`."
    public(op)(function)


_drawn_like("rand_like", "uniform")
_drawn_like("randn_like", "normal")


def _index(op: str, name: str, position: int, value: Any) -> int:
    if type(value) is int:
        return value
    try:
        if isinstance(value, bool):
            raise TypeError
        return operator.index(value)
    except TypeError:
        raise TypeError(
            f"{op}(): argument '{name}' (position {position}) must be int, not "
            f"{errors.kind_name(value)}"
        ) from None


def _bounds(args: tuple[Any, ...], low: Any, high: Any, size: Any) -> tuple[int, int, Any]:
    numbers = [a for a in args if not isinstance(a, (tuple, list))]
    shapes = [a for a in args if isinstance(a, (tuple, list))]
    if len(shapes) > 1 or len(numbers) > 2 or any(n is None for n in numbers):
        given = ", ".join(map(errors.kind_name, args))
        raise TypeError(
            f"randint() received an invalid combination of arguments - got ({given})\n"
            "Hint: torch.randint(10, (2, 3)) or torch.randint(5, 10, (2, 3))"
        )
    if high is None:
        high = numbers.pop() if numbers else high
        low = numbers.pop() if numbers else low
    elif numbers:
        low = numbers.pop()
    size = shapes[0] if shapes else size
    if high is None or size is None:
        raise TypeError(
            "randint() needs high and size\nHint: torch.randint(10, (2, 3)) or torch.randint(5, "
            "10, (2, 3))"
        )
    start = 0 if low is None else _index("randint", "low", 1, low)
    return start, _index("randint", "high", 1 if low is None else 2, high), size


@public("randint")
def randint(
    *args: Any,
    low: Any = None,
    high: Any = None,
    size: Any = None,
    generator: Any = None,
    out: Any = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Integers of [low, high): `randint(high, size)` or `randint(low, high, size)`; int64 unless
    given.

    Example:
        >>> import chainrule as torch
        >>> torch.randint(10, (3,)).shape
        torch.Size([3])
    """
    if (
        len(args) == 3 and type(args[0]) is int and type(args[1]) is int
        and isinstance(args[2], (tuple, list)) and low is high is size
    ):  # fmt: skip
        first, last, shape = args  # the usual case
    else:
        first, last, shape = _bounds(args, low, high, size)
    if device is not None:
        check_device(device)
    if layout is not None:
        errors.check_option("randint", "layout", layout)
    dims = checked_size("randint", (shape,))
    target = None if dtype is None else checked_dtype("randint", dtype)
    if out is not None:
        return _into(out, "randint", dims, target, generator, "randint", first, last)
    target = target or I64
    source = default_generator if generator is None else _source(generator)
    if S.mode is not None:
        return drawn(
            lambda dims: finished(
                _scalar(source.draw("randint", dims, target, first, last)), requires_grad
            ),
            dims,
        )
    with source._lock:
        made = source._engine.randint(dims, target, first, last)
    return wrap(made) if requires_grad is False and dims else finished(_scalar(made), requires_grad)


@public("randint_like")
def randint_like(
    input: Tensor, *args: Any, dtype: Any = None, generator: Any = None, **options: Any
) -> Tensor:
    """`randint` in the shape and dtype of `input`."""
    if not isinstance(input, Tensor):
        raise errors.wrong_type("randint_like", "input", 1, input)
    errors.only("randint_like", options, "low", "high", *OPTIONS)
    if options.get("high", 0) is None:
        raise errors.wrong_kind("randint_like", "high", "int", None)
    check_device(options.get("device"))
    first, last, shape = _bounds(
        (*args, tuple(input._data.shape)), options.pop("low", None), options.pop("high", None), None
    )
    target = checked_dtype("randint_like", dtype) or input._data.dtype
    source, wanted = _source(generator), options.get("requires_grad", False)
    if S.mode is None:
        layout = options.get("memory_format")
        return finished(_in_order_of(input, layout, target, source, "randint", first, last), wanted)

    def make(dims: Any) -> Tensor:
        return finished(_scalar(source.draw("randint", dims, target, first, last)), wanted)

    return drawn(make, tuple(shape))


@public("randperm")
def randperm(
    n: int,
    *,
    generator: Any = None,
    out: Any = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """A random permutation of 0, ..., n - 1."""
    if device is not None:
        check_device(device)
    if layout is not None:
        errors.check_option("randperm", "layout", layout)
    if type(n) is not int:
        n = _index("randperm", "n", 1, n)
    given = dtype if out is None or dtype is not None else out.dtype
    target = I64 if given is None else checked_dtype("randperm", given)
    source = default_generator if generator is None else _source(generator)
    if S.mode is None and out is None:
        with source._lock:
            made = source._engine.randperm(n, target)
        return wrap(made) if requires_grad is False else finished(made, requires_grad)

    def make(lead: Any) -> Tensor:
        count = int(np.prod(lead, dtype=int))
        rows = [source.draw("randperm", n, target) for _ in range(count)]
        return finished(np.stack(rows).reshape(*lead, n) if lead else rows[0], requires_grad)

    if out is None:
        return drawn(make, ())
    fill_out(out, drawn(make, ()))
    return out


@public("normal")
def normal(
    mean: Any,
    std: Any = 1.0,
    size: Any = ABSENT,
    *,
    generator: Any = None,
    out: Any = None,
    dtype: Any = ABSENT,
    requires_grad: bool = False,
    **options: Any,
) -> Tensor:
    """Normal numbers with elementwise mean and standard deviation (tensors), or of a given size
    (numbers)."""
    if options:
        errors.only("normal", options, *OPTIONS)
        check_device(options.get("device"))
    source = default_generator if generator is None else _source(generator)
    if size is ABSENT and (isinstance(mean, Tensor) or isinstance(std, Tensor)):
        if options or dtype is not ABSENT:  # only numbers have them
            kinds = ", ".join(map(errors.kind_name, (mean, std)))
            named = ", ".join([*options, *(["dtype"] if dtype is not ABSENT else [])])
            raise TypeError(
                "normal() received an invalid combination of arguments - got "
                f"({kinds}, {named})\nHint: the result has the dtype of the tensors"
            )

        def pair(*values: Any) -> Tensor:
            parts = [np.asarray(v._data) if isinstance(v, Tensor) else v for v in values]
            return wrap(_scalar(source.draw("normal_tensors", *parts)))

        made = drawn_from(pair, mean, std)
        if out is not None:
            fill_out(out, made)
            return out
        if not isinstance(std, Tensor):
            return _given_by(_normal_around, made, mean)
        if not isinstance(mean, Tensor):
            return _given_by(_normal_spread, made, std)
        return _given_by(_normal_of, made, mean, std)
    dtype = None if dtype is ABSENT else dtype
    if not isinstance(size, (tuple, list)):
        raise TypeError(
            "normal() needs a size when mean and std are numbers\nHint: torch.normal(0.0, 1.0, "
            "(2, 3))"
        )
    numbers = (float(mean), float(std))
    dims = checked_size("normal", (size,))
    target = None if dtype is None else checked_dtype("normal", dtype)
    if out is not None:
        return _into(out, "normal", dims, target, generator, "normal", *numbers)
    target = target or S.default_dtype.np
    if S.mode is None and dims and requires_grad is False:
        with source._lock:
            return wrap(source._engine.normal(dims, target, *numbers))

    def make(dims: Any) -> Tensor:
        return finished(_scalar(source.draw("normal", dims, target, *numbers)), requires_grad)

    return drawn(make, dims)


# ---------------------------------------------------------------- distributions given by tensors


def _constant_in(name: str, grad_fn: str, *operands: str) -> Any:
    """An op whose value is its last operand, numbers drawn from a distribution with the other ones
    as parameters: those get zeros, as in PyTorch."""

    def kernel(*arrays: Any) -> Any:
        drawn = arrays[-1]
        shape = np.broadcast_shapes(*[np.shape(x) for x in arrays])
        return drawn.copy() if shape == drawn.shape else np.broadcast_to(drawn, shape).copy()

    def zeros(xp: Any, g: Any) -> Any:
        return xp.zeros(g.shape, g.dtype)

    op = general(
        name,
        kernel,
        (*operands, "drawn"),
        rules={**dict.fromkeys(operands, zeros), "drawn": lambda xp, g: g},
        broadcasts=True,
        grad_fn=grad_fn,
        method=False,
        names=("_" + name,),
        doc=f"Numbers drawn with {' and '.join(operands)} as parameters, which get zeros.",
    )
    op.prim.kind = "elementwise"
    return op


_bernoulli_of = _constant_in("bernoulli_of", "BernoulliBackward0", "probability")
_poisson_of = _constant_in("poisson_of", "PoissonBackward0", "rate")
_normal_around = _constant_in("normal_around", "NormalBackward1", "mean")
_normal_spread = _constant_in("normal_spread", "NormalBackward2", "std")
_normal_of = _constant_in("normal_of", "NormalBackward3", "mean", "std")


def _given_by(op: Any, made: Tensor, *parameters: Tensor) -> Tensor:
    """`made`, recorded where a parameter of its distribution requires grad."""
    if S.mode is None and not op.prim.tracked((*parameters, made)):
        return made
    return op.prim.call(*parameters, made)


@public("bernoulli", method=True)
def bernoulli(input: Tensor, p: Any = ABSENT, *, generator: Any = None, out: Any = None) -> Tensor:
    """0 or 1 with the probabilities in `input` (or `p` everywhere)."""
    source = default_generator if generator is None else _source(generator)
    if p is ABSENT and out is None and type(input) is Tensor and S.mode is None:
        data = input._data
        if input._node is None and type(data) is np.ndarray and data.ndim:  # the usual case
            with source._lock:
                return wrap(source._engine.bernoulli(data.shape, data.dtype, data))
    if p is None or (p is not ABSENT and out is not None):
        raise no_combination("bernoulli", (input, p), {} if out is None else {"out": out})
    if isinstance(p, Tensor):
        p = float(p)

    def make(x: Tensor) -> Tensor:
        data = np.asarray(x._data)
        chance = data if p is ABSENT else p
        return wrap(_scalar(source.draw("bernoulli", data.shape, data.dtype, chance)))

    made = drawn_from(make, input)
    if out is not None:
        fill_out(out, made.to(out.dtype))
        return out
    return _given_by(_bernoulli_of, made, input)


@public("poisson")
def poisson(input: Tensor, generator: Any = None) -> Tensor:
    """Poisson numbers with the rates in `input`."""
    source = _source(generator)
    if type(input) is Tensor and S.mode is None and input._node is None:
        data = input._data
        if type(data) is np.ndarray and data.ndim:  # the usual case
            return wrap(source.draw("poisson", data))
    made = drawn_from(lambda x: wrap(_scalar(source.draw("poisson", np.asarray(x._data)))), input)
    return _given_by(_poisson_of, made, input)


@public("multinomial", method=True)
def multinomial(
    input: Tensor,
    num_samples: int,
    replacement: bool = False,
    *,
    generator: Any = None,
    out: Any = None,
) -> Tensor:
    """Indices drawn with probabilities proportional to the rows of `input`."""
    if not isinstance(input, Tensor):
        raise errors.wrong_type("multinomial", "input", 1, input)
    if out is not None and out.dtype is not dtypes.int64:
        raise RuntimeError(
            f"multinomial expects Long tensor out, got: {errors.LEGACY[out.dtype.name]}"
        )
    source, lead = _source(generator), input._data.shape[:-1]
    if S.mode is None and out is None and lead == ():
        return wrap(source.draw("multinomial", np.asarray(input._data), num_samples, replacement))

    def make(x: Tensor) -> Tensor:
        data = np.asarray(x._data)
        rows = data if data.ndim == len(lead) + 1 else data.reshape(-1, data.shape[-1])
        drawn_ = source.draw("multinomial", rows, num_samples, replacement)
        return wrap(drawn_.reshape(*data.shape[:-1], num_samples))

    made = drawn_from(make, input)
    if out is None:
        return made
    fill_out(out, made)
    return out


# ---------------------------------------------------------------- in place: random_fills.py


def _fill(self: Tensor, generator: Any, kind: str, *args: Any) -> Tensor:
    """Overwrite with a draw; what was there before gets zero gradient."""
    source = default_generator if generator is None else _source(generator)
    data = self._data
    if S.mode is None and not recording(self, ()):
        check_writable(self, kind, ())
        if isinstance(data, np.ndarray):
            source.draw("fill", data, kind, *args)
        else:
            self._data = source.draw(kind, (), data.dtype, *args)[()]
        bump(self)
        return self
    value = drawn(
        lambda dims: wrap(_scalar(source.draw(kind, dims, data.dtype, *args))), data.shape
    )
    if value._wrapped and not self._wrapped and self._view is None:
        become(self, value)  # under vmap, numbers for every element need memory for every element
        return self
    return inplace(OPS.copy.prim, self, value)
