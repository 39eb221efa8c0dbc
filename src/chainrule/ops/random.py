"""Random tensors: `manual_seed`, `Generator`, `randn`, `rand`, `randint`, `randperm`, and the
in-place draws.

The numbers are PyTorch's CPU numbers, bit for bit; how they come about is in `kernels/random.py`.
Draws are not differentiable (as in PyTorch, `normal_` and friends give zero gradient to what they
overwrite), so none is a rule. The default generator starts from the operating system's entropy; it
is guarded by a lock.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from .. import dtypes, errors
from .._state import S
from ..core.declare import METHODS, general, public
from ..core.interpreter import drawn, drawn_from
from ..core.levels import become
from ..core.primitive import bump, fill_out
from ..core.record import OPS
from ..core.tensor import Tensor, wrap
from ..core.views import check_writable, inplace, recording
from ..kernels.random import MersenneTwister
from .create import checked_size
from .from_data import check_device, checked_dtype, finished


class Generator:
    """A random number generator with its own state.

    Example:
        >>> import chainrule as torch
        >>> g = torch.Generator().manual_seed(0)
        >>> torch.rand(2, generator=g)
        tensor([0.4963, 0.7682])
    """

    def __init__(self, device: Any = "cpu") -> None:
        check_device(device)
        self._engine = MersenneTwister()
        self._lock = threading.Lock()

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
            raise TypeError(f"expected a torch.ByteTensor, but got {type(new_state).__name__}")
        self._engine.set_state(new_state._data)
        return self

    def clone_state(self) -> Generator:
        """Another generator that will draw the same numbers."""
        made = Generator()
        made._engine = self._engine.clone()
        return made

    def draw(self, kind: str, *args: Any, **kwargs: Any) -> Any:
        """One draw of the engine, under the lock."""
        with self._lock:
            return getattr(self._engine, kind)(*args, **kwargs)


default_generator = Generator()
default_generator.seed()  # unpredictable until manual_seed, as in PyTorch


def _source(generator: Any) -> Generator:
    if generator is None:
        return default_generator
    if not isinstance(generator, Generator):
        raise TypeError(
            f"argument 'generator' must be torch.Generator, not {type(generator).__name__}"
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
    if not enabled:
        yield
        return
    state = get_rng_state()
    try:
        yield
    finally:
        set_rng_state(state)


# ---------------------------------------------------------------- new tensors


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
        dims = checked_size(op, size or (shape.get("size", ()),))
        check_device(device)
        target = checked_dtype(op, dtype) or S.default_dtype.np
        source = _source(generator)

        def make(dims: Any) -> Tensor:
            return finished(_scalar(source.draw(kind, dims, target)), requires_grad)

        return make(dims) if S.mode is None else drawn(make, dims)

    function.__name__ = function.__qualname__ = op
    what = "normal with mean 0 and variance 1" if op == "randn" else "uniform on [0, 1)"
    function.__doc__ = f"Random numbers of the given size, {what}."
    public(op)(function)


def _scalar(array: Any) -> Any:
    return array[()] if array.ndim == 0 else array


_drawn("rand", "rand")
_drawn("randn", "randn")


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
        target = checked_dtype(op, dtype) or input._data.dtype
        source = _source(generator)

        def make(dims: Any) -> Tensor:
            return finished(_scalar(source.draw(kind, dims, target)), requires_grad)

        dims = input._data.shape
        return make(dims) if S.mode is None else drawn(make, dims)

    function.__name__ = function.__qualname__ = op
    function.__doc__ = f"`torch.{op.removesuffix('_like')}` in the shape and dtype of `input`."
    public(op)(function)


_drawn_like("rand_like", "rand")
_drawn_like("randn_like", "randn")


def _bounds(args: tuple[Any, ...], low: Any, high: Any, size: Any) -> tuple[int, int, Any]:
    numbers = [a for a in args if not isinstance(a, (tuple, list))]
    shapes = [a for a in args if isinstance(a, (tuple, list))]
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
    return int(0 if low is None else low), int(high), size


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
    first, last, shape = _bounds(args, low, high, size)
    check_device(device)
    target = checked_dtype("randint", dtype) or dtypes.int64.np
    source = _source(generator)

    def make(dims: Any) -> Tensor:
        return finished(_scalar(source.draw("randint", dims, target, first, last)), requires_grad)

    return drawn(make, checked_size("randint", (shape,)))


@public("randint_like")
def randint_like(
    input: Tensor, *args: Any, dtype: Any = None, generator: Any = None, **options: Any
) -> Tensor:
    """`randint` in the shape and dtype of `input`."""
    first, last, shape = _bounds(
        (*args, tuple(input._data.shape)), options.pop("low", None), options.pop("high", None), None
    )
    target = checked_dtype("randint_like", dtype) or input._data.dtype
    source = _source(generator)

    def make(dims: Any) -> Tensor:
        data = source.draw("randint", dims, target, first, last)
        return finished(_scalar(data), options.get("requires_grad", False))

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
    check_device(device)
    target = checked_dtype("randperm", dtype) or dtypes.int64.np
    source = _source(generator)

    def make(lead: Any) -> Tensor:
        count = int(np.prod(lead, dtype=int))
        rows = [source.draw("randperm", n, target) for _ in range(count)]
        return finished(np.stack(rows).reshape(*lead, n) if lead else rows[0], requires_grad)

    return drawn(make, ())


@public("normal")
def normal(
    mean: Any,
    std: Any = 1.0,
    size: Any = None,
    *,
    generator: Any = None,
    out: Any = None,
    dtype: Any = None,
    requires_grad: bool = False,
    **options: Any,
) -> Tensor:
    """Normal numbers with elementwise mean and standard deviation (tensors), or of a given size
    (numbers)."""
    source = _source(generator)
    if isinstance(mean, Tensor) or isinstance(std, Tensor):

        def pair(*values: Any) -> Tensor:
            parts = [np.asarray(v._data) if isinstance(v, Tensor) else v for v in values]
            return wrap(_scalar(source.draw("normal_tensors", *parts)))

        made = drawn_from(pair, mean, std)
        if not isinstance(std, Tensor):
            return _given_by(_normal_around, made, mean)
        if not isinstance(mean, Tensor):
            return _given_by(_normal_spread, made, std)
        return _given_by(_normal_of, made, mean, std)
    if size is None:
        raise TypeError(
            "normal() needs a size when mean and std are numbers\nHint: torch.normal(0.0, 1.0, "
            "(2, 3))"
        )
    target = checked_dtype("normal", dtype) or S.default_dtype.np
    numbers = (float(mean), float(std))

    def make(dims: Any) -> Tensor:
        return finished(_scalar(source.draw("normal", dims, target, *numbers)), requires_grad)

    return drawn(make, checked_size("normal", (size,)))


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
def bernoulli(input: Tensor, p: Any = None, *, generator: Any = None, out: Any = None) -> Tensor:
    """0 or 1 with the probabilities in `input` (or `p` everywhere)."""
    source = _source(generator)

    def make(x: Tensor) -> Tensor:
        data = np.asarray(x._data)
        chance = data if p is None else p
        return wrap(_scalar(source.draw("bernoulli", data.shape, data.dtype, chance)))

    return _given_by(_bernoulli_of, drawn_from(make, input), input)


@public("poisson")
def poisson(input: Tensor, generator: Any = None) -> Tensor:
    """Poisson numbers with the rates in `input`."""
    source = _source(generator)
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


# ---------------------------------------------------------------- in place


def _fill(self: Tensor, generator: Any, kind: str, *args: Any) -> Tensor:
    """Overwrite with a draw; what was there before gets zero gradient."""
    source = _source(generator)
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


def _method(function: Any) -> Any:
    METHODS[function.__name__] = function
    return function


@_method
def normal_(self: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Any = None) -> Tensor:
    """Overwrite with normal numbers."""
    return _fill(self, generator, "normal", float(mean), float(std))


@_method
def uniform_(
    self: Tensor, from_: float = 0.0, to: float = 1.0, *, generator: Any = None, **bounds: Any
) -> Tensor:
    """Overwrite with uniform numbers of [from, to)."""
    low = bounds.pop("from", from_)
    return _fill(self, generator, "uniform", float(low), float(to))


@_method
def random_(
    self: Tensor, from_: Any = None, to: Any = None, *, generator: Any = None, **bounds: Any
) -> Tensor:
    """Overwrite with integers of [from, to), [0, to), or of the dtype's whole range."""
    low = bounds.pop("from", from_)
    if low is not None and to is None and "from" not in bounds:
        low, to = 0, low
    return _fill(self, generator, "random", low if low is not None or to is None else 0, to)


@_method
def bernoulli_(self: Tensor, p: Any = 0.5, *, generator: Any = None) -> Tensor:
    """Overwrite with 0 or 1, where `p` is the probability of 1 (a number or a tensor)."""
    return _fill(self, generator, "bernoulli", np.asarray(p._data) if isinstance(p, Tensor) else p)


@_method
def exponential_(self: Tensor, lambd: float = 1.0, *, generator: Any = None) -> Tensor:
    """Overwrite with exponential numbers of rate `lambd`."""
    return _fill(self, generator, "exponential", float(lambd))


@_method
def geometric_(self: Tensor, p: float, *, generator: Any = None) -> Tensor:
    """Overwrite with the number of trials to the first success."""
    return _fill(self, generator, "geometric", p)


@_method
def cauchy_(
    self: Tensor, median: float = 0.0, sigma: float = 1.0, *, generator: Any = None
) -> Tensor:
    """Overwrite with Cauchy numbers."""
    return _fill(self, generator, "cauchy", float(median), float(sigma))


@_method
def log_normal_(
    self: Tensor, mean: float = 1.0, std: float = 2.0, *, generator: Any = None
) -> Tensor:
    """Overwrite with exp of normal numbers."""
    return _fill(self, generator, "log_normal", float(mean), float(std))
