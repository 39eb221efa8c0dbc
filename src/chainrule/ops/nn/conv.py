"""Convolution: conv1d to conv3d, their transposes.

One closed family: `convolution` and its two adjoints, `convolution_input` (which is also the
transposed convolution) and `convolution_weight`, are the three ways of leaving one factor out of
one trilinear form; each one's rules name the other two, so derivatives of any order are there.
All take the spatial `size` of their result: what lies outside the input counts as zero, so padding
that is not the same on both sides needs no padded copy.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from ... import errors
from ..._state import S, grad_enabled
from ...core.batching import batch_rule, front, moved
from ...core.declare import _declare, general, public
from ...core.interpreter import composing, lowered
from ...core.levels import lower
from ...core.primitive import Primitive
from ...core.record import OPS
from ...core.tensor import Tensor, wrap
from ...kernels import conv as kernels

Ints = tuple[int, ...]


# ---------------------------------------------------------------- the family


def _convolution_kernel(
    input: Any, weight: Any, size: Ints, stride: Ints, padding: Ints, dilation: Ints, groups: int
) -> Any:
    return kernels.convolution(input, weight, size, stride, padding, dilation, groups)


def _biased_kernel(
    input: Any,
    weight: Any,
    bias: Any,
    size: Ints,
    stride: Ints,
    padding: Ints,
    dilation: Ints,
    groups: int,
) -> Any:
    return kernels.convolution(input, weight, size, stride, padding, dilation, groups, bias)


def _biased_input_kernel(
    input: Any,
    weight: Any,
    bias: Any,
    size: Ints,
    stride: Ints,
    padding: Ints,
    dilation: Ints,
    groups: int,
) -> Any:
    made = kernels.convolution_input(input, weight, size, stride, padding, dilation, groups)
    made += bias.reshape((-1, *(1,) * len(size)))
    return made


def _to_input(
    xp: Any, g: Any, weight: Any, input_shape: Ints, stride: Ints, padding: Ints, dilation: Ints,
    groups: int,
) -> Any:  # fmt: skip
    return xp.convolution_input(g, weight, input_shape[2:], stride, padding, dilation, groups)


def _to_weight(
    xp: Any, g: Any, input: Any, weight_shape: Ints, stride: Ints, padding: Ints, dilation: Ints,
    groups: int,
) -> Any:  # fmt: skip
    return xp.convolution_weight(g, input, weight_shape[2:], stride, padding, dilation, groups)


def _forward_of(
    xp: Any, g: Any, weight: Any, input_shape: Ints, stride: Ints, padding: Ints, dilation: Ints,
    groups: int,
) -> Any:  # fmt: skip
    return xp.convolution(g, weight, input_shape[2:], stride, padding, dilation, groups)


def _swapped_weight(
    xp: Any, g: Any, input: Any, weight_shape: Ints, stride: Ints, padding: Ints, dilation: Ints,
    groups: int,
) -> Any:  # fmt: skip
    return xp.convolution_weight(input, g, weight_shape[2:], stride, padding, dilation, groups)


def _weighted_forward(
    xp: Any, g: Any, input: Any, grad_shape: Ints, stride: Ints, padding: Ints, dilation: Ints,
    groups: int,
) -> Any:  # fmt: skip
    return xp.convolution(input, g, grad_shape[2:], stride, padding, dilation, groups)


def _weighted_input(
    xp: Any, g: Any, grad: Any, input_shape: Ints, stride: Ints, padding: Ints, dilation: Ints,
    groups: int,
) -> Any:  # fmt: skip
    return xp.convolution_input(grad, g, input_shape[2:], stride, padding, dilation, groups)


def _family(
    name: str, kernel: Any, args: tuple[str, str], rules: Any, doc: str, **more: Any
) -> Any:
    return _declare(
        name, "bilinear", kernel, args, rules, holomorphic=True, method=False,
        names=("_" + name,), doc=doc, **more,
    )  # fmt: skip


_conv = _family(
    "convolution",
    _convolution_kernel,
    ("input", "weight"),
    (_to_input, _to_weight),
    "The sum over channels and taps of weight times input. Linear in each; its vjps are "
    "convolution_input and convolution_weight.",
).prim
_conv_input = _family(
    "convolution_input",
    kernels.convolution_input,
    ("input", "weight"),
    (_forward_of, _swapped_weight),
    "The adjoint of convolution in its input: the transposed convolution.",
    grad_fn="ConvolutionBackward0",
).prim
_conv_weight = _family(
    "convolution_weight",
    kernels.convolution_weight,
    ("grad", "input"),
    (_weighted_forward, _weighted_input),
    "The adjoint of convolution in its weight: correlation of the cotangent with the input.",
    grad_fn="ConvolutionBackwardBackward0",
).prim


def _biased(name: str, kernel: Any, input: Any, weight: Any, doc: str) -> Any:
    return general(
        name,
        kernel,
        ("input", "weight", "bias"),
        rules={
            "input": input,
            "weight": weight,
            "bias": lambda xp, g: xp.sum(g, (0, *range(2, len(g.shape))), False),
        },
        holomorphic=True,
        method=False,
        names=("_" + name,),
        grad_fn="ConvolutionBackward0",
        doc=doc,
    ).prim


_conv_bias = _biased(
    "convolution_bias",
    _biased_kernel,
    _to_input,
    _to_weight,
    "Convolution with a number added to each channel, as one op.",
)
_conv_input_bias = _biased(
    "convolution_input_bias",
    _biased_input_kernel,
    _forward_of,
    _swapped_weight,
    "Transposed convolution with a number added to each channel, as one op.",
)


# ---------------------------------------------------------------- batches


def _fold(t: Any, at: int) -> Any:
    """The batch (dimension 0) folded into dimension `at` of the elements, outside what is there."""
    if at:
        t = moved(t, 0, at)
    shape = t._data.shape
    return OPS.reshape(t, (*shape[:at], shape[at] * shape[at + 1], *shape[at + 2 :]))


def _unfold(t: Any, at: int, size: int) -> Any:
    """The inverse of `_fold`."""
    shape = t._data.shape
    t = OPS.reshape(t, (*shape[:at], size, shape[at] // size, *shape[at + 1 :]))
    return moved(t, at, 0) if at else t


# of each op: where its operands and its result have channels, as seen by groups (n, out, in)
_CHANNELS = {
    "convolution": (1, 0, 1),
    "convolution_input": (1, 0, 1),
    "convolution_weight": (1, 1, 0),
}
# of each op: the operand without which the batch is one of samples, and where its samples are
_SAMPLES = {"convolution": 0, "convolution_input": 0}


@batch_rule("convolution", "convolution_input", "convolution_weight")
def _batched(prim: Primitive, inputs: Any, batched: Any, params: Any, size: int) -> Any:
    """One weight for all: a larger batch; else as many groups more."""
    a, b = inputs
    if prim.name in _SAMPLES and not batched[1]:
        return _unfold(lower(prim, (_fold(a, 0), b), params), 0, size)
    at_a, at_b, at_out = _CHANNELS[prim.name]
    a, b = (front(t, has, size) for t, has in zip(inputs, batched, strict=True))
    params = (*params[:-1], params[-1] * size)
    return _unfold(lower(prim, (_fold(a, at_a), _fold(b, at_b)), params), at_out, size)


@batch_rule("convolution_bias", "convolution_input_bias")
def _batched_bias(prim: Primitive, inputs: Any, batched: Any, params: Any, size: int) -> Any:
    x, weight, bias = inputs
    plain = _conv if prim is _conv_bias else _conv_input
    if not batched[1] and not batched[2]:
        return _unfold(lower(prim, (_fold(x, 0), weight, bias), params), 0, size)
    if batched[0] or batched[1]:
        made = _batched(plain, (x, weight), batched[:2], params, size)
    else:
        made = front(lower(plain, (x, weight), params), False, size)
    ones = (1,) * len(params[0])
    shape = (size, 1, -1, *ones) if batched[2] else (1, -1, *ones)
    return made + OPS.reshape(bias, shape)


# ---------------------------------------------------------------- what fits, and what is wrong


def _shown(shape: Ints) -> str:
    return str(list(shape))


def _sizes(values: Any) -> str:
    return "(" + " x ".join(map(str, values)) + ")"


def _expanded(name: str, value: Any, n: int) -> Ints:
    if isinstance(value, int):
        return (value,) * n
    if len(value) == 1:
        return tuple(value) * n
    if len(value) != n:
        raise RuntimeError(
            f"expected {name} to be a single integer value or a list of {n} values to match the "
            f"convolution dimensions, but got {name}={_shown(value)}"
        )
    return tuple(value)


@lru_cache(maxsize=1024)
def _geometry(
    shape: Ints,
    weight: Ints,
    bias: Ints | None,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: int,
    transposed: bool,
    output_padding: Any,
) -> tuple[Ints, Ints, Ints, Ints]:
    """Size of the result, stride, padding, dilation; raises if it makes no sense."""
    n = len(weight) - 2
    if n < 1:
        raise RuntimeError("weight should have at least three dimensions")
    if groups <= 0:
        raise RuntimeError("non-positive groups is not supported")
    if isinstance(padding, str):
        _check_rank(shape, weight)
        padding, same = _named_padding(padding, weight, stride, dilation, n)
    else:
        same = False
    stride, padding, dilation, after = (
        _expanded(name, v, n)
        for name, v in (
            ("stride", stride), ("padding", padding), ("dilation", dilation),
            ("output_padding", output_padding),
        )
    )  # fmt: skip
    _check_signs(stride, padding, dilation, after)
    _check_shapes(shape, weight, bias, groups, transposed)
    kernel, spatial = weight[2:], shape[2:]
    reach = tuple(d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True))
    if 0 in kernel:
        names = ("depth", "height", "width")[-n:]
        told = " ".join(f"kernel_{name}: {k}" for name, k in zip(names, kernel, strict=True))
        raise RuntimeError(f"kernel size should be greater than zero, but got {told}")
    if transposed:
        size = _transposed_size(spatial, stride, padding, dilation, after, reach)
    elif same:
        size = spatial
    else:
        size = _forward_size(spatial, stride, padding, reach)
    if 0 in spatial:
        raise RuntimeError(
            "Only zero batch or zero channel inputs are supported, but got input shape: "
            f"{_shown(shape)}"
        )
    return size, stride, padding, dilation


def _check_rank(shape: Ints, weight: Ints) -> None:
    k = len(weight)
    if len(shape) != k:
        raise RuntimeError(
            f"Expected {k}-dimensional input for {k}-dimensional weight{_shown(weight)}, but got "
            f"{len(shape)}-dimensional input of size {_shown(shape)} instead"
        )


def _named_padding(padding: str, weight: Ints, stride: Any, dilation: Any, n: int) -> Any:
    if padding == "valid":
        return 0, False
    if padding != "same":
        raise RuntimeError(f"Invalid padding string: '{padding}'")
    if any(s != 1 for s in _expanded("stride", stride, n)):
        raise RuntimeError("padding='same' is not supported for strided convolutions")
    dilation = _expanded("dilation", dilation, n)
    return tuple(d * (k - 1) // 2 for d, k in zip(dilation, weight[2:], strict=True)), True


def _check_signs(stride: Ints, padding: Ints, dilation: Ints, after: Ints) -> None:
    if any(p < 0 for p in padding):
        raise RuntimeError("negative padding is not supported")
    if any(p < 0 for p in after):
        raise RuntimeError("negative output_padding is not supported")
    if any(s <= 0 for s in stride):
        raise RuntimeError("non-positive stride is not supported")
    if any(d <= 0 for d in dilation):
        raise RuntimeError("dilation should be greater than zero")


def _check_shapes(shape: Ints, weight: Ints, bias: Any, groups: int, transposed: bool) -> None:
    _check_rank(shape, weight)
    if weight[0] < groups:
        raise RuntimeError(
            f"Given groups={groups}, expected weight to be at least {groups} at dimension 0, but "
            f"got weight of size {_shown(weight)} instead"
        )
    if weight[0] % groups:
        raise RuntimeError(
            f"Given groups={groups}, expected weight to be divisible by {groups} at dimension 0, "
            f"but got weight of size [{_shown(weight)}] instead"
        )
    given = f"transposed={int(transposed)}" if transposed else f"groups={groups}"
    wanted = weight[0] if transposed else weight[1] * groups
    if shape[1] != wanted:
        raise RuntimeError(
            errors.hinted(
                f"Given {given}, weight of size {_shown(weight)}, expected input{_shown(shape)} to "
                f"have {wanted} channels, but got {shape[1]} channels instead",
                f"input: {_shown(shape)}, dimension 1 counts channels",
                hint="dimension 1 of the input and of the weight must agree: the layer before "
                f"should give {wanted} channels, or the input be permuted to channels first",
            )
        )
    outputs = weight[1] * groups if transposed else weight[0]
    if bias is not None and bias != (outputs,):
        given = "transposed=1, " if transposed else ""
        raise RuntimeError(
            f"Given {given}weight of size {_shown(weight)}, expected bias to be 1-dimensional with "
            f"{outputs} elements, but got bias of size {_shown(bias)} instead"
        )


def _forward_size(spatial: Ints, stride: Ints, padding: Ints, reach: Ints) -> Ints:
    padded = tuple(h + 2 * p for h, p in zip(spatial, padding, strict=True))
    if any(h < r for h, r in zip(padded, reach, strict=True)):
        raise RuntimeError(
            errors.hinted(
                f"Calculated padded input size per channel: {_sizes(padded)}. Kernel size: "
                f"{_sizes(reach)}. Kernel size can't be greater than actual input size",
                hint="use a smaller kernel, padding, or fewer poolings before",
            )
        )
    return tuple((h - r) // s + 1 for h, r, s in zip(padded, reach, stride, strict=True))


def _transposed_size(
    spatial: Ints, stride: Ints, padding: Ints, dilation: Ints, after: Ints, reach: Ints
) -> Ints:
    if any(a >= s and a >= d for a, s, d in zip(after, stride, dilation, strict=True)):
        names = ("depth", "height", "width")[-len(spatial) :]
        given = (("output_padding", after), ("stride", stride), ("dilation", dilation))
        told = " ".join(
            f"{what}_{name}: {v}"
            for what, values in given
            for name, v in zip(names, values, strict=True)
        )
        raise RuntimeError(
            f"output padding must be smaller than either stride or dilation, but got {told}"
        )
    size = tuple(
        (h - 1) * s - 2 * p + r + a
        for h, s, p, r, a in zip(spatial, stride, padding, reach, after, strict=True)
    )
    if any(h < 1 for h in size):
        raise RuntimeError(
            f"Given input size per channel: {_sizes(spatial)}. Calculated output size per channel: "
            f"{_sizes(size)}. Output size is too small"
        )
    return size


def _name(t: Tensor) -> str:
    name = t.dtype.name
    return {"int64": "long int", "float32": "float", "float64": "double", "bool": "bool"}.get(
        name, errors.CPP.get(name, name)
    )


def _check_dtypes(x: Tensor, weight: Tensor, bias: Any) -> None:
    dtype = x._data.dtype
    if dtype is weight._data.dtype and (bias is None or dtype is bias._data.dtype):
        return
    if bias is not None and bias._data.dtype != dtype:
        raise RuntimeError(
            f"Input type ({_name(x)}) and bias type ({_name(bias)}) should be the same"
        )
    if weight._data.dtype != dtype:
        a, b = (errors.LEGACY.get(t.dtype.name, t.dtype.name) for t in (x, weight))
        raise RuntimeError(
            errors.hinted(
                f"expected scalar type {a} but found {b}",
                f"input: {x.dtype}, weight: {weight.dtype}",
                hint="convert one of them: input.to(weight.dtype)",
            )
        )


def _check_operands(op: str, x: Any, weight: Any, bias: Any) -> None:
    if type(x) is type(weight) is Tensor and (bias is None or isinstance(bias, Tensor)):
        return
    given = (x, weight) if bias is None else (x, weight, bias)
    for t in given:
        if not isinstance(t, Tensor):
            got = ", ".join(errors.kind_name(g) for g in given)
            raise TypeError(f"{op}() received an invalid combination of arguments - got ({got})")


def _numbers(op: str, name: str, value: Any, n: int) -> Any:
    """A tuple of ints, of an int too, or a name: something hashable."""
    if type(value) is int:
        return (value,) * n
    if type(value) is tuple:
        for v in value:
            if type(v) is not int:
                break
        else:
            return value
    if type(value) is str:
        return value
    if isinstance(value, (tuple, list)) and all(isinstance(v, int) for v in value):
        return tuple(value)
    if hasattr(value, "__index__") and not isinstance(value, (Tensor, bool)):
        return (value.__index__(),) * n
    raise TypeError(
        f"{op}() received an invalid combination of arguments - got (Tensor, Tensor, "
        f"{name}={errors.kind_name(value)})"
    )


# ---------------------------------------------------------------- calls


def _call(x: Any, weight: Any, bias: Any, geometry: Any, groups: int, transposed: bool) -> Any:
    """Evaluate what was checked: one op, unless an interpreter runs."""
    params = (*geometry, groups)
    if S.mode is None and not _recorded(x, weight, bias):
        return _evaluated(x, weight, bias, params, transposed)
    if bias is None:
        return (_conv_input if transposed else _conv).call(x, weight, params=params)
    if not composing():
        biased = _conv_input_bias if transposed else _conv_bias
        return biased.call(x, weight, bias, params=params)
    made = (_conv_input if transposed else _conv).call(x, weight, params=params)
    return made + OPS.reshape(bias, (-1, *(1,) * len(geometry[0])))


def _recorded(x: Any, weight: Any, bias: Any) -> bool:
    tracked = x._node is not None or weight._node is not None
    tracked = tracked or (bias is not None and bias._node is not None)
    return tracked and (S.grad or grad_enabled())


def _evaluated(x: Any, weight: Any, bias: Any, params: Any, transposed: bool) -> Tensor:
    """The result alone: nothing is recorded."""
    if not transposed:
        operands = x._data, weight._data, *params
        added = () if bias is None else (bias._data,)
        return wrap(kernels.convolution(*operands, *added))
    if bias is None:
        return wrap(kernels.convolution_input(x._data, weight._data, *params))
    return wrap(_biased_input_kernel(x._data, weight._data, bias._data, *params))


def _conv_any(
    op: str, n: int, x: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any,
    groups: Any, transposed: bool = False, output_padding: Any = 0,
) -> Any:  # fmt: skip
    _check_operands(op, x, weight, bias)
    rank = x._data.ndim
    if rank not in (n + 1, n + 2):
        raise RuntimeError(
            errors.hinted(
                f"Expected {n + 1}D (unbatched) or {n + 2}D (batched) input to {op}, but got input "
                f"of size: {_shown(x._data.shape)}",
                hint="the dimensions are (batch, channels, "
                + ", ".join(("depth", "height", "width")[-n:])
                + ")",
            )
        )
    if rank == n + 1:
        made = _conv_any(
            op, n, OPS.unsqueeze(x, 0), weight, bias, stride, padding, dilation, groups,
            transposed, output_padding,
        )  # fmt: skip
        return OPS.squeeze(made, 0)
    odd = weight._data.ndim != n + 2  # PyTorch's errors show tuples
    if odd or type(stride) is not int:
        stride = _numbers(op, "stride", stride, n)
    if odd or type(padding) is not int:
        padding = _numbers(op, "padding", padding, n)
        if transposed and isinstance(padding, str):
            raise TypeError(f"{op}(): argument 'padding' must be tuple of ints, not str")
    if odd or type(dilation) is not int:
        dilation = _numbers(op, "dilation", dilation, n)
    if odd or type(output_padding) is not int:
        output_padding = _numbers(op, "output_padding", output_padding, n)
    if S.mode is not None:
        x, weight, bias = lowered(x, weight, bias)
    _check_dtypes(x, weight, bias)
    added = None if bias is None else bias._data.shape
    geometry = _geometry(
        x._data.shape, weight._data.shape, added, stride, padding, dilation, groups, transposed,
        output_padding,
    )  # fmt: skip
    kind = x._data.dtype.kind
    if kind not in "fcV" and (kind == "b" or transposed):
        raise errors_of_dtype(
            f"slow_conv_transpose{max(n, 2)}d_out_cpu"
            if transposed
            else f"slow_conv{max(n, 2)}d_cpu",
            x,
        )
    return _call(x, weight, bias, geometry, groups, transposed)


def errors_of_dtype(kernel: str, x: Tensor) -> NotImplementedError:
    """PyTorch's refusal of a dtype."""
    name = errors.LEGACY.get(x.dtype.name, x.dtype.name)
    return NotImplementedError(f"\"{kernel}\" not implemented for '{name}'")


_DOC = """{what} over {n} spatial dimension{s}.

    {formula}

    Args:
        input: ({batch}c, {spatial}) or without the batch. weight: {weight}. bias: (o,); None: none.
        stride, padding, dilation{more}: one int for all dimensions or one for each.{same}
        groups: channels are divided into so many groups that do not see each other.

    Returns:
        ({batch}o, {outs}).

    Raises:
        RuntimeError: shapes or dtypes that do not fit, a kernel larger than the padded input.

    Example:
        >>> import chainrule as torch
        >>> torch.nn.functional.{op}(torch.ones({shape}), torch.ones({kernel})).shape
        torch.Size([{result}])
    """


def _documented(function: Any, op: str, n: int, transposed: bool) -> None:
    ones = ", ".join(["4"] * n)
    function.__name__ = function.__qualname__ = op
    function.__doc__ = _DOC.format(
        what="Transposed convolution (the adjoint of convolution in its input)"
        if transposed
        else "Convolution (cross-correlation: the kernel is not turned around)",
        n=n, s="s" * (n > 1), batch="n, ", op=op,
        formula="out[stride p - padding + dilation t] += the sum over c of weight[c, o, t] "
        "input[c, p]"
        if transposed
        else "out[o, p] = bias[o] + the sum over c, t of weight[o, c, t] input[c, stride p - "
        "padding + dilation t]",
        spatial="d, h, w"[-(3 * n - 2) :], outs="d', h', w'"[-(4 * n - 2) :],
        weight="(c, o / groups, *kernel)" if transposed else "(o, c / groups, *kernel)",
        more=", output_padding" * transposed,
        same="" if transposed else " padding='same' keeps the size, 'valid' means 0.",
        shape=f"1, 3, {ones}", kernel="3, 2, " + ", ".join(["3"] * n) if transposed
        else "2, 3, " + ", ".join(["3"] * n),
        result="1, 2, " + ", ".join(["6" if transposed else "2"] * n),
    )  # fmt: skip


def _spell(n: int) -> None:
    op, back = f"conv{n}d", f"conv_transpose{n}d"

    def conv(
        input: Any,
        weight: Any,
        bias: Any = None,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
    ) -> Any:
        return _conv_any(op, n, input, weight, bias, stride, padding, dilation, groups)

    def conv_transpose(
        input: Any,
        weight: Any,
        bias: Any = None,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        dilation: Any = 1,
    ) -> Any:
        return _conv_any(
            back, n, input, weight, bias, stride, padding, dilation, groups, True, output_padding
        )

    _documented(conv, op, n, False)
    _documented(conv_transpose, back, n, True)
    public(op, f"nn.functional.{op}")(conv)
    public(back, f"nn.functional.{back}")(conv_transpose)


for _n in (1, 2, 3):
    _spell(_n)


@public("convolution")
def convolution(
    input: Any,
    weight: Any,
    bias: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    transposed: bool,
    output_padding: Any,
    groups: int,
) -> Any:
    """Any convolution, of as many spatial dimensions as the weight has.

    Example:
        >>> import chainrule as torch
        >>> x, w = torch.ones(1, 1, 4), torch.ones(1, 1, 3)
        >>> torch.convolution(x, w, None, (1,), (0,), (1,), False, (0,), 1)
        tensor([[[3., 3.]]])
    """
    _check_operands("convolution", input, weight, bias)
    n = weight._data.ndim - 2
    if n < 1:
        raise RuntimeError("weight should have at least three dimensions")
    _check_rank(input._data.shape, weight._data.shape)
    return _conv_any(
        "convolution", n, input, weight, bias, stride, padding, dilation, groups, transposed,
        output_padding,
    )  # fmt: skip
