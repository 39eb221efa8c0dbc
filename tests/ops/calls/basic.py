"""Calls of the ops that are loaded with chainrule."""

from __future__ import annotations

from typing import Any

import numpy as np
from ops.calls.sample import Sample, i64, mask, numbers, on, positive, values

import chainrule as torch

x23, x34, x33, x234 = values(2, 3), values(3, 4), values(3, 3), values(2, 3, 4)
y23, y33, y34 = values(2, 3, seed=1), values(3, 3, seed=1), values(3, 4, seed=1)
z23, z33 = numbers(2, 3), numbers(3, 3)
scalar = values()
NO = (None,) * 8

BY_HAND: dict[str, list[Sample]] = {}

# ---------------------------------------------------------------- conversions, shapes

BY_HAND |= {
    "to_dtype": [on(x23)(torch.float64), on(x23)(torch.complex128), on(i64([1, 2]))(torch.float64)],
    "_view_dtype": [on(i64([[1, 2], [3, 4]]))(torch.int64)],
    "reshape": [on(x23)((3, 2)), on(x23)((6,)), on(scalar)((1, 1))],
    "_unsafe_view": [on(x23)((3, 2))],
    "expand": [on(x23)((4, 2, 3)), on(values(3, 1))((3, 5)), on(scalar)((2, 2))],
    "transpose": [on(x23)(0, 1), on(x234)(0, 2)],
    "permute": [on(x234)((2, 0, 1))],
    "as_strided": [
        on(x34)((2, 2), (4, 1), 1, None),
        on(x34)((4, 3), (1, 2), 0, None),
        on(x34)((2, 2), (0, 1), 3, None),
    ],
    "strided_sum": [on(x23)((3, 4), (4, 1), 1, None), on(values(4, 3))((3, 4), (1, 2), 0, None)],
    "copy_slices": [on(x34, values(2, 2))((2, 2), (4, 1), 1, None)],
    "squeeze": [on(values(1, 3, 1))(None)],
    "squeeze_dim": [on(values(1, 3, 1))(2)],
    "squeeze_dims": [on(values(1, 3, 1))((0, 2))],
    "unsqueeze": [on(x23)(1), on(scalar)(0)],
    "t": [on(x23)(), on(values(4))()],
    "flip": [on(x23)((1,)), on(x234)((0, 2))],
    "roll": [on(x23)((1,), (1,)), on(x23)((1, -1), (0, 1))],
    "rot90": [on(x23)(1, (0, 1)), on(x23)(2, (0, 1))],
    "repeat": [on(x23)((2, 1)), on(x23)((2, 1, 3))],
    "diagonal": [on(x34)(0, 0, 1), on(x234)(1, 1, 2)],
    "diagonal_copy": [on(x34)(0, 0, 1)],
    "diagonal_backward": [on(values(3))((3, 4), 0, 0, 1)],
    "diag_embed": [on(x23)(0, 1, 2), on(values(3))(1, 0, 1)],
    "tril": [on(x33)(0), on(x34)(-1), on(x34)(1)],
    "triu": [on(x33)(0), on(x34)(-1), on(x34)(1)],
    "unfold": [on(values(7))(0, 3, 2), on(x34)(1, 2, 1)],
    "unfold_backward": [on(values(3, 3))((7,), 0, 3, 2)],
    "cat": [on(x23, y23)(0), on(x23, values(2, 1), y23)(1)],
    "stack": [on(x23, y23)(0), on(x23, y23)(2), on(scalar, values(seed=1))(0)],
    "block_diag": [on(x23, x34)()],
    "split": [on(x34)(2, 0), on(x34)(2, 1)],
    "split_with_sizes": [on(x34)((1, 3), 1)],
    "unbind": [on(x23)(0), on(x23)(1)],
    "copy": [on(x23, y23)(), on(x23, values(3))()],
    "fill": [on(x23, scalar)(), on(x23, 2.5)()],
}

# ---------------------------------------------------------------- complex numbers

BY_HAND |= {
    "conj": [on(z23)()],
    "conj_physical": [on(z23)()],
    "real": [on(z23)()],
    "imag": [on(z23)()],
    "view_as_real": [on(z23)()],
    "view_as_complex": [on(values(3, 2))()],
    "complex": [on(x23, y23)()],
    "polar": [on(positive(2, 3), y23)()],
}

# ---------------------------------------------------------------- parts of a tensor

rows, grid = i64([2, 0, 2]), i64([[0, 2, 1, 0], [1, 0, 2, 2]])
flat, mask23 = i64([[0, 5], [3, 5]]), mask(2, 3)

BY_HAND |= {
    "select": [on(x23)(0, 1), on(x234)(1, 2)],
    "select_backward": [on(values(3))((2, 3), 0, 1)],
    "slice": [on(x34)(0, 1, 3, 1), on(x34)(1, 0, 4, 2)],
    "slice_backward": [on(values(2, 4))((3, 4), 0, 1, 3, 1)],
    "index": [
        on(x34, rows, *NO[1:])((0,)),
        on(x34, rows, i64([[1], [3]]), *NO[2:])((0, 1)),
        on(x23, mask23, *NO[1:])((0,)),
    ],
    "index_put_canonical": [
        on(x34, values(3, 4, seed=2), i64([2, 0, 1]), *NO[1:])((0,), False),
        on(x34, values(4), rows, *NO[1:])((0,), True),
        on(x34, scalar, i64([2, 0]), i64([3, 1]), *NO[2:])((0, 1), False),
    ],
    "gather": [on(x34, grid)(0), on(x34, grid)(1)],
    "scatter": [
        on(x34, i64([[2, 0, 1, 0]]), values(1, 4))(0),
        on(x34, i64([[2, 0], [1, 3]]), values(2, 2))(1),
    ],
    "scatter_value": [on(x34, i64([[2, 0, 1, 0]]))(0, 1.5)],
    "scatter_add": [on(x34, grid, values(2, 4))(0), on(x34, grid, values(2, 4))(1)],
    "scatter_reduce": [
        on(x34, grid, values(2, 4))(0, how, include)
        for how in ("sum", "prod", "mean", "amax", "amin")
        for include in (True, False)
    ],
    "index_select": [on(x34, rows)(0), on(x34, rows)(1)],
    "index_add": [on(x34, rows, values(3, 4, seed=3))(0, 1), on(x34, rows, values(3, 3))(1, 2.0)],
    "index_copy": [on(x34, i64([2, 0]), values(2, 4))(0)],
    "index_fill": [on(x34, rows)(1, 1.5)],
    "index_fill_tensor": [on(x34, rows, scalar)(1)],
    "take": [on(x23, flat)()],
    "put": [on(x23, i64([0, 4]), values(2))(False), on(x23, flat, values(2, 2))(True)],
    "masked_fill": [on(x23, mask23)(1.5), on(x23, mask(3))(1.5)],
    "masked_fill_tensor": [on(x23, mask23, scalar)()],
    "masked_select": [on(x23, mask23)()],
    "masked_scatter": [on(x23, mask23, values(6))()],
    "masked_scatter_backward": [on(x23, mask23)((6,))],
    "nonzero": [on(x23 * mask23)()],
    "nonzero_static": [on(x23 * mask23)(2, -1), on(x23 * mask23)(9, 0)],
    "select_scatter": [on(x34, values(4))(0, 1)],
    "slice_scatter": [on(x34, values(2, 4))(0, 0, 3, 2)],
    "diagonal_scatter": [on(x34, values(3))(0, 0, 1)],
    "fill_diagonal": [on(x34)(1.5, False), on(values(7, 2))(1.5, True)],
}

# ---------------------------------------------------------------- elementwise with parameters

BY_HAND |= {
    "pow": [
        on(positive(2, 3), y23)(),
        on(positive(3), y23)(),
        on(x23, 3)(),
        on(x23, 2)(),
        on(positive(2, 3), 0.5)(),
    ],
    "rpow": [on(x23, 2.5)()],
    "polygamma_of": [on(positive(2, 3))(0), on(positive(2, 3))(1), on(positive(2, 3))(2)],
    "round_decimals": [on(x23)(0)],
    "logit": [on(values(2, 3, low=0.1, high=0.9))(None), on(values(2, 3, low=0.1, high=0.9))(0.2)],
    "where": [on(mask23, x23, y23)(), on(mask(3), x23, values(seed=1))()],
    "clamp": [on(x23)(-0.7, 0.9), on(x23)(None, 0.5), on(x23)(-0.5, None)],
}

# ---------------------------------------------------------------- activations, losses, norms

LOSSES = ("none", "mean", "sum")
probabilities, targets01 = (
    values(2, 3, low=0.1, high=0.9),
    values(2, 3, low=0.05, high=0.95, seed=1),
)
classes, channels, signs = i64([2, 0]), values(3), np.sign(y23)


def for_each(reductions: Any, *operands: Any, rest: tuple[Any, ...] = ()) -> list[Sample]:
    return [Sample(operands, (r, *rest)) for r in reductions]


BY_HAND |= {
    "threshold": [on(x23)(0.1, -0.5)],
    "threshold_in_place": [on(x23)(0.1, -0.5)],
    "glu": [on(x34)(1), on(values(4, 3))(0)],
    "softmax": [on(x23)(1), on(x23)(0)],
    "log_softmax": [on(x23)(1), on(x23)(0)],
    "mse_loss": for_each(LOSSES, x23, y23),
    "huber_loss": for_each(LOSSES, x23, y23, rest=(0.7,)),
    "smooth_l1_loss": for_each(LOSSES, x23, y23, rest=(0.7,)),
    "soft_margin_loss": for_each(LOSSES, x23, signs),
    "binary_cross_entropy": [
        *for_each(LOSSES, probabilities, targets01, None),
        on(probabilities, targets01, positive(2, 3))("mean"),
    ],
    "binary_cross_entropy_with_logits": [
        *for_each(LOSSES, x23, targets01, None, None),
        on(x23, targets01, positive(2, 3), positive(3))("mean"),
    ],
    "nll_loss": [
        *for_each(LOSSES, x23, classes, None, rest=(-100,)),
        on(x23, classes, positive(3))("mean", -100),
        on(x23, classes, positive(3))("mean", 0),
    ],
    "nll_loss2d": [on(x234, i64([[2, 0, 1, 1], [0, 0, 2, 1]]), None)("mean", -100)],
    "nll_loss_backward": [
        on(scalar, classes, None)((2, 3), "mean", -100),
        on(values(2), classes, positive(3))((2, 3), "none", -100),
    ],
    "class_mask": [on(classes)(3)],
    "label_counts": [on(i64([[2, 0, -1], [1, -1, 0]]))(3)],
    "multi_margin_loss": [
        on(x23, classes, None)("mean", 1, 1.0),
        on(x23, classes, positive(3))("none", 2, 0.5),
    ],
    "multilabel_margin_loss": for_each(LOSSES, x23, i64([[2, -1, 0], [0, 1, -1]])),
    "embedding": [
        on(x34, i64([[2, 0], [1, 2]]))(-1, False),
        on(x34, i64([2, 0, 0]))(0, True)._replace(exact=False),
    ],
    "embedding_dense_backward": [
        on(values(3, 4), i64([2, 0, 0]))(3, -1, False),
        on(values(3, 4), i64([2, 0, 0]))(3, 0, True),
    ],
    "embedding_gather": [on(x34, i64([2, 0, 0]))(-1, False)],
    "native_layer_norm": [
        on(x34, values(4), values(4, seed=1))(1, 1e-5),
        on(x234, None, None)(2, 1e-5),
    ],
    "rms_norm": [
        on(x34, values(4))(1, 1e-5),
        on(x234, None)(2, 1e-5),
        on(x34[0], values(4))(1, 0.1),
    ],
    "native_batch_norm": [
        on(x234, channels, values(3, seed=1), None, None)(1e-5),
        on(x234, None, None, values(3, seed=2), positive(3))(1e-5)._replace(constant=(3, 4)),
    ],
    "native_group_norm": [
        on(values(2, 4, 3), values(4), values(4, seed=1))(2, 1e-5),
        on(values(2, 4), None, None)(2, 1e-5),
    ],
}

# ---------------------------------------------------------------- reductions, running reductions

ALONG = [on(x23)(1), on(x234)(0), on(values(1))(0)]

BY_HAND |= {
    "max_dim": [on(x23)(1, False), on(x23)(0, True)],
    "min_dim": [on(x23)(1, False), on(x23)(0, True)],
    "argmax": [on(x23)(None, False), on(x23)(1, False), on(x23)(0, True)],
    "argmin": [on(x23)(None, False), on(x23)(1, False), on(x23)(0, True)],
    "prod": [
        on(x23)(None, False),
        on(x23)((1,), False),
        on(np.array([[1.5, 0.0], [0.0, 0.0], [2.0, 0.5]]))((1,), True),
    ],
    "cummax": ALONG,
    "cummin": ALONG,
    "cumsum": ALONG,
    "cumprod": [
        *ALONG,
        on(np.array([1.5, 0.0, -2.0, 0.5]))(0),
        on(np.array([1.5, 0.0, -2.0, 0.0, 2.0]))(0),
    ],
    "logcumsumexp": ALONG,
    "recurrence": [on(x34, y34)(1), on(x34, y34)(0)],
}

# ---------------------------------------------------------------- products of matrices

x45, batch, batch2 = values(4, 5), values(2, 3, 4), values(2, 4, 5)

BY_HAND |= {
    "matmul": [
        on(x34, x45)(),
        on(batch, batch2)(),
        on(batch, x45)(),
        on(values(1, 2, 3), values(4, 3, 2))(),
    ],
    "outer": [on(values(3), values(4))()],
    "vdot": [on(values(4), values(4, seed=1))()],
    "addmm": [on(values(3, 5), x34, x45)(1, 1), on(values(5), x34, x45)(0.5, 2.0)],
    "addmv": [on(values(3), x34, values(4))(1, 1), on(values(3), x34, values(4))(0.5, 2.0)],
    "baddbmm": [on(values(2, 3, 5), batch, batch2)(1, 1), on(values(5), batch, batch2)(0.5, 2.0)],
    "addr": [on(x34, values(3), values(4))(1, 1), on(x34, values(3), values(4))(0.5, 2.0)],
    "addbmm": [on(values(3, 5), batch, batch2)(1, 1), on(values(3, 5), batch, batch2)(0.5, 2.0)],
    "linear": [on(x34, values(5, 4))(), on(batch, values(5, 4))()],
    "affine": [on(values(5), x34, values(5, 4))()],
    "affine_any": [on(values(5), batch, values(5, 4))()],
    "contract": [
        on(batch, batch2)((0, 1, 2), (0, 2, 3), (0, 3, 1)),
        on(x34, x45)((1, 2), (2, 3), (3, 1)),
    ],
    "linalg_cross": [on(x23, y23)(1), on(values(3, 2), values(3, 2, seed=1))(0)],
}

# ---------------------------------------------------------------- order

BY_HAND |= {
    "sort": [on(x34)(1, False), on(x34)(0, True)],
    "argsort": [on(x34)(1, False), on(x34)(0, True)],
    "topk": [on(x34)(2, 1, True), on(x34)(2, 0, False)],
    "kthvalue": [on(x34)(2, 1, False), on(x34)(1, 0, True)],
    "mode": [on(x34)(1, False), on(x34)(0, True)],
    "median_dim": [on(x34)(1, False), on(x34)(0, True)],
    "nanmedian_dim": [on(x34)(1, False), on(x34)(0, True)],
    "searchsorted": [
        on(np.sort(values(6)), x23)(False),
        on(np.sort(x34, axis=1), values(3, 2))(True),
    ],
}
