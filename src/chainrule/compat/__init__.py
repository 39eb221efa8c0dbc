"""Standing in for `import torch`, and saying what is missing.

What lives here: `finder`, which makes `import torch` mean chainrule in this process and in no
other; `names`, which knows every public name of PyTorch 2.13 and turns a missing one into a
message with a hint; `einops`, which tells that library of our tensors; `kernel`, the Jupyter
kernel in which `chainrule run` executes notebooks.
Who may call: `chainrule/__init__.py` re-exports these functions, the command line uses them,
nobody else; this room imports no other room: it finds the engine in `sys.modules` when asked.
Where a value comes from and goes: the name somebody typed -> the finder or a module's
`__getattr__` -> the chainrule module of the same path, or an error built from
`pytorch_names.txt`.
Importing this room is cheap: names and difflib are loaded when the first name is missing.
"""

from __future__ import annotations

from .finder import install, load_ipython_extension, uninstall, watch_einops
from .names import explain_missing, missing_name

__all__ = ["explain_missing", "install", "load_ipython_extension", "missing_name", "uninstall",
           "watch_einops"]  # fmt: skip
