"""`torch`: the public functions by name, for the files of this room; late families are loaded when
asked for."""

from __future__ import annotations

from typing import Any

from .. import dtypes
from ..core.primitive import PUBLIC
from ..core.tensor import Size, Tensor
from ..ops.late import FAMILY_OF, load

__all__ = ["Size", "Tensor", "torch"]


class _Functions:
    """Attribute `a.b` gives the public function torch.a.b; dtypes and their facts too."""

    Size, Tensor, finfo = Size, Tensor, dtypes.finfo
    float64, int64, bool = dtypes.float64, dtypes.int64, dtypes.bool_

    def __init__(self, prefix: str = "") -> None:
        self._prefix = prefix

    def __getattr__(self, name: str) -> Any:
        path = self._prefix + name
        if path not in PUBLIC:
            family = FAMILY_OF.get(path)
            if family is None:
                raise AttributeError(f"no public function torch.{path} is declared", name=name)
            load(family)
        found = PUBLIC[path]
        setattr(self, name, found)
        return found


torch: Any = _Functions()
torch.linalg, torch.special = _Functions("linalg."), _Functions("special.")
torch.F = _Functions("nn.functional.")
