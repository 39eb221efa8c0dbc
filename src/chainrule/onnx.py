"""`torch.onnx`: exporting is refused."""

from __future__ import annotations

from typing import Any

__all__ = ["OnnxExporterError", "export", "is_in_onnx_export"]


class OnnxExporterError(RuntimeError):
    """Errors of exporting to ONNX."""


def export(*args: Any, **kwargs: Any) -> Any:
    """Refuses: there is no exporter here.

    Raises:
        OnnxExporterError: always.
    """
    raise OnnxExporterError(
        "torch.onnx.export: chainrule has no exporter to ONNX\n"
        "Hint: torch.save(model.state_dict(), path), load it in PyTorch and export there"
    )


def is_in_onnx_export() -> bool:
    """False."""
    return False
