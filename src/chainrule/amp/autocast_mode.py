"""`torch.autocast`: inside it, matrix products and convolutions run in lower precision.

An interpreter sees every op and converts its floating point operands: products and convolutions
to the lower precision, ops that lose too much there to float32, joins to their widest operand.
Conversions are recorded, so gradients arrive in the dtype of the leaf.
Layers that are several ops here (`linear`, `conv2d`) ask for their operands first (`lowered`),
and so do losses (`widened`).
Differs from PyTorch: any other function that is several ops here is converted inside, not as a
whole; its result may have the other dtype.
"""

from __future__ import annotations

import functools
import threading
import warnings
from collections.abc import Callable
from typing import Any

from .. import dtypes
from ..core.interpreter import Interpreter, below, pop, push
from ..core.primitive import cast
from ..core.tensor import Tensor

__all__ = [
    "autocast",
    "autocast_decrement_nesting",
    "autocast_increment_nesting",
    "clear_autocast_cache",
    "custom_bwd",
    "custom_fwd",
    "get_autocast_cpu_dtype",
    "get_autocast_dtype",
    "get_autocast_gpu_dtype",
    "is_autocast_available",
    "is_autocast_cache_enabled",
    "is_autocast_enabled",
    "set_autocast_cache_enabled",
    "set_autocast_dtype",
]

LOWER = frozenset(
    "matmul contract addmm addmv baddbmm addbmm linear affine affine_any vdot convolution conv_tbc "
    "attention lstm_layer gru_layer rnn_layer".split()
)
FLOAT32 = frozenset(
    "prod cumprod mse_loss huber_loss smooth_l1_loss soft_margin_loss binary_cross_entropy "
    "nll_loss nll_loss2d multi_margin_loss multilabel_margin_loss polar trace linalg_inv "
    "linalg_inv_ex linalg_solve linalg_solve_ex linalg_solve_triangular linalg_cholesky "
    "linalg_cholesky_ex linalg_qr linalg_eigh linalg_eigvalsh linalg_eig linalg_eigvals "
    "linalg_svd linalg_svdvals linalg_det linalg_slogdet linalg_lu_factor_ex linalg_lu "
    "linalg_matrix_exp linalg_pinv fft_c2c fft_r2c fft_c2r grid_sampler_2d grid_sampler_3d "
    "ctc_loss_each avg_pool3d".split()
)
WIDEST = frozenset(("cat", "stack"))
DEVICES = ("cpu", "cuda", "xpu", "mps", "mtia", "xla", "hpu")
_dtype = {"cpu": dtypes.bfloat16, "cuda": dtypes.float16}
_cache = [True]


class _Casting(Interpreter):
    """Converts operands as the tables say."""

    innermost = True  # it decides in which dtype a level sees an op

    def __init__(self, low: dtypes.dtype | None) -> None:
        self.low = low  # None: switched off inside an outer autocast
        self.casts = low is not None

    def process(self, prim: Any, inputs: tuple[Any, ...], params: tuple[Any, ...]) -> Any:
        inner = _local.stack[-1] if _local.stack else self
        if prim.kind == "custom":  # its forward is the caller's code, and cast like it
            prim = prim.under(self)
        target = self._target(prim.name, inputs) if inner is self else None
        with below(self):
            if target is not None:
                inputs = tuple(_converted(t, target) for t in inputs)
            return prim.call(*inputs, params=params)

    def lowered(self, operands: tuple[Any, ...]) -> tuple[Any, ...]:
        low = (_local.stack[-1] if _local.stack else self).low
        return operands if low is None else tuple(_converted(t, low) for t in operands)

    def widened(self, operands: tuple[Any, ...]) -> tuple[Any, ...]:
        low = (_local.stack[-1] if _local.stack else self).low
        if low is None:
            return operands
        return tuple(cast(t, dtypes.float32) if _is_low(t) else t for t in operands)

    def _target(self, name: str, inputs: tuple[Any, ...]) -> dtypes.dtype | None:
        if self.low is None:
            return None
        if name in LOWER:
            return self.low
        if name in FLOAT32 and any(_is_low(t) for t in inputs):
            return dtypes.float32
        if name in WIDEST:
            kinds = {t.dtype for t in inputs if _castable(t)}
            return dtypes.float32 if len(kinds) > 1 else None
        return None


def _castable(t: Any) -> bool:
    return isinstance(t, Tensor) and t.dtype in (
        dtypes.float32, dtypes.bfloat16, dtypes.float16,
    )  # fmt: skip


def _is_low(t: Any) -> bool:
    return isinstance(t, Tensor) and t.dtype in (dtypes.bfloat16, dtypes.float16)


def _converted(t: Any, target: dtypes.dtype) -> Any:
    return cast(t, target) if _castable(t) else t


class _Local(threading.local):
    """The autocasts that one thread has entered; only the last one decides."""

    def __init__(self) -> None:
        self.stack: list[_Casting] = []


_local = _Local()


def _running() -> _Casting | None:
    return _local.stack[-1] if _local.stack else None


class autocast:
    """Context or decorator: products and convolutions in lower precision, where it is safe.

    Args:
        device_type: "cpu"; for any other device it is switched off, with a warning.
        dtype: bfloat16 (needs ml_dtypes) or float16; another dtype switches it off.
        enabled: False: ops keep their dtypes, also inside an outer autocast.
        cache_enabled: conversions are not cached here; kept for programs that say it.

    Raises:
        RuntimeError: no such kind of device.

    Example:
        >>> import chainrule as torch
        >>> a = torch.ones(2, 2)
        >>> with torch.autocast("cpu", dtype=torch.bfloat16):
        ...     (a @ a).dtype, (a + a).dtype
        (torch.bfloat16, torch.float32)
    """

    def __init__(
        self,
        device_type: str,
        dtype: dtypes.dtype | None = None,
        enabled: bool = True,
        cache_enabled: bool | None = None,
    ) -> None:
        if not isinstance(device_type, str):
            raise ValueError(
                f"Expected `device_type` of type `str`, got: `{type(device_type)}`\n"
                "Hint: torch.autocast('cpu')"
            )
        self.device = dtypes.device(device_type).type
        self.fast_dtype = dtype or get_autocast_dtype(self.device)
        self._enabled = bool(enabled)
        if self._enabled and self.device != "cpu":
            self._off(
                f"User provided device_type of '{device_type}', but {device_type.upper()} is not "
                "available. Disabling"
            )
        elif self._enabled and self.fast_dtype not in (dtypes.bfloat16, dtypes.float16):
            self._off(
                "In CPU autocast, but the target dtype is not supported. Disabling autocast.\n"
                "CPU Autocast only supports dtype of torch.bfloat16, torch.float16 currently."
            )
        self._entered: list[_Casting | None] = []

    def _off(self, why: str) -> None:
        warnings.warn(why, UserWarning, stacklevel=3)
        self._enabled = False

    def __enter__(self) -> autocast:
        mode = None
        if self.device == "cpu" and (self._enabled or _running() is not None):
            mode = _Casting(self.fast_dtype if self._enabled else None)
            push(mode)
            _local.stack.append(mode)
        self._entered.append(mode)
        return self

    def __exit__(self, *exc: object) -> None:
        mode = self._entered.pop()
        if mode is not None:
            pop(mode)
            _local.stack.pop()

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def decorated(*args: Any, **kwargs: Any) -> Any:
            with self:
                return function(*args, **kwargs)

        return decorated


# ---------------------------------------------------------------- questions and settings


def is_autocast_available(device_type: str) -> bool:
    """Whether PyTorch has autocast for this kind of device."""
    return dtypes.device(device_type).type in DEVICES


def is_autocast_enabled(device_type: str = "cuda") -> bool:
    """Whether an autocast for this kind of device is running in this thread."""
    mode = _running()
    return device_type == "cpu" and mode is not None and mode.low is not None


def get_autocast_dtype(device_type: str) -> dtypes.dtype:
    """The lower precision of the autocast that is running, else the one that
    `autocast(device_type)` takes by default."""
    mode = _running()
    if device_type == "cpu" and mode is not None and mode.low is not None:
        return mode.low
    return _dtype.get(device_type, dtypes.float16)


def get_autocast_cpu_dtype() -> dtypes.dtype:
    """The lower precision that `autocast("cpu")` takes by default."""
    return get_autocast_dtype("cpu")


def get_autocast_gpu_dtype() -> dtypes.dtype:
    """The lower precision that `autocast("cuda")` would take by default."""
    return get_autocast_dtype("cuda")


def set_autocast_dtype(device_type: str, dtype: dtypes.dtype) -> None:
    """Choose the lower precision that `autocast(device_type)` takes by default."""
    _dtype[dtypes.device(device_type).type] = dtype


def is_autocast_cache_enabled() -> bool:
    """What `set_autocast_cache_enabled` was told; conversions are not cached here."""
    return _cache[0]


def set_autocast_cache_enabled(enabled: bool) -> None:
    """Kept for programs that ask; conversions are not cached here."""
    _cache[0] = bool(enabled)


def clear_autocast_cache() -> None:
    """Nothing: conversions are not cached here."""


def autocast_increment_nesting() -> int:
    """How many autocasts run in this thread, one more counted."""
    return len(_local.stack) + 1


def autocast_decrement_nesting() -> int:
    """How many autocasts run in this thread, one less counted."""
    return max(len(_local.stack) - 1, 0)


# ---------------------------------------------------------------- custom functions


def custom_fwd(
    fwd: Callable[..., Any] | None = None,
    *,
    device_type: str,
    cast_inputs: dtypes.dtype | None = None,
) -> Any:
    """Decorator of `autograd.Function.forward`: with `cast_inputs`, floating point tensors come in
    that dtype and autocast is off inside.

    Example:
        >>> import chainrule as torch
        >>> class Double(torch.autograd.Function):
        ...     @staticmethod
        ...     @torch.amp.custom_fwd(device_type="cpu", cast_inputs=torch.float32)
        ...     def forward(ctx, x):
        ...         return 2 * x
        >>> Double.apply(torch.ones(1))
        tensor([2.])
    """
    if fwd is None:
        return functools.partial(custom_fwd, device_type=device_type, cast_inputs=cast_inputs)

    @functools.wraps(fwd)
    def decorated(*args: Any, **kwargs: Any) -> Any:
        args[0]._dtype = get_autocast_dtype(device_type)
        on = is_autocast_enabled(device_type)
        args[0]._fwd_used_autocast = on and cast_inputs is None
        if not on or cast_inputs is None:
            return fwd(*args, **kwargs)
        with autocast(device_type, enabled=False):
            values = [_converted(a, cast_inputs) for a in args]
            named = {k: _converted(v, cast_inputs) for k, v in kwargs.items()}
            return fwd(*values, **named)

    return decorated


def custom_bwd(bwd: Callable[..., Any] | None = None, *, device_type: str) -> Any:
    """Decorator of `autograd.Function.backward`: it runs under autocast as forward did."""
    if bwd is None:
        return functools.partial(custom_bwd, device_type=device_type)

    @functools.wraps(bwd)
    def decorated(*args: Any, **kwargs: Any) -> Any:
        on = getattr(args[0], "_fwd_used_autocast", False)
        with autocast(device_type, enabled=on, dtype=getattr(args[0], "_dtype", None)):
            return bwd(*args, **kwargs)

    return decorated
