"""`torch.utils.dlpack`: sharing memory with other libraries (`ops/interop/interop.py`)."""

from ..ops.interop import interop

__all__ = ["from_dlpack", "to_dlpack"]

from_dlpack, to_dlpack = interop.from_dlpack, interop.to_dlpack
