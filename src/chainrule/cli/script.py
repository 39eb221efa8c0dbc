"""Runs a script as `python FILE` would, except that `import torch` is chainrule."""

from __future__ import annotations

import os
import runpy
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from ..compat import install

__all__ = ["run_script"]

INTERRUPTED = 130


def run_script(path: Path, args: Sequence[str]) -> int:
    """Execute the script as `__main__`; returns the exit code, lets its SystemExit pass."""
    install()
    sys.argv = [str(path), *args]
    _put_first_on_path(os.path.dirname(os.path.realpath(path)))
    try:
        runpy.run_path(str(path), run_name="__main__")
    except SystemExit:
        raise
    except BaseException as error:
        _report(error, str(path))
        return INTERRUPTED if isinstance(error, KeyboardInterrupt) else 1
    return 0


def _put_first_on_path(folder: str) -> None:
    """As Python does for a script: its folder stands where this command's folder stood."""
    if getattr(sys.flags, "safe_path", False):  # python -P: there is no such entry
        return
    sys.path[0] = folder


def _report(error: BaseException, path: str) -> None:
    """Show the error through the script's own excepthook, if it set one."""
    frames = _from_script(error.__traceback__, path)
    sys.excepthook(type(error), error.with_traceback(frames), frames)


def _from_script(frames: TracebackType | None, path: str) -> TracebackType | None:
    """The traceback from the script's first frame on, without those of this command and runpy."""
    while frames is not None and frames.tb_frame.f_code.co_filename != path:
        frames = frames.tb_next
    return frames
