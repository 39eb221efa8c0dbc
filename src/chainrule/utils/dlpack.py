"""`torch.utils.dlpack`: sharing memory with other libraries (`ops/interop.py`)."""

from ..ops import interop

__all__ = ["from_dlpack", "to_dlpack"]

from_dlpack, to_dlpack = interop.from_dlpack, interop.to_dlpack
