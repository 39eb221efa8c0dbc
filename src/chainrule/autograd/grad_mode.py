"""Switching recording on and off: `no_grad`, `enable_grad`, `set_grad_enabled`, `inference_mode`.

Each is a context manager and a decorator; on a generator function the mode holds while the
generator runs and not in between. The state is the thread's own (`_state`).
"""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Callable, Generator
from typing import Any, TypeVar

from .._state import grad_enabled, inference_enabled, set_grad, set_inference
from ..core.interpreter import InferenceMode, current, pop, push

F = TypeVar("F", bound=Callable[..., Any])


class _Mode:
    """A context manager that decorates functions, generator functions and classes' methods too."""

    def again(self) -> Any:
        """A fresh one with the same arguments, for each call of a decorated function."""
        return type(self)()

    def __call__(self, function: F) -> F:
        """Decorate: the mode holds while `function` runs."""
        if inspect.isclass(function):
            raise TypeError(
                f"{type(self).__name__} decorates functions; decorate the methods of "
                f"{function.__name__} instead"
            )
        if inspect.isgeneratorfunction(function):
            return functools.wraps(function)(self._generator(function))  # type: ignore[return-value]

        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with self.again():
                return function(*args, **kwargs)

        return wrapped  # type: ignore[return-value]

    def _generator(self, function: Callable[..., Generator[Any, Any, Any]]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            with self.again():
                inner = function(*args, **kwargs)
            resume: Callable[[], Any] = functools.partial(next, inner)
            while True:
                try:
                    with self.again():
                        value = resume()
                except StopIteration as stop:
                    return stop.value
                try:
                    sent = yield value
                    resume = functools.partial(inner.send, sent)
                except GeneratorExit:
                    with self.again():
                        inner.close()
                    raise
                except BaseException as error:
                    resume = functools.partial(inner.throw, error)

        return wrapped

    def __enter__(self) -> None:
        raise NotImplementedError

    def __exit__(self, *exc: object) -> None:
        raise NotImplementedError


class _GradMode(_Mode):
    __slots__ = ("prev",)
    wanted = True

    def __new__(cls, orig_func: Any = None) -> Any:
        made = object.__new__(cls)
        return made if orig_func is None else made(orig_func)  # `@torch.no_grad` decorates as well

    def __enter__(self) -> None:
        self.prev = set_grad(self.wanted)

    def __exit__(self, *exc: object) -> None:
        set_grad(self.prev)


class no_grad(_GradMode):
    """Operations inside are not recorded.

    Example:
        >>> import chainrule as torch
        >>> x = torch.tensor(1.0, requires_grad=True)
        >>> with torch.no_grad():
        ...     y = x * 2
        >>> y.requires_grad
        False
    """

    __slots__ = ()
    wanted = False


class enable_grad(_GradMode):
    """Operations inside are recorded, also within `no_grad`.

    Example:
        >>> import chainrule as torch
        >>> x = torch.tensor(1.0, requires_grad=True)
        >>> with torch.no_grad(), torch.enable_grad():
        ...     (x * 2).requires_grad
        True
    """

    __slots__ = ()


class set_grad_enabled(_Mode):
    """Switch recording on or off, at once; as a context manager, until its end.

    Example:
        >>> import chainrule as torch
        >>> with torch.set_grad_enabled(False):
        ...     torch.is_grad_enabled()
        False
    """

    def __init__(self, mode: bool) -> None:
        if not isinstance(mode, bool):
            raise TypeError(
                f"set_grad_enabled(): argument 'mode' must be bool, not {type(mode).__name__}"
            )
        self.mode = mode
        self.prev = set_grad(mode)

    def again(self) -> Any:
        return type(self)(self.mode)

    def __call__(self, function: F) -> F:
        set_grad(self.prev)
        return super().__call__(function)

    def __enter__(self) -> None:
        set_grad(self.mode)

    def __exit__(self, *exc: object) -> None:
        set_grad(self.prev)


class inference_mode(_Mode):
    """Like `no_grad`, and what is made inside can never take part in a recorded computation.

    Example:
        >>> import chainrule as torch
        >>> with torch.inference_mode():
        ...     y = torch.ones(2) * 2
        >>> y.is_inference()
        True
    """

    def __new__(cls, mode: Any = True) -> Any:
        if isinstance(mode, bool):
            return object.__new__(cls)
        return cls()(mode)

    def __init__(self, mode: bool = True) -> None:
        self.mode = mode
        self._before: list[tuple[bool, bool, Any]] = []

    def again(self) -> Any:
        return type(self)(self.mode)

    def __enter__(self) -> None:
        interpreter = InferenceMode() if self.mode else None
        self._before.append((set_grad(not self.mode), set_inference(self.mode), interpreter))
        if interpreter is not None:
            push(interpreter)
        else:
            self._leave_outer()

    def _leave_outer(self) -> None:
        """inference_mode(False) inside inference_mode: the outer interpreter is set aside."""
        outer = current()
        if isinstance(outer, InferenceMode):
            pop(outer)
            before = self._before.pop()
            self._before.append((before[0], before[1], ("aside", outer)))

    def __exit__(self, *exc: object) -> None:
        grad, inference, interpreter = self._before.pop()
        if isinstance(interpreter, tuple):
            push(interpreter[1])
        elif interpreter is not None:
            pop(interpreter)
        set_grad(grad)
        set_inference(inference)


def is_grad_enabled() -> bool:
    """Whether operations of this thread are recorded."""
    return grad_enabled()


def is_inference_mode_enabled() -> bool:
    """Whether this thread is inside `inference_mode`."""
    return inference_enabled()


def __getattr__(name: str) -> Any:
    if name == "set_multithreading_enabled":  # PyTorch has it here, too
        return importlib.import_module(".threads", __package__).set_multithreading_enabled
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
