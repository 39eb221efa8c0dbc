"""`torch.sin_(x)` and its kin: functions that PyTorch has of methods, made from the methods.

PyTorch gives most in-place methods a function of the same name, and a few methods besides. The
tables say which; each function checks that its first argument is a tensor and calls the method.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ... import errors
from ...core.declare import public
from ...core.tensor import Tensor
from ..math import special  # noqa: F401  # has i0_

IN_PLACE = """
    abs_ acos_ acosh_ addmv_ arccos_ arccosh_ arcsin_ arcsinh_ arctan_ arctanh_ as_strided_ asin_
    asinh_ atan_ atanh_ ceil_ clamp_max_ clamp_min_ conj_physical_ cos_ cosh_ deg2rad_ detach_ erf_
    erfc_ exp2_ exp_ expm1_ fill_ fix_ floor_ frac_ gcd_ i0_ index_put_ lcm_ ldexp_ log10_ log1p_
    log2_ log_ logit_ nan_to_num_ neg_ negative_ rad2deg_ reciprocal_ resize_as_ round_ rsqrt_
    sigmoid_ sin_ sinc_ sinh_ sqrt_ square_ tan_ tanh_ trunc_ xlogy_ zero_
"""
OTHERS = "detach get_device is_inference is_neg is_signed"


def _function(name: str) -> Callable[..., Any]:
    method = getattr(Tensor, name)

    def function(input: Any, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(input, Tensor):
            raise errors.wrong_type(name, "input", 1, input)
        return method(input, *args, **kwargs)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""`input.{name}(...)`.

    Args:
        input: a tensor, which is changed if the name ends in _.

    Example:
        >>> import chainrule as torch
        >>> callable(torch.{name})
        True
    """
    return public(name)(function)


for _name in f"{IN_PLACE} {OTHERS}".split():
    _function(_name)
