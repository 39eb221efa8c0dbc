"""Fourier transforms, spectrograms, windows, differences."""
