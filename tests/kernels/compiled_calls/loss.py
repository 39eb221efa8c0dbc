"""Losses: each reduction, targets that are ignored, weights of classes."""

import numpy as np
from kernels.compiled_calls import SPECIAL, numbers

REDUCTIONS = ("none", "mean", "sum")
PAIRS = [
    (numbers(7), numbers(7, seed=1)),
    (numbers(3, 700), numbers(3, 700, seed=1)),
    (SPECIAL, numbers(len(SPECIAL))),
]


def _pairs(*parameters: float) -> list[tuple[object, ...]]:
    return [(*pair, how, *parameters) for pair in PAIRS for how in REDUCTIONS]


def _chances(*shape: int, seed: int) -> np.ndarray:
    return numbers(*shape, seed=seed, low=0.0, high=1.0)


_X, _T = numbers(9, 700, seed=2), np.arange(9) * 50
_SMALL, _FEW = numbers(5, 3, seed=3), np.array([2, 0, 1, 1, 2])
_W = _chances(3, seed=4)
_IGNORED = np.array([2, -100, 1, 0, -100])
_CLASSES = [(_X, _T, None), (_SMALL, _FEW, None), (_SMALL, _FEW, _W)]

CALLS = {
    "mse": _pairs(),
    "huber": [*_pairs(1.0), *_pairs(0.3)],
    "smooth_l1": [*_pairs(1.0), *_pairs(0.3)],
    "soft_margin": _pairs(),
    "bce": [
        (_chances(*shape, seed=5), _chances(*shape, seed=6), None, how)
        for shape in ((7,), (3, 700))
        for how in REDUCTIONS
    ]
    + [(np.float32([0.0, 1.0, 1e-40, 0.0]), np.float32([1.0, 0.0, 1.0, 0.0]), None, "none")]
    + [(_chances(7, seed=5), _chances(7, seed=6), _chances(7, seed=7), "sum")],
    "bce_with_logits": [(x, y, None, None, how) for x, y in PAIRS[:2] for how in REDUCTIONS]
    + [(*PAIRS[0], numbers(7, seed=8), None, "sum"), (*PAIRS[0], None, numbers(7), "mean")],
    "cosine": [
        (numbers(*shape), numbers(*shape, seed=1), dim, eps)
        for shape, dim in (((7,), 0), ((5, 300), 1), ((5, 300), 0), ((2, 3, 40), 2))
        for eps in (1e-8, 30.0)
    ]
    + [(np.zeros((2, 3), np.float32), numbers(2, 3), 1, 1e-8)],
    "nll": [(*c, how, ignored) for c in _CLASSES for how in REDUCTIONS for ignored in (-100, 1)]
    + [(_SMALL, _IGNORED, w, how, -100) for w in (None, _W) for how in REDUCTIONS],
    "nll_backward": [
        (g, t, w, x.shape, how, ignored)
        for x, t, w in (*_CLASSES, (_SMALL, _IGNORED, None), (_SMALL, _IGNORED, _W))
        for how, g in (
            ("mean", np.float32(2.0)),
            ("sum", np.array(-1, "f")),
            ("none", numbers(len(t))),
        )
        for ignored in (-100,)
    ],
    "multi_margin": [
        (*c, how, p, margin)
        for c in _CLASSES
        for how in REDUCTIONS
        for p, margin in ((1, 1.0), (2, 0.5))
    ],
}
CALLS["multi_margin_back"] = [
    (g, *c, how, p, margin)
    for c in _CLASSES
    for how, g in (
        ("mean", np.float32(2.0)),
        ("sum", np.array(-1, "f")),
        ("none", numbers(len(c[1]))),
    )
    for p, margin in ((1, 1.0), (2, 0.5))
]
_LABELLED = [
    (numbers(3, 20), np.random.default_rng(1).integers(-1, 20, (3, 20))),
    (numbers(2, 3), np.array([[0, 0, 2], [-1, 1, 1]])),
    (numbers(1, 40, low=-0.5, high=0.5), np.arange(40)[None] % 7),
]
CALLS["multilabel_margin"] = [(*c, how) for c in _LABELLED for how in REDUCTIONS]
CALLS["multilabel_margin"] += [(x[0], t[0], "sum") for x, t in _LABELLED]
CALLS["multilabel_margin_back"] = [
    (g, *c, how)
    for c in _LABELLED
    for how, g in (
        ("mean", np.float32(2.0)),
        ("sum", np.array(-1, "f")),
        ("none", numbers(len(c[0]))),
    )
]
TOLERANCE = {"cosine": -2e-6, "soft_margin": 1e-5, "bce_with_logits": -1e-6}
