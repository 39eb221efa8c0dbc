"""`torch.optim.lr_scheduler`: schedules of learning rates.

The schedules stand in `schedules` (a formula for every epoch), `schedule_cycles` (up and down),
`schedule_groups` (made of others, and the one that looks at the loss), on `schedule_base`."""

from .schedule_base import EPOCH_DEPRECATION_WARNING, LRScheduler, _LRScheduler
from .schedule_cycles import CosineAnnealingWarmRestarts, CyclicLR, OneCycleLR
from .schedule_groups import ChainedScheduler, ReduceLROnPlateau, SequentialLR
from .schedules import (
    ConstantLR,
    CosineAnnealingLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    MultiplicativeLR,
    MultiStepLR,
    PolynomialLR,
    StepLR,
)

__all__ = [
    "EPOCH_DEPRECATION_WARNING", "ChainedScheduler", "ConstantLR", "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts", "CyclicLR", "ExponentialLR", "LRScheduler", "LambdaLR",
    "LinearLR", "MultiStepLR", "MultiplicativeLR", "OneCycleLR", "PolynomialLR",
    "ReduceLROnPlateau", "SequentialLR", "StepLR", "_LRScheduler",
]  # fmt: skip
