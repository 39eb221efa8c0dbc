"""Calls of the ops that move, pad, resize and read images."""

from __future__ import annotations

from typing import Any

import numpy as np
from ops.calls.sample import Sample, i64, on, values

BY_HAND: dict[str, list[Sample]] = {}
x1, x2, x3 = values(2, 3, 5), values(1, 2, 4, 6), values(1, 2, 3, 4, 2)

BY_HAND |= {
    "pixel_shuffle": [on(values(1, 8, 2, 3))(2), on(values(4, 1, 2))(2)],
    "pixel_unshuffle": [on(values(1, 2, 4, 6))(2), on(values(1, 3, 3))(3)],
    "channel_shuffle": [on(values(2, 6, 2))(2), on(values(1, 6, 2, 2))(3)],
    "native_channel_shuffle": [on(values(2, 6, 2))(3)],
    "_channel_unshuffle": [on(values(2, 6, 2))(2)],
}

# ---------------------------------------------------------------- padding

one, two, three = ((1, 2),), ((1, 0), (-1, 2)), ((0, 1), (1, 1), (1, 0))
BY_HAND |= {
    "constant_pad_nd": [on(x1)(one, 0.0), on(x2)(two, 1.5)],
    "pad_by": [on(x1)(one, "reflect"), on(x2)(two, "circular")],
    "pad_transpose": [
        on(values(2, 3, 8))(one, "reflect", (5,)),
        on(values(1, 2, 5, 7))(two, "replicate", (4, 6)),
        on(values(2, 3, 8))(one, "circular", (5,)),
    ],
}
for _name in ("reflection", "replication", "circular"):
    BY_HAND |= {
        f"{_name}_pad1d": [on(x1)(one), on(x1)(((-1, 2),))],
        f"{_name}_pad2d": [on(x2)(two)],
        f"{_name}_pad3d": [on(x3)(three)],
    }

# ---------------------------------------------------------------- resizing


def plan(kind: str, aligned: bool, *sizes: tuple[int, int]) -> Any:
    return tuple((kind, n, m, None, aligned) for n, m in sizes)


_UP1, _UP2, _UP3 = ((5, 9),), ((4, 7), (6, 3)), ((3, 5), (4, 2), (2, 3))
for _name, _kind in (
    ("upsample_nearest", "nearest"), ("upsample_nearest_exact", "exact"), ("area", "area"),
):  # fmt: skip
    BY_HAND |= {
        f"{_name}1d": [on(x1)(plan(_kind, False, *_UP1))],
        f"{_name}2d": [on(x2)(plan(_kind, False, *_UP2))],
        f"{_name}3d": [on(x3)(plan(_kind, False, *_UP3))],
    }
BY_HAND |= {
    "upsample_linear1d": [on(x1)(plan("linear", a, *_UP1)) for a in (False, True)],
    "upsample_bilinear2d": [on(x2)(plan("linear", a, *_UP2)) for a in (False, True)],
    "upsample_bicubic2d": [on(x2)(plan("cubic", a, *_UP2)) for a in (False, True)],
    "upsample_trilinear3d": [on(x3)(plan("linear", a, *_UP3)) for a in (False, True)],
    "upsample_bilinear2d_aa": [on(x2)(plan("smooth linear", False, *_UP2))],
    "upsample_bicubic2d_aa": [on(x2)(plan("smooth cubic", False, *_UP2))],
    "upsample_lanczos2d_aa": [on(values(1, 1, 30, 2))(plan("smooth lanczos", False, (30, 4)))],
    "resample": [on(x1)(plan("linear", False, *_UP1)), on(values(2, 40))(plan("area", 0, (40, 3)))],
    "resample_transpose": [
        on(values(2, 3, 9))(plan("linear", False, *_UP1)),
        on(values(1, 2, 7, 3))(plan("cubic", True, *_UP2)),
        on(values(2, 3))(plan("area", False, (40, 3))),
    ],
}
BY_HAND["upsample_lanczos2d_aa"] = [
    on(values(1, 1, 30, 5))(plan("smooth lanczos", False, (30, 4), (5, 7)))
]

# ---------------------------------------------------------------- reading at places

grid2 = values(1, 3, 2, 2, low=-1.3, high=1.3)
grid3 = values(1, 2, 2, 1, 3, low=-1.2, high=1.2)
places = i64([[0, 3, -1, 3], [5, 1, 2, -1]])
theta2, theta3 = values(2, 2, 3), values(1, 3, 4)

BY_HAND |= {
    "grid_sampler_2d": [
        on(x2, grid2)("bilinear", "zeros", False),
        on(x2, grid2)("bilinear", "reflection", True),
        on(x2, grid2)("bicubic", "border", False),
        on(x2, grid2)("bicubic", "reflection", False),
        on(x2, grid2)("nearest", "zeros", False),
    ],
    "grid_sampler_3d": [
        on(x3, grid3)("bilinear", "zeros", False),
        on(x3, grid3)("bilinear", "border", True),
    ],
    "grid_places": [on(values(2, 3, low=-1, high=5), values(2, 3, low=0, high=3), None)((4, 3))],
    "grid_gather": [on(values(2, 3, 6), places)()],
    "grid_scatter": [on(values(2, 3, 4), places)(6)],
    "affine_grid_generator": [on(theta2)((2, 1, 3, 4), False), on(theta3)((1, 1, 2, 1, 3), True)],
    "affine_grid_transpose": [
        on(values(2, 3, 4, 2))((2, 1, 3, 4), False),
        on(values(1, 2, 1, 3, 3))((1, 1, 2, 1, 3), True),
    ],
}

REFERENCES = {
    "constant_pad_nd": lambda x, pads, value: np.pad(
        x, [(0, 0)] * (x.ndim - len(pads)) + [(max(a, 0), max(b, 0)) for a, b in pads],
        constant_values=value,
    )[(..., *(slice(max(-a, 0), None if b >= 0 else b) for a, b in pads))],
}  # fmt: skip
