"""`torch.__config__`: what this build consists of: Python, NumPy and its BLAS."""

from __future__ import annotations

import platform
from typing import Any

import numpy as np

from .kernels.blas import get_num_threads
from .version import __version__

__all__ = ["parallel_info", "show"]


def _blas() -> str:
    config: Any = np.show_config("dicts")
    found = config.get("Build Dependencies", {}).get("blas", {})
    return f"{found.get('name', 'unknown')} {found.get('version', '')}".strip()


def show() -> str:
    """What computes here, one line each.

    Example:
        >>> import chainrule as torch
        >>> torch.__config__.show().splitlines()[0]
        'chainrule built with:'
    """
    return (
        "chainrule built with:\n"
        f"  - version {__version__}\n"
        f"  - Python {platform.python_version()}\n"
        f"  - NumPy {np.__version__}\n"
        f"  - BLAS {_blas()}\n"
    )


def parallel_info() -> str:
    """How many threads large products of matrices use; nothing else is divided among threads."""
    return f"threads of products : {get_num_threads()}\nother threads : 1\n"
