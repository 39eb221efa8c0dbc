"""x"""
from __future__ import annotations
import numpy as np
from ..core.declare import TO_FLOAT, elementwise
sin = elementwise("sin", np.sin, lambda xp, g, x: g * xp.cos(x), promote=TO_FLOAT, doc="sin x; d sin x = cos x dx.")
cos = elementwise("cos", np.cos, lambda xp, g, x: -g * xp.sin(x), promote=TO_FLOAT, doc="cos x; d cos x = -sin x dx.")
exp = elementwise("exp", np.exp, lambda xp, g, out: g * out, promote=TO_FLOAT, doc="e^x")
def _pow(xp,g,a,b):
    if type(b) is int or type(b) is float:
        if b == 2:
            return g * (2 * a)
        if b == 0: return g * 0
        return g * (b * xp.pow(a, b - 1))
    return g * (b * xp.pow(a, b - 1))
pow = elementwise("pow", lambda a,b: a**b, a=_pow, b=lambda xp, g, a, b, out: g * (out * xp.log(a)), operator="__pow__")
