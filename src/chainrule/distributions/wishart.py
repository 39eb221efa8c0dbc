"""The Wishart distribution."""

from __future__ import annotations

import math
import warnings
from numbers import Number
from typing import Any

from . import constraints
from ._torch import Size, Tensor, torch
from .chi2 import Chi2
from .exp_family import ExponentialFamily
from .multivariate_normal import one_matrix, scale_tril_of
from .utils import lazy_property

__all__ = ["Wishart"]


class Wishart(ExponentialFamily):
    """Sums of x x^T over `df` independent normal vectors x of mean 0.

    Samples by Bartlett's decomposition: a triangle of normal numbers with chi numbers on its
    diagonal.

    Args:
        df: degrees of freedom, above n - 1; a number or a tensor.
        covariance_matrix: of x, positive definite, shape (..., n, n).
        precision_matrix: its inverse.
        scale_tril: its Cholesky factor.
        validate_args: check parameters and samples.

    Example:
        >>> import chainrule as torch
        >>> torch.distributions.Wishart(torch.tensor(3.0), torch.eye(2)).mean
        tensor([[3., 0.],
                [0., 3.]])
    """

    support = constraints.positive_definite
    has_rsample = True
    _mean_carrier_measure = 0

    @property
    def arg_constraints(self) -> dict[str, Any]:
        return {
            "covariance_matrix": constraints.positive_definite,
            "precision_matrix": constraints.positive_definite,
            "scale_tril": constraints.lower_cholesky,
            "df": constraints.greater_than(self._event_shape[-1] - 1),
        }

    def __init__(
        self,
        df: Any,
        covariance_matrix: Any = None,
        precision_matrix: Any = None,
        scale_tril: Any = None,
        validate_args: Any = None,
    ) -> None:
        name, matrix = one_matrix(AssertionError, covariance_matrix, precision_matrix, scale_tril)
        if matrix.dim() < 2:
            raise ValueError(
                "scale_tril must be at least two-dimensional, with optional leading batch "
                "dimensions"
            )
        if isinstance(df, Number):
            df = torch.tensor(df, dtype=matrix.dtype)
        batch_shape = torch.broadcast_shapes(df.shape, matrix.shape[:-2])
        event_shape = matrix.shape[-2:]
        self.df = df.expand(batch_shape)
        setattr(self, name, matrix.expand(batch_shape + (-1, -1)))
        n = event_shape[-1]
        if self.df.le(n - 1).any():
            raise ValueError(f"Value of df={df} expected to be greater than ndim - 1 = {n - 1}.")
        super().__init__(batch_shape, event_shape, validate_args=validate_args)
        if self.df.lt(n).any():
            warnings.warn(
                "Low df values detected. Singular samples are highly likely to occur for ndim - 1 "
                "< df < ndim.",
                stacklevel=2,
            )
        self._unbroadcasted_scale_tril = scale_tril_of(name, matrix)
        self._dist_chi2 = self._squares(batch_shape)

    def _squares(self, batch_shape: Any) -> Chi2:
        n = self._event_shape[-1]
        rows = torch.arange(n, dtype=self._unbroadcasted_scale_tril.dtype)
        return Chi2(self.df.unsqueeze(-1) - rows.expand(Size(batch_shape) + (-1,)))

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        new = self._get_checked_instance(Wishart, _instance)
        new._unbroadcasted_scale_tril = self._unbroadcasted_scale_tril
        names = ("df", "covariance_matrix", "scale_tril", "precision_matrix")
        self._expanded(Wishart, batch_shape, new, *names)
        new._dist_chi2 = new._squares(batch_shape)
        return new

    def _square(self, matrix: Tensor) -> Tensor:
        return matrix.expand(self._batch_shape + self._event_shape)

    @lazy_property
    def scale_tril(self) -> Tensor:
        return self._square(self._unbroadcasted_scale_tril)

    @lazy_property
    def covariance_matrix(self) -> Tensor:
        lower = self._unbroadcasted_scale_tril
        return self._square(lower @ lower.mT)

    @lazy_property
    def precision_matrix(self) -> Tensor:
        return self._square(torch.cholesky_inverse(self._unbroadcasted_scale_tril))

    @property
    def mean(self) -> Tensor:
        return self.df.view(self._batch_shape + (1, 1)) * self.covariance_matrix

    @property
    def mode(self) -> Tensor:
        factor = self.df - self.covariance_matrix.shape[-1] - 1
        factor = torch.where(factor <= 0, math.nan, factor)
        return factor.view(self._batch_shape + (1, 1)) * self.covariance_matrix

    @property
    def variance(self) -> Tensor:
        v = self.covariance_matrix
        diagonal = v.diagonal(dim1=-2, dim2=-1)
        products = diagonal.unsqueeze(-1) * diagonal.unsqueeze(-2)
        return self.df.view(self._batch_shape + (1, 1)) * (v.pow(2) + products)

    def _bartlett_sampling(self, sample_shape: Any = ()) -> Tensor:
        n = self._event_shape[-1]
        noise = self._dist_chi2.rsample(sample_shape).sqrt().diag_embed(dim1=-2, dim2=-1)
        rows, columns = torch.tril_indices(n, n, offset=-1)
        shape = Size(sample_shape) + self._batch_shape + (n * (n - 1) // 2,)
        noise[..., rows, columns] = torch.randn(shape, dtype=noise.dtype)
        root = self._unbroadcasted_scale_tril @ noise
        return root @ root.mT

    def rsample(self, sample_shape: Any = (), max_try_correction: Any = None) -> Tensor:
        """Samples; singular ones (by rounding) are drawn again, `max_try_correction` times (10).

        PyTorch first draws every good sample once more. So do we, to have its numbers.
        """
        tries = 10 if max_try_correction is None else max_try_correction
        sample = self._bartlett_sampling(sample_shape)
        if tries:
            sample = self._replaced(sample, self._good(sample))
        for _ in range(tries):
            bad = ~self._good(sample)
            if not bad.any():
                break
            warnings.warn("Singular sample detected.", stacklevel=2)
            sample = self._replaced(sample, bad)
        return sample

    def _good(self, sample: Tensor) -> Tensor:
        """Which samples are positive definite, somewhere in the batch."""
        good = self.support.check(sample.detach())
        inner = len(self._batch_shape)
        return good.flatten(-inner).any(-1) if inner else good

    def _replaced(self, sample: Tensor, where: Tensor) -> Tensor:
        """New draws in some places."""
        count = int(where.sum())
        if not count:
            return sample
        new = self._bartlett_sampling((count,))
        if count == where.numel():
            return new.reshape(sample.shape)
        return sample.index_put((where,), new)

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        nu, p, lower = self.df, self._event_shape[-1], self._unbroadcasted_scale_tril
        half_log_det = lower.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        solved = torch.cholesky_solve(value, lower)
        return (
            -nu * (p * math.log(2.0) / 2 + half_log_det)
            - torch.mvlgamma(nu / 2, p)
            + (nu - p - 1) / 2 * torch.linalg.slogdet(value).logabsdet
            - solved.diagonal(dim1=-2, dim2=-1).sum(-1) / 2
        )

    def entropy(self) -> Tensor:
        nu, p = self.df, self._event_shape[-1]
        half_log_det = self._unbroadcasted_scale_tril.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        steps = torch.arange(p, dtype=nu.dtype) / 2
        slope = torch.digamma((nu / 2).unsqueeze(-1) - steps).sum(-1)
        return (
            (p + 1) * (p * math.log(2.0) / 2 + half_log_det)
            + torch.mvlgamma(nu / 2, p)
            - (nu - p - 1) / 2 * slope
            + nu * p / 2
        )

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return -self.precision_matrix / 2, (self.df - self._event_shape[-1] - 1) / 2

    def _log_normalizer(self, x: Tensor, y: Tensor) -> Tensor:  # type: ignore[override]
        p = self._event_shape[-1]
        log_det = torch.linalg.slogdet(-2 * x).logabsdet
        shape = y + (p + 1) / 2
        return shape * (-log_det + math.log(2.0) * p) + torch.mvlgamma(shape, p)
