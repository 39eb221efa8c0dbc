"""The optional extension: kernels in C (src/chainrule/kernels/native/). Without a compiler the
install goes on without it; everything else is in pyproject.toml."""

import sys
from pathlib import Path

import numpy
from setuptools import Extension, setup

HERE = Path("src/chainrule/kernels/native")
FLAGS = ["/O2"] if sys.platform == "win32" else ["-O3", "-fno-math-errno", "-fno-trapping-math"]

setup(
    ext_modules=[
        Extension(
            "chainrule.kernels._native",
            sources=sorted(str(path) for path in HERE.glob("*.c")),
            depends=sorted(str(path) for path in HERE.glob("*.h")),
            include_dirs=[numpy.get_include()],
            extra_compile_args=FLAGS,
            optional=True,
        )
    ]
)
