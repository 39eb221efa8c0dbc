"""Families that are loaded when one of their names is first asked for.

Everybody would pay for them at import and few programs use them. `LATE` lists what each file
brings: public paths below torch, and methods as `Tensor.<name>`. `tests/meta/test_late.py` holds
the table against the files and prints what it should say.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from ..core.declare import METHODS, without_out
from ..core.primitive import PUBLIC
from ..core.tensor import Tensor

# family file -> the names it brings (words, in any order)
LATE: dict[str, str] = {}

LATE["nn.recurrent"] = (
    "lstm_cell gru_cell rnn_tanh_cell rnn_relu_cell _lstm_layer _gru_layer _rnn_layer"
)

LATE["signal.fourier"] = (
    "fft.fft fft.ifft fft.fft2 fft.ifft2 fft.fftn fft.ifftn fft.rfft fft.irfft fft.rfft2 "
    "fft.irfft2 fft.rfftn fft.irfftn fft.hfft fft.ihfft fft.hfft2 fft.ihfft2 fft.hfftn "
    "fft.ihfftn fft.fftfreq fft.rfftfreq fft.fftshift fft.ifftshift _fft_c2c _fft_r2c "
    "_fft_c2r _fft_resize _fft_weigh"
)

LATE["math.polynomials"] = (
    "special.chebyshev_polynomial_t special.chebyshev_polynomial_u "
    "special.chebyshev_polynomial_v special.chebyshev_polynomial_w "
    "special.shifted_chebyshev_polynomial_t special.shifted_chebyshev_polynomial_u "
    "special.shifted_chebyshev_polynomial_v special.shifted_chebyshev_polynomial_w "
    "special.hermite_polynomial_h special.hermite_polynomial_he "
    "special.laguerre_polynomial_l special.legendre_polynomial_p"
)

LATE["math.special"] = (
    "i0 Tensor.i0 Tensor.i0_ igamma Tensor.igamma Tensor.igamma_ igammac Tensor.igammac "
    "Tensor.igammac_ mvlgamma Tensor.mvlgamma Tensor.mvlgamma_ special.i0 special.i0e "
    "special.i1 special.i1e special.ndtri special.log_ndtr special.erfcx special.gammainc "
    "special.gammaincc special.zeta special.multigammaln special.bessel_j0 "
    "special.bessel_j1 special.bessel_y0 special.bessel_y1 special.modified_bessel_i0 "
    "special.modified_bessel_i1 special.modified_bessel_k0 special.modified_bessel_k1 "
    "special.scaled_modified_bessel_k0 special.scaled_modified_bessel_k1 special.airy_ai "
    "special.spherical_bessel_j0"
)

LATE["linalg.distance"] = (
    "Tensor.corrcoef Tensor.cov Tensor.dist Tensor.renorm Tensor.renorm_ _euclidean_dist "
    "_pair_differences _pair_totals _pdist_euclidean cdist corrcoef cov dist "
    "nn.functional.bilinear nn.functional.pdist pdist renorm"
)

LATE["nn.weight_norm"] = "_weight_norm"

LATE["nn.rms_norm"] = "_rms_norm nn.functional.rms_norm rms_norm"

LATE["nn.margin"] = (
    "nn.functional.cosine_embedding_loss nn.functional.gaussian_nll_loss "
    "nn.functional.hinge_embedding_loss nn.functional.kl_div nn.functional.margin_ranking_loss "
    "nn.functional.multilabel_soft_margin_loss nn.functional.poisson_nll_loss "
    "nn.functional.triplet_margin_loss nn.functional.triplet_margin_with_distance_loss"
)

LATE["nn.shuffle"] = (
    "_channel_unshuffle channel_shuffle native_channel_shuffle nn.functional.channel_shuffle "
    "nn.functional.native_channel_shuffle nn.functional.pixel_shuffle "
    "nn.functional.pixel_unshuffle pixel_shuffle pixel_unshuffle"
)

LATE["nn.padding"] = (
    "_circular_pad1d _circular_pad2d _circular_pad3d _pad_by _pad_transpose _reflection_pad1d "
    "_reflection_pad2d _reflection_pad3d _replication_pad1d _replication_pad2d "
    "_replication_pad3d constant_pad_nd nn.functional.pad"
)

LATE["nn.resample"] = (
    "_area1d _area2d _area3d _resample _resample_transpose _upsample_bicubic2d "
    "_upsample_bicubic2d_aa _upsample_bilinear2d _upsample_bilinear2d_aa "
    "_upsample_lanczos2d_aa _upsample_linear1d _upsample_nearest1d _upsample_nearest2d "
    "_upsample_nearest3d _upsample_nearest_exact1d _upsample_nearest_exact2d "
    "_upsample_nearest_exact3d _upsample_trilinear3d nn.functional.interpolate "
    "nn.functional.upsample nn.functional.upsample_bilinear nn.functional.upsample_nearest"
)

LATE["signal.spectrogram"] = "stft istft Tensor.stft Tensor.istft"

LATE["nn.grid_sample"] = (
    "_affine_grid_transpose _grid_gather _grid_places _grid_scatter affine_grid_generator "
    "grid_sampler grid_sampler_2d grid_sampler_3d nn.functional.affine_grid "
    "nn.functional.grid_sample"
)

LATE["signal.windows"] = (
    "signal.windows.exponential signal.windows.cosine signal.windows.gaussian "
    "signal.windows.kaiser signal.windows.bartlett signal.windows.general_cosine "
    "signal.windows.general_hamming signal.windows.hamming signal.windows.hann "
    "signal.windows.blackman signal.windows.nuttall bartlett_window blackman_window "
    "hamming_window hann_window kaiser_window"
)

LATE["nn.attention"] = (
    "_attention _attention_backward _safe_softmax nn.functional.scaled_dot_product_attention"
)

LATE["nn.conv"] = (
    "_convolution _convolution_bias _convolution_input _convolution_input_bias "
    "_convolution_weight conv1d conv2d conv3d conv_transpose1d conv_transpose2d "
    "conv_transpose3d convolution nn.functional.conv1d nn.functional.conv2d "
    "nn.functional.conv3d nn.functional.conv_transpose1d nn.functional.conv_transpose2d "
    "nn.functional.conv_transpose3d"
)

LATE["nn.conv_tbc"] = "_conv_tbc conv_tbc nn.functional.conv_tbc"

LATE["nn.conv_grad"] = (
    "nn.grad.conv1d_input nn.grad.conv1d_weight nn.grad.conv2d_input nn.grad.conv2d_weight "
    "nn.grad.conv3d_input nn.grad.conv3d_weight"
)

LATE["nn.fold"] = "_col2im _im2col nn.functional.fold nn.functional.unfold"

LATE["reduce.histogram"] = (
    "histc Tensor.histc histogram Tensor.histogram histogramdd bincount Tensor.bincount "
    "unravel_index isin hash_tensor Tensor.hash_tensor _histogramdd _unravel_index "
    "return_types.histogram return_types.histogramdd"
)

LATE["signal.differences"] = "gradient vander"

LATE["shape.layouts"] = (
    "Tensor.apply_ Tensor.map_ Tensor.map2_ Tensor.sum_to_size Tensor.resize_as_ "
    "Tensor.resize Tensor.resize_as Tensor.new_empty_strided empty_permuted "
    "Tensor.dim_order Tensor.is_set_to Tensor.const_data_ptr"
)

LATE["interop.function_forms"] = (
    "abs_ acos_ acosh_ addmv_ arccos_ arccosh_ arcsin_ arcsinh_ arctan_ arctanh_ "
    "as_strided_ asin_ asinh_ atan_ atanh_ ceil_ clamp_max_ clamp_min_ conj_physical_ cos_ "
    "cosh_ deg2rad_ detach_ erf_ erfc_ exp2_ exp_ expm1_ fill_ fix_ floor_ frac_ gcd_ i0_ "
    "index_put_ lcm_ ldexp_ log10_ log1p_ log2_ log_ logit_ nan_to_num_ neg_ negative_ "
    "rad2deg_ reciprocal_ resize_as_ round_ rsqrt_ sigmoid_ sin_ sinc_ sinh_ sqrt_ square_ "
    "tan_ tanh_ trunc_ xlogy_ zero_ detach get_device is_inference is_neg is_signed"
)

LATE["nn.heads"] = "nn.functional.multi_head_attention_forward"

LATE["nn.linear_cross_entropy"] = "nn.functional.linear_cross_entropy"

LATE["reduce.masked"] = (
    "masked.sum masked.prod masked.cumsum masked.cumprod masked.amax masked.amin "
    "masked.argmax masked.argmin masked.mean masked.median masked.norm masked.var "
    "masked.std masked.softmax masked.log_softmax masked.softmin masked.normalize "
    "masked.logaddexp masked.logsumexp"
)

LATE["nn.native_norm"] = (
    "batch_norm_update_stats bilinear binary_cross_entropy_with_logits cosine_embedding_loss "
    "embedding_renorm_ hinge_embedding_loss kl_div margin_ranking_loss triplet_margin_loss "
    "native_batch_norm native_dropout native_group_norm native_layer_norm "
    "nn.functional.sigmoid nn.functional.tanh poisson_nll_loss"
)

LATE["nn.embedding_bag"] = (
    "_bag_argmax _bag_numbers _bag_spread _bag_sum _bag_weights _embedding_bag_max "
    "_embedding_bag_put _embedding_bag_sum embedding_bag nn.functional.embedding_bag"
)

LATE["nn.pool"] = (
    "_adaptive_avg_pool2d _adaptive_avg_pool3d _adaptive_avg_pool_backward _adaptive_max_pool2d "
    "_adaptive_max_pool3d _avg_pool2d _avg_pool3d _avg_pool_backward _fractional_max_pool2d "
    "_fractional_max_pool3d _max_pool2d _max_pool2d_with_indices _max_pool3d "
    "_max_pool3d_with_indices _max_pool_backward _max_pool_pick _max_unpool2d _max_unpool3d "
    "_pool_gather _pool_scatter adaptive_avg_pool1d adaptive_max_pool1d avg_pool1d max_pool1d "
    "max_pool1d_with_indices max_pool2d max_pool3d nn.functional.adaptive_avg_pool1d "
    "nn.functional.adaptive_avg_pool2d nn.functional.adaptive_avg_pool3d "
    "nn.functional.adaptive_max_pool1d nn.functional.adaptive_max_pool1d_with_indices "
    "nn.functional.adaptive_max_pool2d nn.functional.adaptive_max_pool2d_with_indices "
    "nn.functional.adaptive_max_pool3d nn.functional.adaptive_max_pool3d_with_indices "
    "nn.functional.avg_pool1d nn.functional.avg_pool2d nn.functional.avg_pool3d "
    "nn.functional.max_pool1d nn.functional.max_pool1d_with_indices nn.functional.max_pool2d "
    "nn.functional.max_pool2d_with_indices nn.functional.max_pool3d "
    "nn.functional.max_pool3d_with_indices"
)

LATE["nn.unpool"] = (
    "nn.functional.fractional_max_pool2d nn.functional.fractional_max_pool2d_with_indices "
    "nn.functional.fractional_max_pool3d nn.functional.fractional_max_pool3d_with_indices "
    "nn.functional.lp_pool1d nn.functional.lp_pool2d nn.functional.lp_pool3d "
    "nn.functional.max_unpool1d nn.functional.max_unpool2d nn.functional.max_unpool3d"
)

LATE["nn.segment"] = (
    "_segment_fold _segment_prod_others _segment_spread _segment_sum segment_reduce"
)

LATE["nn.ctc"] = (
    "_ctc_counts _ctc_lattice _ctc_loss_each _ctc_posterior ctc_loss nn.functional.ctc_loss"
)

LATE["linalg.matrices"] = "_identity_like _phase_free _quotient _unit_lower linalg.LinAlgError"

LATE["linalg.solve"] = (
    "Tensor.cholesky_inverse Tensor.cholesky_solve Tensor.inverse Tensor.triangular_solve "
    "cholesky_inverse cholesky_solve inverse linalg.inv linalg.inv_ex linalg.solve "
    "linalg.solve_ex linalg.solve_triangular return_types.linalg_inv_ex "
    "return_types.linalg_solve_ex return_types.triangular_solve triangular_solve"
)

LATE["linalg.decompose"] = (
    "Tensor.cholesky Tensor.qr Tensor.svd _eigvals _eigvalsh _svdvals cholesky "
    "linalg.cholesky linalg.cholesky_ex linalg.eig linalg.eigh linalg.eigvals linalg.eigvalsh "
    "linalg.qr linalg.svd linalg.svdvals qr return_types.linalg_cholesky_ex "
    "return_types.linalg_eig return_types.linalg_eigh return_types.linalg_qr "
    "return_types.linalg_svd return_types.qr return_types.svd svd"
)

LATE["linalg.determinant"] = (
    "Tensor.det Tensor.logdet Tensor.slogdet _cofactor _cofactor_vjp det linalg.det "
    "linalg.slogdet logdet return_types.linalg_slogdet return_types.slogdet slogdet"
)

LATE["linalg.lu"] = (
    "Tensor.lu Tensor.lu_solve _linalg_lu _lu_unpack _permutation_of linalg.ldl_factor "
    "linalg.ldl_factor_ex linalg.ldl_solve linalg.lu linalg.lu_factor linalg.lu_factor_ex "
    "linalg.lu_solve lu lu_solve lu_unpack return_types._lu_with_info "
    "return_types.linalg_ldl_factor return_types.linalg_ldl_factor_ex return_types.linalg_lu "
    "return_types.linalg_lu_factor return_types.linalg_lu_factor_ex return_types.lu_unpack"
)

LATE["linalg.householder"] = (
    "Tensor.geqrf Tensor.orgqr Tensor.ormqr geqrf linalg.householder_product orgqr ormqr "
    "return_types.geqrf"
)

LATE["linalg.matrix_functions"] = (
    "Tensor.matrix_exp Tensor.matrix_power Tensor.pinverse _linalg_lstsq linalg.cond "
    "linalg.lstsq linalg.matrix_exp linalg.matrix_power linalg.matrix_rank linalg.pinv "
    "matrix_exp matrix_power pinverse return_types.linalg_lstsq"
)

LATE["linalg.chains"] = (
    "chain_matmul linalg.multi_dot linalg.tensorinv linalg.tensorsolve linalg.vander vander"
)

LATE["linalg.lowrank"] = "lobpcg pca_lowrank svd_lowrank"

LATE["interop.interop"] = (
    "Tensor.__array_namespace__ Tensor.__buffer__ Tensor.__contains__ Tensor.__delitem__ "
    "Tensor.__div__ Tensor.__dlpack__ Tensor.__dlpack_device__ Tensor.__idiv__ Tensor.__long__ "
    "Tensor.__nonzero__ Tensor.__reversed__ Tensor.__setstate__ Tensor.grad_dtype "
    "Tensor.module_load Tensor.name Tensor.new Tensor.share_memory_ Tensor.to_device asarray "
    "from_dlpack frombuffer to_dlpack"
)

LATE["interop.storage"] = "Tensor.untyped_storage UntypedStorage"

LATE["sparse.layout"] = (
    "Tensor._coalesced_ Tensor._indices Tensor._nnz Tensor._sparse_reduced Tensor._sparse_text "
    "Tensor._values Tensor.coalesce Tensor.dense_dim Tensor.indices Tensor.is_coalesced "
    "Tensor.sparse_dim Tensor.sparse_mask Tensor.sparse_resize_ "
    "Tensor.sparse_resize_and_clear_ Tensor.to_dense Tensor.to_sparse Tensor.to_sparse_coo "
    "Tensor.values _sparse_rebuilt sparse_coo_tensor"
)

LATE["sparse.functions"] = "sparse.addmm sparse.log_softmax sparse.mm sparse.softmax sparse.sum"

LATE["sparse.gradients"] = ""  # asked for by embeddings and gather

LATE["interop.numpy_protocol"] = (
    "Tensor.__array_function__ Tensor.__array_ufunc__ Tensor.__array_wrap__"
)

LATE["make.gamma_draws"] = (
    "_binomial_of _dirichlet_grad _dirichlet_of _sample_dirichlet _standard_gamma "
    "_standard_gamma_grad _standard_gamma_of binomial"
)

FAMILY_OF = {path: family for family, paths in LATE.items() for path in paths.split()}


def load(family: str) -> None:
    """Declare the ops of a late family and attach their methods."""
    importlib.import_module("." + family, __package__)
    attach()


def load_all() -> None:
    """Declare every op there is: for what reads the whole registry (tests, docs)."""
    for family in LATE:
        load(family)


# overrides.py puts a function (path, function) -> function here when a program needs dispatching
SHOWN: list[Callable[[str, Any], Any]] = []


def attach() -> None:
    """Give `Tensor` every method declared so far."""
    for name, method in list(METHODS.items()):
        if Tensor.__dict__.get(name) is not method:
            if "<" in getattr(method, "__qualname__", ""):  # a closure; Python's messages name it
                method.__name__ = method.__qualname__ = name
            method = METHODS[name] = without_out(method)
            for show in SHOWN:
                method = METHODS[name] = show("Tensor." + name, method)
            setattr(Tensor, name, method)


class LateMethod:
    """Stands on `Tensor` for a method of a late family until it is first looked up."""

    def __init__(self, family: str, name: str) -> None:
        self.family, self.name = family, name

    def __get__(self, tensor: Any, owner: type) -> Any:
        load(self.family)
        return getattr(owner if tensor is None else tensor, self.name)


def promise_methods() -> None:
    """Put a `LateMethod` where a method will be."""
    for path, family in FAMILY_OF.items():
        if path.startswith("Tensor."):
            name = path.removeprefix("Tensor.")
            setattr(Tensor, name, LateMethod(family, name))


def later(prefix: str, space: dict[str, Any]) -> Callable[[str], Any]:
    """A module's `__getattr__`: loads the family of `torch.<prefix>.<name>`.

    Args:
        prefix: the path of the module below torch, "" for the top.
        space: the module's `globals()`, where the name is kept.
    """
    start = prefix + "." if prefix else ""

    def find(name: str) -> Any:
        family = FAMILY_OF.get(start + name)
        if family is None:
            raise AttributeError(f"module 'torch.{prefix}' has no attribute '{name}'", name=name)
        load(family)
        found = PUBLIC[start + name]
        for show in SHOWN:
            found = show(start + name, found)
        space[name] = found
        return found

    return find


def promised(prefix: str) -> list[str]:
    """The names below `torch.<prefix>` that late families bring."""
    start = prefix + "." if prefix else ""
    ours = (path[len(start) :] for path in FAMILY_OF if path.startswith(start))
    return [name for name in ours if "." not in name and not name.startswith("Tensor")]
