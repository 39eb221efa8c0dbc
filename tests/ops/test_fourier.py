"""`torch.fft`, `stft` and `istft` against NumPy and against themselves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chainrule as torch

RNG = np.random.default_rng(0)
X = RNG.standard_normal((4, 6))
Z = X + 1j * RNG.standard_normal((4, 6))
NORMS = (None, "backward", "ortho", "forward")


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("name", ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft"])
@pytest.mark.parametrize("n", [None, 3, 6, 9])
def test_one_dimension(name: str, n: int | None, norm: str | None) -> None:
    x = X if name in ("rfft", "ihfft") else Z
    found = getattr(torch.fft, name)(torch.tensor(x), n, 1, norm)
    np.testing.assert_allclose(found, getattr(np.fft, name)(x, n, 1, norm), atol=1e-12)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("name", ["fft", "ifft", "rfft", "irfft"])
@pytest.mark.parametrize("s", [None, (3, 8), (5, 6)])
def test_two_dimensions(name: str, s: Any, norm: str | None) -> None:
    x = X if name == "rfft" else Z
    for ours in (f"{name}2", f"{name}n"):
        found = getattr(torch.fft, ours)(torch.tensor(x), s, (0, 1), norm)
        expected = getattr(np.fft, f"{name}n")(x, s, (0, 1), norm)
        np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("norm", NORMS)
def test_hermitian_transforms_invert_each_other(norm: str | None) -> None:
    x = torch.tensor(X)
    for s in ((4, 6), (4, 5)):
        half = torch.fft.ihfftn(x, s, norm=norm)
        again = torch.fft.hfftn(half, s, norm=norm)
        np.testing.assert_allclose(again, X[:, : s[1]], atol=1e-12)
    np.testing.assert_allclose(
        torch.fft.hfft2(torch.fft.ihfft2(x, norm=norm), (4, 6), norm=norm), X, atol=1e-12
    )


def test_single_precision_stays() -> None:
    x = torch.ones(4, 6)
    assert torch.fft.fft(x).dtype is torch.complex64
    assert torch.fft.rfftn(x).dtype is torch.complex64
    assert torch.fft.irfft(x).dtype is torch.float32
    assert torch.fft.fft(torch.arange(3)).dtype is torch.complex64


def test_names_of_nodes() -> None:
    x, z = torch.ones(4, requires_grad=True), torch.ones(4, dtype=torch.complex64)
    assert type(torch.fft.fft(x).grad_fn).__name__ == "FftR2CBackward0"
    assert type(torch.fft.fft(z.requires_grad_()).grad_fn).__name__ == "FftC2CBackward0"
    assert type(torch.fft.irfft(z).grad_fn).__name__ == "FftC2RBackward0"
    node = torch.fft.fft(z).grad_fn
    assert (node._saved_dim, node._saved_normalization, node._saved_forward) == ((0,), 0, True)


@pytest.mark.parametrize("shift", [torch.fft.fftshift, torch.fft.ifftshift])
def test_shifts(shift: Any) -> None:
    there = getattr(np.fft, shift.__name__)
    np.testing.assert_array_equal(shift(torch.tensor(X)), there(X))
    np.testing.assert_array_equal(shift(torch.tensor(X), 1), there(X, 1))


@pytest.mark.parametrize("n", [1, 4, 5])
def test_frequencies(n: int) -> None:
    np.testing.assert_allclose(torch.fft.fftfreq(n, 0.5), np.fft.fftfreq(n, 0.5), rtol=1e-6)
    np.testing.assert_allclose(torch.fft.rfftfreq(n, 0.5), np.fft.rfftfreq(n, 0.5), rtol=1e-6)
    assert torch.isnan(torch.fft.rfftfreq(0)).all()


WRONG = [
    (lambda: torch.fft.fft(torch.ones(4), 0), RuntimeError, r"data points \(0\) specified"),
    (lambda: torch.fft.irfft(torch.ones(0)), RuntimeError, r"data points \(-2\) specified"),
    (lambda: torch.fft.fft(torch.ones(4), norm="n"), RuntimeError, "Invalid normalization mode"),
    (lambda: torch.fft.fft(torch.tensor(1.0)), IndexError, "but tensor has no dimensions"),
    (lambda: torch.fft.fft2(torch.ones(4, 4), (2,)), RuntimeError, "must have the same length"),
    (lambda: torch.fft.fftn(torch.ones(4), (2, 2)), RuntimeError, "Got shape with 2 values"),
    (lambda: torch.fft.fftn(torch.ones(4), dim=(0, 0)), RuntimeError, "dims must be unique"),
    (lambda: torch.fft.rfft(torch.ones(4) * 1j), RuntimeError, "rfft expects a real input"),
    (lambda: torch.fft.rfftn(torch.ones(4) * 1j), RuntimeError, "expects a real-valued input"),
    (lambda: torch.fft.rfftn(torch.ones(4), dim=()), RuntimeError, "at least one axis"),
    (lambda: torch.fft.fft(torch.ones(4).half()), RuntimeError, "Unsupported dtype Half"),
    (lambda: torch.fft.fft([1.0]), TypeError, "must be Tensor, not list"),
    (lambda: torch.fft.fft(torch.ones(4), 2.5), TypeError, "'n' .*must be int, not float"),
    (lambda: torch.fft.fftfreq(-1), RuntimeError, "negative dimension -1"),
    (lambda: torch.stft(torch.ones(40), 8), RuntimeError, "requires the return_complex"),
    (lambda: torch.stft(torch.ones(3), 8, return_complex=True), RuntimeError, "Padding size"),
    (lambda: torch.istft(torch.ones(5, 3), 8), RuntimeError, "requires a complex-valued input"),
    (lambda: torch.istft(torch.ones(5, 3) * 1j, 8, 9), RuntimeError, "0 < hop_length <= win"),
    (
        lambda: torch.istft(torch.ones(5, 3) * 1j, 8, window=torch.zeros(8)),
        RuntimeError,
        "window overlap add min: 1",
    ),
]


@pytest.mark.parametrize(("call", "kind", "text"), WRONG)
def test_wrong_input(call: Any, kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=text):
        call()


@pytest.mark.parametrize("window", [None, "hann"])
@pytest.mark.parametrize("onesided", [True, False])
@pytest.mark.parametrize("win_length", [8, 6])
def test_istft_inverts_stft(window: str | None, onesided: bool, win_length: int) -> None:
    x = torch.tensor(RNG.standard_normal((2, 40)))
    w = None if window is None else torch.hann_window(win_length, dtype=torch.float64)
    options = {"win_length": win_length, "window": w, "onesided": onesided}
    spectra = torch.stft(x, 8, return_complex=True, **options)
    assert spectra.shape == (2, 5 if onesided else 8, 21)
    np.testing.assert_allclose(torch.istft(spectra, 8, **options), x, atol=1e-12)


def test_stft_is_the_transform_of_frames() -> None:
    x = RNG.standard_normal(30)
    found = torch.stft(torch.tensor(x), 8, 4, center=False, return_complex=True)
    frames = np.lib.stride_tricks.sliding_window_view(x, 8)[::4]
    np.testing.assert_allclose(found, np.fft.rfft(frames).T, atol=1e-12)
    pairs = torch.stft(torch.tensor(x), 8, 4, center=False, return_complex=False)
    assert pairs.shape == (*found.shape, 2)


@pytest.mark.parametrize("mode", ["reflect", "constant", "replicate", "circular"])
def test_padding_of_stft(mode: str) -> None:
    x = RNG.standard_normal(30)
    words = {"replicate": "edge", "circular": "wrap"}
    padded = torch.tensor(np.pad(x, 4, words.get(mode, mode)))
    found = torch.stft(torch.tensor(x), 8, pad_mode=mode, return_complex=True)
    expected = torch.stft(padded, 8, center=False, return_complex=True)
    np.testing.assert_allclose(found, expected, atol=1e-12)
