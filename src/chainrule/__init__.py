"""chainrule: PyTorch's autograd, rebuilt in Python on NumPy. `import chainrule as torch` and a
program runs.

Lives here: the torch-shaped public names, re-exported and nothing else. The ops come from the
registry (`ops/`), so a new declaration is public without a line here. Importing this imports NumPy
and nothing else heavy. A name that PyTorch has and chainrule lacks, or that nobody has, gives an
AttributeError with the nearest that exists.
"""

from __future__ import annotations

import gc as _gc
import importlib as _importlib
import math as _math
import warnings as _warnings
from typing import Any as _Any

# Thousands of objects are made now and none of them is garbage: the collector need not look.
_collecting = _gc.isenabled()
_gc.disable()

from .dtypes import (
    bfloat16,
    bool_ as bool,
    channels_last,
    channels_last_3d,
    complex64,
    complex128,
    contiguous_format,
    device,
    dtype,
    finfo,
    float16,
    float32,
    float64,
    iinfo,
    int8,
    int16,
    int32,
    int64,
    layout,
    memory_format,
    preserve_format,
    sparse_coo,
    strided,
    uint8,
    uint16,
    uint32,
    uint64,
)
from .core.printing import set_printoptions
from .core.tensor import Size, Tensor
from .kernels.memory import keep_freed as _keep_freed
from .ops import later as _later, namespace as _namespace
from .ops.make.random import Generator, default_generator

# NumPy's floating point warnings are noise to a program written for PyTorch, which has none (NaN
# and inf are values);
# only those raised by code of this package are silenced, the user's own NumPy is left alone.
_warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"chainrule(\.|$)")

_keep_freed()

globals().update(_namespace(""))
_late = _later("", globals())

half, float, double = float16, float32, float64
short, int, long = int16, int32, int64
cfloat, cdouble = complex64, complex128
legacy_contiguous_format = contiguous_format
pi, e, inf, nan, newaxis = _math.pi, _math.e, _math.inf, _math.nan, None

from . import autograd, linalg, nn, optim, random, return_types, special, version
from .autograd import enable_grad, inference_mode, no_grad, set_grad_enabled
from .autograd.grad_mode import is_grad_enabled, is_inference_mode_enabled
from .compat import install, load_ipython_extension, uninstall
from .version import __version__
from . import compat as _compat

_compat.explain_missing([autograd, linalg, nn, nn.functional, optim, random, special, Tensor])
_compat.watch_einops()

_LOADED_WHEN_NAMED = {  # everybody would pay for them at import
    "utils": (".utils", ""),
    "fx": (".fx", ""),
    "func": (".func", ""),
    "distributions": (".distributions", ""),
    "vmap": (".func", "vmap"),
    "fft": (".fft", ""),
    "library": (".library", ""),
    "masked": (".masked", ""),
    "signal": (".signal", ""),
    "get_num_threads": (".kernels.blas", "get_num_threads"),
    "set_num_threads": (".kernels.blas", "set_num_threads"),
    "serialization": (".serialization", ""),
    "save": (".serialization", "save"),
    "load": (".serialization", "load"),
    "safe_where": (".autograd.branches", "safe_where"),
    "is_anomaly_enabled": (".autograd.anomaly_mode", "is_anomaly_enabled"),
    "is_anomaly_check_nan_enabled": (".autograd.anomaly_mode", "is_anomaly_check_nan_enabled"),
    "compile": (".compiler", "compile"),
}
for _place, _words in (
    ("", "cuda backends mps xpu cpu accelerator amp jit compiler hub onnx overrides types testing "
     "distributed sparse profiler __config__ __future__ _C array_api"),
    ("._settings", "are_deterministic_algorithms_enabled compiled_with_cxx11_abi "
     "get_default_device get_deterministic_debug_mode get_float32_matmul_precision "
     "get_num_interop_threads is_deterministic_algorithms_warn_only_enabled is_storage "
     "is_warn_always_enabled set_default_device set_default_tensor_type "
     "set_deterministic_debug_mode set_float32_matmul_precision set_flush_denormal "
     "set_num_interop_threads set_warn_always typename use_deterministic_algorithms"),
    ("._legacy_types", "FloatTensor DoubleTensor HalfTensor BFloat16Tensor LongTensor IntTensor "
     "ShortTensor CharTensor ByteTensor BoolTensor"),
    (".amp.autocast_mode", "autocast autocast_decrement_nesting autocast_increment_nesting "
     "clear_autocast_cache get_autocast_dtype get_autocast_cpu_dtype get_autocast_gpu_dtype "
     "is_autocast_cache_enabled is_autocast_enabled "
     "set_autocast_cache_enabled set_autocast_dtype"),
    ("._leftovers", "cond frobenius_norm norm_except_dim set_anomaly_enabled"),
):  # fmt: skip
    for _name in _words.split():
        _LOADED_WHEN_NAMED[_name] = (_place, _name) if _place else ("." + _name, "")


def __getattr__(name: str) -> _Any:
    place = _LOADED_WHEN_NAMED.get(name)
    if place is None:
        try:
            return _late(name)
        except AttributeError:
            names = [*globals(), *_LOADED_WHEN_NAMED]
            raise _compat.missing_name("torch", name, names) from None
    module = _importlib.import_module(place[0], __name__)
    if not place[1]:
        _compat.explain_missing([module])
    found = globals()[name] = getattr(module, place[1]) if place[1] else module
    return found


if _collecting:
    if not _gc.get_freeze_count():  # count what was made now as old, without looking through it
        _gc.freeze()
        _gc.unfreeze()
    _gc.enable()
