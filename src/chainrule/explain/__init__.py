"""The chain rule told: what each step of a backward pass multiplies with, and why.

Lives here: `symbols`, the third reading of the derivative rules (after arrays and recorded
tensors), which gives their formulas as text, so an explanation cannot differ from what is computed.
Who may call: `nn` and rooms to its right; users through `chainrule`. A value comes from the
registry (`core/primitive.py`): the rule that the op's declaration in `ops/` gives.
"""

from .symbols import formula

__all__ = ["formula"]
