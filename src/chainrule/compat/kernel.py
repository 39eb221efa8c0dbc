"""The Jupyter kernel of `chainrule run FILE.ipynb`: an IPython kernel in which `import torch` is
chainrule.

Started by the command line as a process of its own, with the Python that runs the command line,
so no kernel needs to be registered on the machine: `python -m chainrule.compat.kernel -f
CONNECTION_FILE`.
"""

from __future__ import annotations

from .finder import install

__all__ = ["main"]


def main() -> None:
    """Install the stand-in, then serve cells until the client says stop."""
    from ipykernel.kernelapp import IPKernelApp

    install()
    IPKernelApp.launch_instance()


if __name__ == "__main__":
    main()
