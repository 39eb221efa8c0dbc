"""Tensors in the safetensors format."""

from __future__ import annotations

from pathlib import Path

import pytest

import chainrule as torch

pytest.importorskip("safetensors", reason="the optional package safetensors is not installed")
from chainrule.utils.safetensors import load_file, save_file


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    names = "float64 float32 float16 bfloat16 int64 int32 int16 int8 uint8 bool".split()
    tensors = {n: torch.tensor([[1, 0], [3, 4]]).to(getattr(torch, n)) for n in names}
    tensors |= {"view": torch.arange(6.0).reshape(2, 3).t(), "scalar": torch.tensor(2.5)}
    tensors["leaf"] = torch.ones(2, requires_grad=True)
    save_file(tensors, path, metadata={"format": "pt"})
    made = load_file(path)
    assert set(made) == set(tensors)
    for name, t in tensors.items():
        assert made[name].dtype is t.dtype
        assert torch.equal(made[name], t.detach())
    made["view"][0, 0] = 7


def test_refusals(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    with pytest.raises(ValueError, match="Key `a` is invalid"):
        save_file({"a": 1}, path)
    with pytest.raises(ValueError, match=r"no dtype for torch\.complex64"):
        save_file({"a": torch.ones(1, dtype=torch.complex64)}, path)
    assert not path.exists()
    path.write_bytes(b'\x10\0\0\0\0\0\0\0{"broken"')
    with pytest.raises(RuntimeError, match="is no safetensors file"):
        load_file(path)
    with pytest.raises(FileNotFoundError):
        load_file(tmp_path / "no")
    with pytest.raises(RuntimeError, match="no device"):
        load_file(path, device="cuda")
