"""`GradScaler`: the loss times a large number, so that small gradients do not become zero; the
optimizer step divides it out again and is skipped where something overflowed."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from enum import Enum
from typing import Any

import numpy as np

from .. import dtypes
from ..core.tensor import Tensor, own, wrap

__all__ = ["GradScaler", "OptState"]


class OptState(Enum):
    """What has been done with an optimizer since the last `update`."""

    READY = 0
    UNSCALED = 1
    STEPPED = 2


class GradScaler:
    """Scales losses, unscales gradients, and adapts the scale.

    Args:
        device: "cpu"; for any other device it is switched off, with a warning.
        init_scale: the first scale.
        growth_factor: what the scale is multiplied by after `growth_interval` good steps.
        backoff_factor: what it is multiplied by after a step with inf or NaN.
        growth_interval: steps without inf or NaN until the scale grows.
        enabled: False: losses pass unscaled and steps are taken as they are.

    Example:
        >>> import chainrule as torch
        >>> w = torch.nn.Parameter(torch.ones(1))
        >>> optimizer = torch.optim.SGD([w], lr=0.5)
        >>> scaler = torch.amp.GradScaler("cpu")
        >>> scaler.scale((w * w).sum()).backward()
        >>> _ = scaler.step(optimizer)
        >>> scaler.update()
        >>> w.item(), scaler.get_scale()
        (0.0, 65536.0)
    """

    def __init__(
        self,
        device: str = "cuda",
        init_scale: float = 2.0**16,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        self._device = dtypes.device(device).type
        self._enabled = enabled
        if enabled and self._device != "cpu":
            warnings.warn(
                f"torch.{self._device}.amp.GradScaler is enabled, but {self._device.upper()} is "
                "not available.  Disabling.",
                UserWarning,
                stacklevel=2,
            )
            self._enabled = False
        if self._enabled:
            assert growth_factor > 1.0, "The growth factor must be > 1.0."
            assert backoff_factor < 1.0, "The backoff factor must be < 1.0."
        self._scale, self._good = float(init_scale), 0
        self._growth, self._backoff = growth_factor, backoff_factor
        self._interval = growth_interval
        self._states: dict[int, tuple[OptState, bool]] = {}

    # ------------------------------------------------------------ the four steps of a program

    def scale(self, outputs: Any) -> Any:
        """`outputs` (a tensor or an iterable of them) times the scale."""
        if not self._enabled:
            return outputs
        if isinstance(outputs, Tensor):
            return outputs * self._scale
        if isinstance(outputs, Iterable):
            scaled = map(self.scale, outputs)
            return type(outputs)(scaled) if isinstance(outputs, (list, tuple)) else scaled
        raise ValueError("outputs must be a Tensor or an iterable of Tensors")

    def unscale_(self, optimizer: Any) -> None:
        """Divide the gradients of the optimizer's parameters by the scale, in place.

        Raises:
            RuntimeError: called twice, or after `step`, since the last `update`.
        """
        if not self._enabled:
            return
        state, _ = self._state_of(optimizer)
        if state is OptState.UNSCALED:
            raise RuntimeError(
                "unscale_() has already been called on this optimizer since the last update()."
            )
        if state is OptState.STEPPED:
            raise RuntimeError("unscale_() is being called after step().")
        self._states[id(optimizer)] = OptState.UNSCALED, self._divide(optimizer)

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """`optimizer.step(...)`, unless a gradient has inf or NaN; unscales before if need be.

        Raises:
            RuntimeError: called twice since the last `update`, or with a closure.
        """
        if not self._enabled:
            return optimizer.step(*args, **kwargs)
        if "closure" in kwargs:
            raise RuntimeError("Closure use is not currently supported if GradScaler is enabled.")
        if self._state_of(optimizer)[0] is OptState.STEPPED:
            raise RuntimeError("step() has already been called since the last update().")
        if self._state_of(optimizer)[0] is OptState.READY:
            self.unscale_(optimizer)
        bad = self._state_of(optimizer)[1]
        self._states[id(optimizer)] = OptState.STEPPED, bad
        return None if bad else optimizer.step(*args, **kwargs)

    def update(self, new_scale: float | Tensor | None = None) -> None:
        """Adapt the scale to what the steps since the last `update` found, or set it.

        Raises:
            AssertionError: no step was taken.
        """
        if not self._enabled:
            return
        if new_scale is not None:
            self._scale = float(new_scale)
        else:
            assert self._states, "No inf checks were recorded prior to update."
            self._adapt(any(bad for _, bad in self._states.values()))
        self._states = {}

    def _adapt(self, bad: bool) -> None:
        if bad:
            self._scale, self._good = self._scale * self._backoff, 0
            return
        self._good += 1
        if self._good == self._interval:
            self._scale, self._good = self._scale * self._growth, 0

    def _state_of(self, optimizer: Any) -> tuple[OptState, bool]:
        return self._states.get(id(optimizer), (OptState.READY, False))

    def _divide(self, optimizer: Any) -> bool:
        """Unscale; whether something is not finite."""
        bad, inverse = False, 1.0 / self._scale
        for group in optimizer.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                if p.grad.dtype is dtypes.float16:
                    raise ValueError("Attempting to unscale FP16 gradients.")
                data = own(p.grad._values() if p.grad.is_sparse else p.grad)
                bad = bad or not bool(np.isfinite(data).all())
                p.grad.mul_(inverse)
        return bad

    # ------------------------------------------------------------ questions and settings

    def is_enabled(self) -> bool:
        """Whether it scales at all."""
        return self._enabled

    def get_scale(self) -> float:
        """The scale; 1.0 when switched off."""
        return self._scale if self._enabled else 1.0

    def get_growth_factor(self) -> float:
        """What the scale grows by."""
        return self._growth

    def set_growth_factor(self, new_factor: float) -> None:
        """Choose what the scale grows by."""
        self._growth = new_factor

    def get_backoff_factor(self) -> float:
        """What the scale shrinks by."""
        return self._backoff

    def set_backoff_factor(self, new_factor: float) -> None:
        """Choose what the scale shrinks by."""
        self._backoff = new_factor

    def get_growth_interval(self) -> int:
        """Good steps until the scale grows."""
        return self._interval

    def set_growth_interval(self, new_interval: int) -> None:
        """Choose the good steps until the scale grows."""
        self._interval = new_interval

    def state_dict(self) -> dict[str, Any]:
        """The scale and the counters; empty when switched off."""
        if not self._enabled:
            return {}
        return {
            "scale": self._scale,
            "growth_factor": self._growth,
            "backoff_factor": self._backoff,
            "growth_interval": self._interval,
            "_growth_tracker": self._good,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` returned.

        Raises:
            RuntimeError: an empty dict, from a scaler that was switched off.
        """
        if not self._enabled:
            return
        if not state_dict:
            raise RuntimeError(
                "The source state dict is empty, possibly because it was saved from a disabled "
                "instance of GradScaler."
            )
        self._scale = float(state_dict["scale"])
        self._growth, self._backoff = state_dict["growth_factor"], state_dict["backoff_factor"]
        self._interval = state_dict["growth_interval"]
        self._good = state_dict["_growth_tracker"]

    def _get_scale_async(self) -> Tensor:
        return wrap(np.float32(self._scale))
