"""Imports every file of programs, so that their programs are in the list of `asked.py`."""

from surface import (
    around_programs,
    attention_programs,
    fx_programs,
    library_programs,
    tree_programs,
)

__all__ = [
    "around_programs",
    "attention_programs",
    "fx_programs",
    "library_programs",
    "tree_programs",
]
