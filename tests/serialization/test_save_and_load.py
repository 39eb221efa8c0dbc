"""torch.save and torch.load: round trips, PyTorch's files, hostile files, killed processes."""

from __future__ import annotations

import io
import os
import pickle
import random
import signal
import stat
import time
import zipfile
from collections import Counter, OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from serialization.hostile import MARKER, container, files

import chainrule as torch
from chainrule.serialization import atomic

DATA = Path(__file__).resolve().parent.parent / "data"


def again(obj: Any, **options: Any) -> Any:
    buffer = io.BytesIO()
    torch.save(obj, buffer)
    buffer.seek(0)
    return torch.load(buffer, **options)


# ---------------------------------------------------------------- round trips


@pytest.mark.parametrize(
    "name",
    "float64 float32 float16 bfloat16 int64 int32 int16 int8 uint8 bool complex64 complex128 "
    "uint16 uint32 uint64".split(),
)
def test_every_dtype(name: str) -> None:
    dtype = getattr(torch, name)
    x = torch.tensor([[1, 0, 3], [0, 5, 6]]).to(dtype)
    made = again(x)
    assert made.dtype is dtype
    assert torch.equal(made, x)


def test_containers_and_numbers() -> None:
    obj = {
        "list": [1, -2, 2**80, 1.5, True, None, "text", b"bytes", bytearray(b"b")],
        "set": {1, 2}, "tuple": (1, (2, ())), "ordered": OrderedDict(b=1, a=2),
        "counter": Counter("aab"), "size": torch.Size([2, 3]), "dtype": torch.float16,
        "device": torch.device("cpu"), 3: {"nested": [{}]},
    }  # fmt: skip
    made = again(obj)
    assert made == obj
    assert list(made["ordered"]) == ["b", "a"]
    assert type(made["ordered"]) is OrderedDict
    assert type(made["size"]) is torch.Size


def test_a_list_that_holds_itself() -> None:
    own: list[Any] = [1]
    own.append(own)
    made = again(own)
    assert made[1] is made


def test_views_share_their_memory_again() -> None:
    x = torch.arange(12.0).reshape(3, 4)
    made = again({"x": x, "row": x[1], "t": x.t(), "again": x, "part": x[:, ::2]})
    made["x"][1, 2] = 99
    assert made["row"][2] == 99
    assert made["t"][2, 1] == 99
    assert made["part"][1, 1] == 99
    assert made["t"].stride() == (1, 4)
    assert again(x.expand(2, 3, 4)).stride() == (0, 4, 1)


def test_shapes_without_elements_and_without_dimensions() -> None:
    for x in (torch.zeros(0, 3), torch.tensor(2.5), torch.zeros(0), torch.ones(1, 1, 1)):
        made = again(x)
        assert made.shape == x.shape
        assert torch.equal(made, x)


def test_leaves_and_parameters() -> None:
    w = torch.ones(2, requires_grad=True)
    made = again([w, w * 2, torch.nn.Parameter(torch.ones(3)), w.detach()])
    assert [t.requires_grad for t in made] == [True, True, True, False]
    assert all(t.is_leaf for t in made)
    assert type(made[2]) is torch.nn.Parameter


def test_flipped_memory_is_copied() -> None:
    x = torch.from_numpy(np.arange(4.0)[::-1].copy())
    assert torch.equal(again(x.flip(0)), x.flip(0))


def test_mapped(tmp_path: Path) -> None:
    path = tmp_path / "m.pt"
    torch.save({"a": torch.arange(1000.0), "e": torch.zeros(0)}, path)
    made = torch.load(path, mmap=True)
    assert torch.equal(made["a"], torch.arange(1000.0))
    made["a"][0] = 5
    assert torch.load(path)["a"][0] == 0
    with pytest.raises(ValueError, match="must be a file path"):
        torch.load(io.BytesIO(path.read_bytes()), mmap=True)


def test_entries_are_aligned() -> None:
    buffer = io.BytesIO()
    torch.save([torch.ones(n) for n in (1, 5, 3)], buffer)
    with zipfile.ZipFile(buffer) as made:
        for info in made.infolist():
            extra = len(info.extra)
            assert (info.header_offset + 30 + len(info.filename) + extra) % 64 == 0


def test_other_byte_order() -> None:
    buffer = io.BytesIO()
    torch.save(torch.tensor([1.0, 2.0]), buffer)
    changed = io.BytesIO()
    with zipfile.ZipFile(buffer) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name.endswith("byteorder"):
                data = b"big" if data == b"little" else b"little"
            if name.endswith("data/0"):
                data = np.frombuffer(data, np.uint32).byteswap().tobytes()
            new.writestr(name, data)
    changed.seek(0)
    assert torch.load(changed).tolist() == [1.0, 2.0]


# ---------------------------------------------------------------- files of PyTorch


def test_files_of_pytorch() -> None:
    """`pytorch.pt` was made by `tools/record_serialization.py` with PyTorch 2.13."""
    made = torch.load(DATA / "pytorch.pt")
    assert torch.equal(made["a"], torch.arange(6.0).reshape(2, 3))
    made["a"][1, 0] = 9
    assert made["view"].tolist() == [9, 4, 5]
    assert type(made["parameter"]) is torch.nn.Parameter
    assert made["bfloat16"].dtype is torch.bfloat16
    assert made["uint16"].tolist() == [1, 2]
    assert made["state"]["param_groups"][0]["lr"] == 0.001
    assert made["state"]["state"][0]["step"] == 1
    assert made["weights"]["0.weight"].shape == (3, 2)
    assert made["complex"].tolist() == [1 + 2j]
    assert made["size"] == torch.Size([2, 3])


def test_names_in_files_are_those_of_pytorch() -> None:
    buffer = io.BytesIO()
    torch.save(
        {"x": torch.ones(1), "p": torch.nn.Parameter(torch.ones(1)), "d": torch.int8}, buffer
    )
    with zipfile.ZipFile(buffer) as made:
        content = made.read("archive/data.pkl")
    assert b"chainrule" not in content
    for name in (b"torch._utils\n_rebuild_tensor_v2", b"torch\nFloatStorage", b"torch\nint8",
                 b"torch._utils\n_rebuild_parameter"):  # fmt: skip
        assert name in content


def test_a_whole_module() -> None:
    layer = torch.nn.Linear(2, 3)
    with pytest.raises(pickle.UnpicklingError, match=r"torch\.nn\.modules\.linear\.Linear was not"):
        again(layer)
    made = again(layer, weights_only=False)
    assert torch.equal(made.weight, layer.weight)


# ---------------------------------------------------------------- what is allowed


class Point:
    def __init__(self, x: int = 0) -> None:
        self.x = x


def test_classes_that_the_user_allows() -> None:
    with pytest.raises(pickle.UnpicklingError, match=r"Point was not an allowed global"):
        again(Point(3))
    with torch.serialization.safe_globals([Point]):
        assert again(Point(3)).x == 3
        assert torch.serialization.get_safe_globals() == [Point]
    with pytest.raises(pickle.UnpicklingError):
        again(Point(3))
    torch.serialization.add_safe_globals([(Point, f"{__name__}.Point")])
    assert again([Point(4)])[0].x == 4
    assert again({"class": Point, "all": [Point]}) == {"class": Point, "all": [Point]}
    torch.serialization.clear_safe_globals()
    assert again(Point(5), weights_only=False).x == 5


def test_unsafe_names_of_a_file() -> None:
    buffer = io.BytesIO()
    torch.save([Point(), torch.ones(1), os.getcwd], buffer)
    buffer.seek(0)
    found = torch.serialization.get_unsafe_globals_in_checkpoint(buffer)
    assert set(found) >= {f"{__name__}.Point"}
    assert "torch._utils._rebuild_tensor_v2" not in found


@pytest.mark.parametrize(
    ("name", "content", "said"), list(files()), ids=lambda v: v if type(v) is str else ""
)
def test_hostile_files(
    name: str, content: bytes, said: str, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises((pickle.UnpicklingError, RuntimeError, EOFError)) as caught:
        torch.load(io.BytesIO(content))
    assert said in str(caught.value)
    assert not (tmp_path / MARKER).exists()
    assert list(tmp_path.iterdir()) == []


def test_random_damage_never_runs_or_crashes() -> None:
    buffer = io.BytesIO()
    torch.save({"a": torch.arange(20.0), "b": [1, "x"], "c": OrderedDict(d=torch.ones(2))}, buffer)
    with zipfile.ZipFile(buffer) as made:
        good, storages = (
            made.read("archive/data.pkl"),
            {f"data/{i}": made.read(f"archive/data/{i}") for i in range(2)},
        )
    draw = random.Random(0)
    for _ in range(500):
        damaged = bytearray(good)
        for _ in range(draw.randint(1, 4)):
            damaged[draw.randrange(len(damaged))] = draw.randrange(256)
        try:
            torch.load(io.BytesIO(container(bytes(damaged), storages)))
        except (pickle.UnpicklingError, RuntimeError):
            continue


# ---------------------------------------------------------------- writing


def test_an_error_while_writing_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    torch.save(torch.ones(3), path)
    with pytest.raises((AttributeError, pickle.PicklingError)):
        torch.save([torch.zeros(3), lambda: 1], path)
    with pytest.raises(ZeroDivisionError), atomic.replacing(path) as file:
        file.write(b"half")
        raise ZeroDivisionError
    assert torch.load(path).tolist() == [1, 1, 1]
    assert [p.name for p in tmp_path.iterdir()] == ["x.pt"]


@pytest.mark.skipif(os.name != "posix", reason="permissions and links of POSIX")
def test_permissions_and_links_are_kept(tmp_path: Path) -> None:
    path, link = tmp_path / "x.pt", tmp_path / "link.pt"
    torch.save(1, path)
    path.chmod(0o640)
    link.symlink_to(path)
    torch.save(2, link)
    assert link.is_symlink()
    assert torch.load(path) == 2
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_places_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"Parent directory .* does not exist"):
        torch.save(1, tmp_path / "no" / "x.pt")
    with pytest.raises(IsADirectoryError):
        torch.save(1, tmp_path)
    with pytest.raises(AttributeError, match="expected 'f' to be string, path, or a file-like"):
        torch.save(1, 5)
    with pytest.raises(FileNotFoundError):
        torch.load(tmp_path / "no.pt")
    with pytest.raises(AttributeError, match=r"You can only torch\.load from a file"):
        torch.load(5)
    with pytest.raises(RuntimeError, match="Attempting to deserialize object on a CUDA device"):
        again(torch.ones(1), map_location="cuda")
    assert again(torch.ones(1), map_location=lambda storage, place: storage) == 1
    assert again(torch.ones(1), map_location={"cuda:0": "cpu"}) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills a forked process")
def test_two_hundred_kills_leave_the_old_or_the_new_file(tmp_path: Path) -> None:
    path = tmp_path / "w.pt"
    draw = random.Random(1)
    torch.save(torch.full((20_000,), 0.0), path)
    seen = set()
    delay = 0.012  # grows while no child gets as far as a whole file: a busy machine is slower
    for n in range(1, 201):
        child = os.fork()
        if not child:
            try:
                while True:
                    torch.save(torch.full((20_000,), float(n)), path)
            finally:
                os._exit(1)
        time.sleep(draw.random() * delay)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        made = torch.load(path)
        assert made.shape == (20_000,)
        assert bool((made == made[0]).all())
        assert made[0].item() <= n
        delay *= 0.9 if made[0].item() == n else 1.1
        seen.add(made[0].item())
    assert len(seen) > 20
    for left in tmp_path.glob(".w.pt.*.tmp"):
        left.unlink()
    assert [p.name for p in tmp_path.iterdir()] == ["w.pt"]
