"""The command `chainrule`: run a program written for PyTorch, or check it without running it.

What lives here: `app` is the click command group; `run` with `script` and `notebook` executes a
file, `compare` tells whether a notebook's stored outputs were reproduced, `show` prints cells and
outputs; `check` with `source` and `uses` reads a file by `ast` and lists the torch names that
chainrule lacks; `info` and `bench` report on the installation and its speed; `files` refuses bad
input in one line.
Who may call: the console script `chainrule` and `python -m chainrule`; no other room.
Where a value comes from and goes: the command line -> click -> one function -> an exit code:
0 done, 1 the program failed or a name is missing, 2 bad input, 130 interrupted.
click, rich and Jupyter are optional: nothing here is imported by `import chainrule`.
"""

from __future__ import annotations

import importlib.util
import sys

__all__ = ["main"]


def main() -> int:
    """Run the command line; without click one line says how to get it."""
    if importlib.util.find_spec("click") is None:
        print('chainrule: needs click: pip install "chainrule[notebook]"', file=sys.stderr)
        return 1
    from .app import app

    app(prog_name="chainrule")
    return 0
