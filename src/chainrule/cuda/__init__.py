"""`torch.cuda`: there is no CUDA here, and programs that ask are told so.

What lives here: the questions with their true answers (no device, no memory in use), the
settings that mean nothing without a device (seeds, empty_cache), and refusals in PyTorch's words
for what needs one. Who may call: users. The classes of tensors exist for `isinstance`, which says
no.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from .._legacy_types import DTYPE_OF, tensor_class
from . import amp, nvtx

__all__ = [
    "CUDAGraph", "Event", "Stream", "StreamContext", "amp", "can_device_access_peer",
    "current_device", "current_stream", "default_stream", "device", "device_count", "device_of",
    "empty_cache", "get_arch_list", "get_device_capability", "get_device_name",
    "get_device_properties", "get_rng_state", "get_rng_state_all", "init", "initial_seed",
    "ipc_collect", "is_available", "is_bf16_supported", "is_initialized", "manual_seed",
    "manual_seed_all", "max_memory_allocated", "max_memory_cached", "max_memory_reserved",
    "mem_get_info", "memory_allocated", "memory_cached", "memory_reserved", "memory_stats",
    "memory_summary", "nvtx", "reset_max_memory_allocated", "reset_max_memory_cached",
    "reset_peak_memory_stats", "seed", "seed_all", "set_device", "set_rng_state",
    "set_rng_state_all", "set_stream", "stream", "synchronize",
]  # fmt: skip

default_generators: tuple[Any, ...] = ()
has_half = has_magma = False
HINT = "\nHint: chainrule computes on the CPU; ask torch.cuda.is_available() first"


def refuse() -> NoReturn:
    """PyTorch's own sentence of a build without CUDA."""
    raise AssertionError("Torch not compiled with CUDA enabled" + HINT)


# ---------------------------------------------------------------- questions


def is_available() -> bool:
    """False.

    Example:
        >>> import chainrule as torch
        >>> "cuda" if torch.cuda.is_available() else "cpu"
        'cpu'
    """
    return False


def is_initialized() -> bool:
    """False."""
    return False


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """False."""
    return False


def device_count() -> int:
    """0."""
    return 0


def get_arch_list() -> list[str]:
    """No architectures."""
    return []


def memory_allocated(device: Any = None) -> int:
    """0 bytes."""
    return 0


def memory_stats(device: Any = None) -> OrderedDict[str, Any]:
    """Nothing to report."""
    return OrderedDict()


max_memory_allocated = memory_reserved = max_memory_reserved = memory_allocated
memory_cached = max_memory_cached = memory_allocated


# ---------------------------------------------------------------- nothing to do


def manual_seed(seed: int) -> None:
    """Nothing: no device has a generator. `torch.manual_seed` seeds the CPU."""
    int(seed)


def seed() -> None:
    """Nothing: no device has a generator."""


manual_seed_all, seed_all = manual_seed, seed


def empty_cache() -> None:
    """Nothing: no memory of a device is held."""


def set_stream(stream: Any) -> None:
    """Nothing for None; there are no streams otherwise."""
    if stream is not None:
        refuse()


class device:
    """`with torch.cuda.device(i):` changes nothing for None and negative numbers.

    Raises:
        AssertionError: on entering, for a device.
    """

    def __init__(self, device: Any) -> None:
        self.idx = -1 if device is None else getattr(device, "index", device)

    def __enter__(self) -> None:
        if not isinstance(self.idx, int) or self.idx >= 0:
            refuse()

    def __exit__(self, *exc: object) -> None:
        pass


class device_of(device):
    """`with torch.cuda.device_of(x):` changes nothing: x is on the CPU."""

    def __init__(self, obj: Any) -> None:
        super().__init__(None)


@contextmanager
def stream(stream: Any) -> Iterator[None]:
    """`with torch.cuda.stream(None):` changes nothing."""
    set_stream(stream)
    yield


StreamContext = stream


# ---------------------------------------------------------------- refusals


def _refusal(name: str) -> Callable[..., Any]:
    def function(*args: Any, **kwargs: Any) -> Any:
        refuse()

    function.__name__ = function.__qualname__ = name
    function.__doc__ = "Refuses: there is no CUDA here."
    return function


current_device = _refusal("current_device")
current_stream = _refusal("current_stream")
default_stream = _refusal("default_stream")
get_device_name = _refusal("get_device_name")
get_device_capability = _refusal("get_device_capability")
get_device_properties = _refusal("get_device_properties")
get_rng_state = _refusal("get_rng_state")
set_rng_state = _refusal("set_rng_state")
initial_seed = _refusal("initial_seed")
synchronize = _refusal("synchronize")
mem_get_info = _refusal("mem_get_info")
memory_summary = _refusal("memory_summary")
ipc_collect = _refusal("ipc_collect")
set_device = _refusal("set_device")
init = _refusal("init")
can_device_access_peer = _refusal("can_device_access_peer")
reset_peak_memory_stats = _refusal("reset_peak_memory_stats")
reset_max_memory_allocated = _refusal("reset_max_memory_allocated")
reset_max_memory_cached = _refusal("reset_max_memory_cached")


def get_rng_state_all() -> list[Any]:
    """The states of no devices."""
    return []


def set_rng_state_all(new_states: Any) -> None:
    """Nothing for an empty list."""
    if list(new_states):
        refuse()


class _Absent:
    """A class of things that only a device has."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise RuntimeError(f"Tried to instantiate dummy base class {type(self).__name__}{HINT}")


class Stream(_Absent):
    """Refuses: there is no CUDA here."""


class Event(_Absent):
    """Refuses: there is no CUDA here."""


class CUDAGraph(_Absent):
    """Refuses: there is no CUDA here."""


class OutOfMemoryError(RuntimeError):
    """Never raised here; programs name it in `except`."""


def __getattr__(name: str) -> Any:
    if name in DTYPE_OF:
        found = globals()[name] = tensor_class(name, "cuda")
        return found
    raise AttributeError(f"module 'torch.cuda' has no attribute '{name}'", name=name)
