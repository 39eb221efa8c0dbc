"""Executes `examples/a_neuron.ipynb` with the real PyTorch and stores its outputs; is no test.

    .venv-oracle/bin/python -m pip install nbclient ipykernel
    .venv-oracle/bin/python tests/compat/record_example.py

Edit the notebook's cells first, in any editor; this script replaces the outputs only.
"""

from __future__ import annotations

from pathlib import Path

NOTEBOOK = Path(__file__).parents[2] / "examples" / "a_neuron.ipynb"


def main() -> None:
    """Run all cells in the kernel of this Python and write the notebook back."""
    import nbformat
    import torch
    from nbclient import NotebookClient

    notebook = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(notebook, coalesce_streams=True, record_timing=False).execute()
    notebook.metadata["language_info"] = {"name": "python"}  # no version of this machine
    nbformat.validate(notebook)
    nbformat.write(notebook, NOTEBOOK)
    print(f"{NOTEBOOK.name}: {len(notebook.cells)} cells executed with torch {torch.__version__}")


if __name__ == "__main__":
    main()
