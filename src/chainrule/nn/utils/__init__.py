"""`torch.nn.utils`: what is done to parameters and gradients.

Lives here: clipping, parameters as one vector, weights computed from others (`parametrize`),
pruning, packed sequences (`rnn`), fusing layers. Who may call: users and `nn/modules/rnn.py`. A
value comes from a module or its parameters, which most of these change in place. `parametrize`,
`parametrizations`, `prune`, `rnn` and `stateless` are loaded when they are named.
"""

from __future__ import annotations

import importlib
from typing import Any

from .clip_grad import (
    clip_grad_norm,
    clip_grad_norm_,
    clip_grad_value_,
    clip_grads_with_norm_,
    get_total_norm,
)
from .convert_parameters import parameters_to_vector, vector_to_parameters
from .fusion import (
    fuse_conv_bn_eval,
    fuse_conv_bn_weights,
    fuse_linear_bn_eval,
    fuse_linear_bn_weights,
)
from .init import skip_init
from .memory_format import (
    convert_conv2d_weight_memory_format,
    convert_conv3d_weight_memory_format,
)
from .spectral_norm import remove_spectral_norm, spectral_norm
from .weight_norm import remove_weight_norm, weight_norm

__all__ = [
    "clip_grad_norm",
    "clip_grad_norm_",
    "clip_grad_value_",
    "clip_grads_with_norm_",
    "convert_conv2d_weight_memory_format",
    "convert_conv3d_weight_memory_format",
    "fuse_conv_bn_eval",
    "fuse_conv_bn_weights",
    "fuse_linear_bn_eval",
    "fuse_linear_bn_weights",
    "get_total_norm",
    "parameters_to_vector",
    "parametrizations",
    "parametrize",
    "prune",
    "remove_spectral_norm",
    "remove_weight_norm",
    "rnn",
    "skip_init",
    "spectral_norm",
    "stateless",
    "vector_to_parameters",
    "weight_norm",
]

_LOADED_WHEN_NAMED = ("parametrizations", "parametrize", "prune", "rnn", "stateless")


def __getattr__(name: str) -> Any:
    if name in _LOADED_WHEN_NAMED:
        return importlib.import_module("." + name, __name__)
    raise AttributeError(f"module 'torch.nn.utils' has no attribute '{name}'", name=name)
