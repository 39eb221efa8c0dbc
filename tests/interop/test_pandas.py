"""Columns of pandas made of tensors, and tensors made of columns."""

from __future__ import annotations

import pytest

import chainrule as torch

pandas = pytest.importorskip("pandas")
DTYPES = "float32 float64 int64 int32 int8 uint8 bool complex64".split()


@pytest.mark.parametrize("dtype", DTYPES)
def test_series_keep_values_and_dtype(dtype: str) -> None:
    t = torch.tensor([0, 1, 2]).to(getattr(torch, dtype))
    series = pandas.Series(t)
    assert str(series.dtype) == dtype and series.tolist() == t.tolist()
    back = torch.tensor(series)
    assert back.dtype is t.dtype and torch.equal(back, t)


def test_frames_take_tensors_as_columns_and_as_a_whole() -> None:
    frame = pandas.DataFrame({"a": torch.tensor([1.5, 2.5]), "b": torch.arange(2)})
    assert frame.dtypes.astype(str).tolist() == ["float32", "int64"]
    frame["c"] = torch.tensor([True, False])
    assert frame.assign(d=torch.ones(2)).columns.tolist() == ["a", "b", "c", "d"]
    assert pandas.DataFrame(torch.zeros(2, 3)).shape == (2, 3)


def test_tensors_take_series_and_frames() -> None:
    frame = pandas.DataFrame({"a": [1, 2], "b": [3, 4]}, index=[7, 9])
    assert torch.tensor(frame).tolist() == [[1, 3], [2, 4]]
    assert torch.as_tensor(frame["b"]).tolist() == [3, 4]
    assert torch.asarray(frame["a"] * 0.5).dtype is torch.float64
    missing = torch.tensor(pandas.Series([1, None]))
    assert missing[0] == 1 and missing[1].isnan()


def test_a_recorded_tensor_is_no_column() -> None:
    with pytest.raises(RuntimeError, match=r"Can't call numpy\(\) on Tensor that requires grad"):
        pandas.Series(torch.ones(2, requires_grad=True))


def test_words_are_no_numbers() -> None:
    with pytest.raises(TypeError, match=r"can't convert np\.ndarray"):
        torch.tensor(pandas.Series(["a", "b"], dtype=object))
