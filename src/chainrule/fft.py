"""`torch.fft`: the discrete Fourier transforms declared in `ops/`."""

from .ops import later, namespace

globals().update(namespace("fft"))
__getattr__ = later("fft", globals())
