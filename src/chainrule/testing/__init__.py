"""`torch.testing`: comparing results, and operands for tests.

What lives here: `comparison` (`assert_close`), `creation` (`make_tensor`). Who may call: users,
their tests. A value comes in as tensors, arrays, numbers or containers of them and is compared
element by element; nothing is returned.
"""

from __future__ import annotations

from .comparison import assert_allclose, assert_close
from .creation import make_tensor

__all__ = ["assert_allclose", "assert_close", "make_tensor"]
