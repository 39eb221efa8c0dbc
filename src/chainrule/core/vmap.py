"""`vmap`: a function of one element made a function of a batch.

The arguments' batch dimensions are moved to the front and hidden in `Batched` tensors, the function
runs once under a `Batch` level, and what it returns is taken out again. `chunk_size` does that
piece by piece; `fallback="loop"` runs the function on one element after the other instead, so that
it may branch on values. Here and not in `func/`, because `autograd.functional` and
`is_grads_batched` stand on it too.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

from .. import errors
from .batch import Batch
from .batching import front, moved
from .primitive import PUBLIC
from .pytree import TreeSpec, broadcast_prefix, flatten
from .record import OPS
from .tensor import Tensor

__all__ = ["name_of", "named", "vmap"]


def vmap(
    func: Callable[..., Any],
    in_dims: Any = 0,
    out_dims: Any = 0,
    randomness: str = "error",
    *,
    chunk_size: int | None = None,
    fallback: str | None = None,
) -> Callable[..., Any]:
    """`func` for a whole batch at once: `vmap(f)(x)[i]` is `f(x[i])`.

    Args:
        func: takes and returns tensors (nested in tuples, lists and dicts, if need be).
        in_dims: the dimension of every argument that is the batch, None for an argument that is the
            same for all elements; one number for all, or a tuple with the structure of the
            arguments (or of their upper part). Keyword arguments are the same for all elements.
        out_dims: where the batch is to be in the outputs; None for an output that is the same for
            all elements.
        randomness: "error", "different" or "same": what random ops give to the elements.
        chunk_size: how many elements to compute at once (default: all).
        fallback: "loop" calls `func` on one element after the other and stacks what it returns;
            slow, but then `func` may branch on values and use `.item()`. (An addition of
            chainrule.)

    Returns:
        The function of batches; its outputs have the batch at `out_dims`.

    Raises:
        ValueError: no batch dimension in the arguments, or sizes that differ; outputs that are no
            tensors.
        RuntimeError: the function reads elements (`item()`, `if x > 0`), or random ops while
            `randomness` is "error".

    Example:
        >>> import chainrule as torch
        >>> dot = lambda a, b: (a * b).sum()
        >>> torch.vmap(dot)(torch.ones(2, 3), torch.arange(6.0).reshape(2, 3))
        tensor([ 3., 12.])
        >>> torch.vmap(lambda x: x if x > 0 else -x, fallback="loop")(torch.tensor([1.0, -2.0]))
        tensor([1., 2.])
    """
    if randomness not in ("error", "different", "same"):
        raise RuntimeError(
            "Only allowed values for randomness are 'error', 'different', or 'same'. "
            f"Got {randomness}"
        )
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError(f"vmap: chunk_size should be None or greater than 0. (got {chunk_size})")
    if fallback not in (None, "loop"):
        raise ValueError(
            errors.hinted(
                f"vmap: fallback should be None or 'loop' (got {fallback!r})",
                hint="'loop' runs the function on one element after the other",
            )
        )

    def mapped(*args: Any, **kwargs: Any) -> Any:
        call = _Call(func, in_dims, out_dims, randomness)
        call.take(args)
        if fallback == "loop":
            return call.loop(kwargs)
        if chunk_size is not None and chunk_size < call.size:
            return call.chunked(kwargs, chunk_size)
        return call.run(call.flat, kwargs, call.size)

    return named(mapped, func)  # type: ignore[no-any-return]


def named(new: Any, func: Any) -> Any:
    """`new` with the name and docstring of `func` (what `functools.wraps` does, in half the
    time)."""
    if hasattr(func, "__name__"):
        new.__name__, new.__doc__ = func.__name__, func.__doc__
        new.__qualname__ = getattr(func, "__qualname__", func.__name__)
        new.__module__, new.__wrapped__ = getattr(func, "__module__", None), func
        extra = getattr(func, "__dict__", None)
        if extra:
            new.__dict__.update(extra)
            new.__wrapped__ = func
    return new


def name_of(func: Any) -> str:
    """How messages call a function."""
    if hasattr(func, "__name__"):
        return func.__name__  # type: ignore[no-any-return]
    if isinstance(func, functools.partial):
        return f"functools.partial({name_of(func.func)}, ...)"
    return repr(func)


class _Call:
    """One call of a mapped function.

    Attributes:
        flat, spec: the arguments, taken apart. dims: the batch dimension of each, or None.
        size: the number of elements.
    """

    def __init__(self, func: Any, in_dims: Any, out_dims: Any, randomness: str) -> None:
        self.func, self.name = func, name_of(func)
        self.in_dims, self.out_dims, self.randomness = in_dims, out_dims, randomness
        self.flat: list[Any] = []
        self.dims: list[int | None] = []
        self.size = 0
        if not isinstance(out_dims, int):
            self._check_out_dims()

    def _check_out_dims(self) -> None:
        for d in flatten(self.out_dims)[0]:
            if not isinstance(d, int) and d is not None:
                raise ValueError(
                    f"vmap({self.name}, ..., out_dims={self.out_dims}): `out_dims` must be an int, "
                    "None or a python collection of ints representing where in the outputs the "
                    "vmapped dimension should appear."
                )

    # ------------------------------------------------------------ in

    def _refused(self, what: str) -> ValueError:
        return ValueError(f"vmap({self.name}, in_dims={self.in_dims}, ...)(<inputs>): {what}")

    def take(self, args: tuple[Any, ...]) -> None:
        """Check the arguments and find the size of the batch."""
        if not isinstance(self.in_dims, (int, tuple)):
            raise self._refused(
                "expected `in_dims` to be int or a (potentially nested) tuple matching the "
                f"structure of inputs, got: {type(self.in_dims)}."
            )
        if not args:
            raise ValueError(
                f"vmap({self.name})(<inputs>): got no inputs. Maybe you forgot to add inputs, or "
                "you are trying to vmap over a function with no inputs. The latter is unsupported."
            )
        self.flat, self.spec = flatten(args)
        dims = broadcast_prefix(self.in_dims, self.spec)
        if dims is None:
            raise self._refused(
                "in_dims is not compatible with the structure of `inputs`. in_dims has structure "
                f"{flatten(self.in_dims)[1]} but inputs has structure {self.spec}."
            )
        self.dims, sizes = [], []
        for t, d in zip(self.flat, dims, strict=True):
            if d is not None:
                d = self._dim(t, d)
                sizes.append(t._data.shape[d])
            self.dims.append(d)
        if not sizes:
            raise ValueError("vmap: Expected at least one Tensor to vmap over")
        if sizes.count(sizes[0]) != len(sizes):
            raise ValueError(
                "vmap: Expected all tensors to have the same size in the mapped dimension, got "
                f"sizes {sizes} for the mapped dimension"
            )
        self.size = sizes[0]

    def _dim(self, t: Any, d: Any) -> int:
        if not isinstance(d, int):
            raise self._refused(
                f"Got in_dim={d} for an input but in_dim must be either an integer dimension "
                "or None."
            )
        if not isinstance(t, Tensor):
            raise self._refused(
                f"Got in_dim={d} for an input but the input is of type {type(t)}. We cannot vmap "
                "over non-Tensor arguments, please use None as the respective in_dim"
            )
        n = t._data.ndim
        if not -n <= d < n:
            raise self._refused(
                f"Got in_dim={d} for some input, but that input is a Tensor of dimensionality {n} "
                f"so expected in_dim to satisfy -{n} <= in_dim < {n}."
            )
        return d % n  # type: ignore[no-any-return]

    # ------------------------------------------------------------ running

    def run(self, flat: list[Any], kwargs: dict[str, Any], size: int) -> Any:
        """All elements at once."""
        inner = [moved(t, d, 0) if d else t for t, d in zip(flat, self.dims, strict=True)]
        with Batch(size, self.randomness) as level:
            args = [
                t if d is None else level.wrap(t) for t, d in zip(inner, self.dims, strict=True)
            ]
            made = self.func(*self.spec.build(args), **kwargs)
            outs, spec = flatten(made)
            owned = [level.owns(t) for t in outs]
            outs = [t._inner if own else t for t, own in zip(outs, owned, strict=True)]
        return self._given(made, outs, owned, spec, size)

    def _given(
        self, made: Any, outs: list[Any], owned: list[bool], spec: TreeSpec, size: int
    ) -> Any:
        if self.out_dims == 0 and all(owned):
            return spec.build(outs)
        dims = self._out_dims(made, spec)
        return spec.build(
            [self._out(t, own, d, size) for t, own, d in zip(outs, owned, dims, strict=True)]
        )

    def _out_dims(self, made: Any, spec: TreeSpec) -> list[Any]:
        dims: list[Any] | None
        if isinstance(made, Tensor) and type(self.out_dims) is tuple and len(self.out_dims) == 1:
            dims = list(self.out_dims)
        else:
            dims = broadcast_prefix(self.out_dims, spec)
        if dims is None or len(dims) != spec.num_leaves:
            raise ValueError(
                f"vmap({self.name}, ..., out_dims={self.out_dims})(<inputs>): out_dims is not "
                f"compatible with the structure of `outputs`. out_dims has structure "
                f"{flatten(self.out_dims)[1]} but outputs has structure {spec}."
            )
        return dims

    def _out(self, t: Any, owned: bool, dim: int | None, size: int) -> Any:
        if dim is None:
            if owned:
                raise ValueError(
                    f"vmap({self.name}, ...): `{self.name}` can not return a BatchedTensor when "
                    "out_dim is None"
                )
            return t
        if not isinstance(t, Tensor):
            raise ValueError(
                f"vmap({self.name}, ...): `{self.name}` must only return Tensors, got type "
                f"{type(t)}. Did you mean to set out_dims= to None for output?"
            )
        t = front(t, owned, size)
        dim = errors.checked_dim(dim, t._data.ndim)
        return t if dim == 0 else moved(t, 0, dim)

    # ------------------------------------------------------------ piece by piece

    def chunked(self, kwargs: dict[str, Any], chunk: int) -> Any:
        """`chunk` elements at a time."""
        made = []
        again = self._again()
        for start in range(0, self.size, chunk):
            again()
            n = min(chunk, self.size - start)
            flat = [
                t if d is None else OPS.slice(t, d, start, start + n, 1)
                for t, d in zip(self.flat, self.dims, strict=True)
            ]
            made.append(self.run(flat, kwargs, n))
        return self._joined(made, lambda many, d: OPS.cat(many, d))

    def _again(self) -> Callable[[], None]:
        """Makes every piece draw the same random numbers, if that is wanted."""
        if self.randomness != "same":
            return lambda: None
        state = PUBLIC["get_rng_state"]()
        return lambda: PUBLIC["set_rng_state"](state)

    def _joined(self, made: list[Any], join: Callable[[list[Any], int], Any]) -> Any:
        specs = [flatten(m) for m in made]
        dims = self._out_dims(made[0], specs[0][1])
        columns = zip(*[f for f, _ in specs], strict=True)
        outs = [c[0] if d is None else join(list(c), d) for c, d in zip(columns, dims, strict=True)]
        return specs[0][1].build(outs)

    def loop(self, kwargs: dict[str, Any]) -> Any:
        """One element after the other."""
        if not self.size:
            raise ValueError(
                errors.hinted(
                    "vmap: fallback='loop' needs at least one element",
                    hint="an empty batch has no element to find the outputs' shapes with",
                )
            )
        again, state = self._again(), None
        if self.randomness == "error":
            state = PUBLIC["get_rng_state"]()
        made = []
        for args in self._elements():
            again()
            made.append(self.func(*args, **kwargs))
        if state is not None and (PUBLIC["get_rng_state"]()._data != state._data).any():
            PUBLIC["set_rng_state"](state)
            Batch(self.size).need_randomness()
        for t in flatten(made[0])[0]:
            self._out(t, False, 0, 1)
        return self._joined(made, lambda many, d: OPS.stack(many, d))

    def _elements(self) -> Iterator[tuple[Any, ...]]:
        for i in range(self.size):
            flat = [
                t if d is None else OPS.select(t, d, i)
                for t, d in zip(self.flat, self.dims, strict=True)
            ]
            yield self.spec.build(flat)
