"""Programs about `torch.nn.attention`: kernels, causal masks, scores and masks as functions."""

from __future__ import annotations

import warnings
from typing import Any

from surface.asked import attempt, module, program


def operands(torch: Any, *shape: int) -> Any:
    """A query, a key and a value with numbers of no pattern."""
    n = torch.Size(shape).numel()
    line = torch.arange(n * 3, dtype=torch.float64)
    return torch.sin(line * line * 0.7).reshape(3, *shape).unbind(0)


def flex(torch: Any) -> Any:
    warnings.simplefilter("ignore")  # PyTorch advises to compile
    return module(torch, "nn.attention.flex_attention")


def names(torch: Any) -> Any:
    warnings.simplefilter("ignore")  # PyTorch says why a kernel was not chosen
    return module(torch, "nn.attention")


@program
def attention_kernels(torch: Any) -> Any:
    A = names(torch)
    q, k, v = operands(torch, 1, 2, 3, 4)
    backends = A.SDPBackend

    def run(chosen: Any, *args: Any, **options: Any) -> Any:
        with A.sdpa_kernel(chosen):
            found = torch.nn.functional.scaled_dot_product_attention(
                *(args or (q, k, v)), **options
            )
        return found.shape

    one = [attempt(lambda b=b: run(b)) for b in backends.__members__.values()]
    many = [[backends.MATH, backends.FLASH_ATTENTION], [], [backends.EFFICIENT_ATTENTION], 3, None]
    flash = backends.FLASH_ATTENTION
    return [
        {n: b.value for n, b in backends.__members__.items()},
        one,
        [attempt(lambda b=b: run(b)) for b in many],
        attempt(lambda: run(flash, q[0], k[0], v[0])),
        attempt(lambda: run(flash, dropout_p=0.5)),
        attempt(lambda: run(flash, attn_mask=torch.zeros(3, 3).double().requires_grad_())),
        attempt(lambda: run(flash, attn_mask=torch.zeros(3, 3).double())),
        attempt(lambda: run(flash, q, k, v[..., :2])),
        attempt(lambda: run(backends.MATH, q[0], k[0], v[0])),
    ]


@program
def attention_kernel_switches(torch: Any) -> Any:
    A, cuda = names(torch), torch.backends.cuda

    def switches() -> Any:
        return [
            cuda.math_sdp_enabled(),
            cuda.flash_sdp_enabled(),
            cuda.mem_efficient_sdp_enabled(),
            cuda.cudnn_sdp_enabled(),
        ]

    @A.sdpa_kernel(A.SDPBackend.MATH)
    def decorated() -> Any:
        return switches()

    before = switches()
    with A.sdpa_kernel([A.SDPBackend.FLASH_ATTENTION, A.SDPBackend.CUDNN_ATTENTION]):
        inside = switches()
        with A.sdpa_kernel(A.SDPBackend.MATH):
            nested = switches()
        after = switches()
    return [before, inside, nested, after, decorated(), switches()]


@program
def attention_causal_bias(torch: Any) -> Any:
    bias = module(torch, "nn.attention.bias")
    warnings.simplefilter("ignore")  # PyTorch warns of rows that see nothing
    q, k, v = operands(torch, 1, 2, 3, 4)
    run = torch.nn.functional.scaled_dot_product_attention
    makers = bias.causal_upper_left, bias.causal_lower_right
    return [
        [repr(make(2, 3)) for make in makers],
        [repr(make(3, 2)) for make in makers],
        [run(q[:, :, :2], k, v, attn_mask=make(2, 3)) for make in makers],
        [run(q, k[:, :, :2], v[:, :, :2], attn_mask=make(3, 2)) for make in makers],
        [make(2, 3).variant.name for make in makers],
        [isinstance(make(2, 3), torch.Tensor) for make in makers],
        attempt(lambda: run(q, k, v, attn_mask=makers[0](3, 3), is_causal=True)),
        [attempt(lambda m=m: m(2)) for m in makers],
    ]


@program
def attention_flex(torch: Any) -> Any:
    F = flex(torch)
    q, k, v = operands(torch, 2, 2, 5, 4)
    slopes = torch.tensor([0.5, 0.25], dtype=torch.float64)
    bias = torch.arange(50.0, dtype=torch.float64).reshape(2, 5, 5).cos()

    def causal(b: Any, h: Any, i: Any, j: Any) -> Any:
        return i >= j

    def near(b: Any, h: Any, i: Any, j: Any) -> Any:
        return (i - j).abs() <= 1 + b

    scores = {
        "as they are": None,
        "distance": lambda s, b, h, i, j: s + slopes[h] * (j - i),
        "table": lambda s, b, h, i, j: s + bias[h, i, j],
        "capped": lambda s, b, h, i, j: 2 * torch.tanh(s / 2),
        "batch": lambda s, b, h, i, j: torch.where(b == 0, s, s * 2),
        "masked": lambda s, b, h, i, j: torch.where(i >= j, s, -float("inf")),
        "nothing": lambda s, b, h, i, j: torch.where(i > 2, s, -float("inf")),
    }
    masks = {
        "causal": F.create_block_mask(causal, None, None, 5, 5, device="cpu"),
        "near": F.create_block_mask(near, 2, None, 5, 5, device="cpu", BLOCK_SIZE=2),
        "both": F.create_block_mask(F.and_masks(causal, near), 2, 2, 5, 5, device="cpu"),
        "either": F.create_block_mask(F.or_masks(causal, near), 2, 2, 5, 5, device="cpu"),
        "all": F.create_block_mask(F.noop_mask, None, None, 5, 5, device="cpu"),
    }
    few = q, k[:, :1], v[:, :1]
    return [
        {n: F.flex_attention(q, k, v, score_mod=f) for n, f in scores.items()},
        {n: F.flex_attention(q, k, v, block_mask=m) for n, m in masks.items()},
        F.flex_attention(q, k, v, scores["distance"], masks["near"], scale=0.3),
        F.flex_attention(q, k, v, scores["nothing"], return_lse=True),
        F.flex_attention(*few, enable_gqa=True),
        F.flex_attention(q, k[:1], v[:1], block_mask=masks["near"]),
        F.flex_attention(q, k, v[..., :2]).shape,
        F.flex_attention(q.half(), k.half(), v.half()).dtype,
        F.flex_attention(q, k, v, return_aux=F.AuxRequest(lse=True))[1].lse,
    ]


@program
def attention_block_masks(torch: Any) -> Any:
    F = flex(torch)

    def band(b: Any, h: Any, i: Any, j: Any) -> Any:
        return (i >= j) & (i - j < 200) & (h > 0)

    mask = F.create_block_mask(band, None, 2, 900, 700, device="cpu")
    whole = F.create_block_mask(
        lambda b, h, i, j: i >= j, 1, 1, 300, 300, device="cpu", separate_full_blocks=False
    )
    cut = mask._adjust(400, 256)
    tables = "kv_num_blocks kv_indices full_kv_num_blocks full_kv_indices".split()
    columns = "q_num_blocks q_indices full_q_num_blocks full_q_indices".split()
    many = F.create_block_mask(lambda b, h, i, j: i >= j, 3, 2, 8, 8, device="cpu", BLOCK_SIZE=4)
    return [
        str(mask),
        repr(mask),
        mask.to_string(grid_size=(4, 3)),
        {n: getattr(mask, n) for n in tables + columns},
        {n: getattr(whole, n) for n in tables + columns},
        [mask.shape, mask.numel(), mask.seq_lengths, mask.BLOCK_SIZE, mask.to_dense()],
        [mask[:, 1].shape, mask[0].shape, mask[0, 1].kv_num_blocks, mask[-1].shape],
        [cut.shape, cut.kv_num_blocks, cut.kv_indices.shape],
        str(many),
        F.create_mask(lambda b, h, i, j: i >= j, 1, 2, 2, 3, device="cpu"),
        F.create_mask(lambda s, b, h, i, j: s + i, 1, 1, 2, 3, device="cpu"),
        F.create_mask(
            lambda s, b, h, i, j: torch.where(i >= j, s, -float("inf")), 1, 1, 2, 3, device="cpu"
        ),
    ]


@program
def attention_flex_refusals(torch: Any) -> Any:
    F = flex(torch)
    q, k, v = operands(torch, 1, 2, 4, 4)
    three = q.repeat(1, 2, 1, 1)[:, :3]
    short = F.create_block_mask(lambda b, h, i, j: i >= j, 1, 1, 2, 2, device="cpu")
    long = F.create_block_mask(lambda b, h, i, j: i >= j, 1, 1, 8, 8, device="cpu")
    two = q.repeat(2, 1, 1, 1)
    four = F.create_block_mask(lambda b, h, i, j: i >= j, 1, 1, 4, 4, device="cpu")
    return [
        attempt(lambda: F.flex_attention(q[0], k, v)),
        attempt(lambda: F.flex_attention(q, k[:, :1], v[:, :1])),
        attempt(lambda: F.flex_attention(three, k, v, enable_gqa=True)),
        attempt(lambda: F.flex_attention(two, k, v)),
        attempt(lambda: F.flex_attention(two, k, v, block_mask=four)),
        attempt(lambda: F.flex_attention(q, k[..., :3], v)),
        attempt(lambda: F.flex_attention(q, k, v, block_mask=short)),
        attempt(lambda: F.flex_attention(q, k, v, block_mask=long)),
        attempt(lambda: F.and_masks(3)),
        attempt(lambda: F.create_mask(lambda b, h, i: i >= 0, 1, 1, 2, 2, device="cpu")),
        attempt(lambda: F.BlockMask.from_kv_blocks(torch.tensor(1), torch.tensor([1]))),
        attempt(
            lambda: F.flex_attention(q, k, v, return_lse=True, return_aux=F.AuxRequest(lse=True))
        ),
    ]
