"""What goes wrong, said well: PyTorch's class and first sentence, the facts one per line, then
`Hint:`.

Lives here: one builder per error, called only when something failed, so messages cost nothing on
the good path. A builder returns the exception (`raise errors.shape_mismatch(...)`). Tensors and
nodes are read by duck typing: this room sees no other. Tensors are named by the caller's variable
that holds them (`named`), with the line where that variable was last assigned, found in the source
only now.
Who may call: everybody.
Long because: one builder an error, and the texts are long.
"""

from __future__ import annotations

import linecache
import math
import operator
import sys
from collections.abc import Callable, Iterator, Sequence
from types import CodeType, FrameType
from typing import Any

__all__ = ["SavedFreed", "checked_dim", "hinted"]

_HERE = __name__.rpartition(".")[0] + "."

LEGACY = {
    "float32": "Float",
    "float64": "Double",
    "float16": "Half",
    "bfloat16": "BFloat16",
    "int64": "Long",
    "int32": "Int",
    "int16": "Short",
    "int8": "Char",
    "uint8": "Byte",
    "bool": "Bool",
    "complex64": "ComplexFloat",
    "complex128": "ComplexDouble",
    "uint16": "UInt16",
    "uint32": "UInt32",
    "uint64": "UInt64",
}


CPP = {"float32": "float", "float64": "double", "float16": "c10::Half", "bfloat16": "c10::BFloat16",
       "int64": "long int", "int32": "int", "int16": "short int", "int8": "signed char",
       "uint8": "unsigned char",
       "bool": "bool", "complex64": "c10::complex<float>",
       "complex128": "c10::complex<double>"}  # fmt: skip


class SavedFreed(Exception):
    """Inside the engine: a rule asked for saved values that are gone; becomes `second_backward`."""


def hinted(first: str, *facts: str, hint: str) -> str:
    """First sentence, facts, hint: one per line."""
    return "\n".join([first, *(f for f in facts if f), f"Hint: {hint}"])


# ---------------------------------------------------------------- who is who


def _user_frames() -> Iterator[FrameType]:
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if not (module + ".").startswith(_HERE):
            yield frame
        frame = frame.f_back


def stacklevel() -> int:
    """What `warnings.warn` takes so that it names the innermost line outside chainrule, however
    many of our frames stand between."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and (frame.f_globals.get("__name__", "") + ".").startswith(
        _HERE
    ):
        level, frame = level + 1, frame.f_back
    return level


def user_location() -> tuple[CodeType, int] | None:
    """Code and instruction of the innermost frame outside chainrule: cheap, the line is worked out
    when needed."""
    for frame in _user_frames():
        return frame.f_code, frame.f_lasti
    return None


def line_of(location: tuple[CodeType, int] | None) -> str:
    """`line 12 of script.py`, for what `user_location` gave; empty when unknown."""
    if location is None:
        return ""
    code, at = location
    for start, end, line in code.co_lines():
        if start <= at < end and line is not None:
            return f"line {line} of {_short(code.co_filename)}"
    return ""


def _short(filename: str) -> str:
    if "ipykernel" in filename or filename.startswith("<ipython"):
        return "the notebook cell"
    return filename.replace("\\", "/").rpartition("/")[2]


def named(thing: Any) -> tuple[str, str]:
    """The variable that holds a tensor (or the tensor of a node) in the calling code, and where it
    was assigned."""
    for frame in _user_frames():
        for scope in (frame.f_locals, frame.f_globals):
            for name, value in list(scope.items()):
                if not name.startswith("_") and (value is thing or _is_output(value, thing)):
                    return name, _assigned_at(frame, name)
    return "", ""


def located(node: Any) -> list[str]:
    """Facts that place a node in the caller's program: the variable that holds its tensor, or else
    the variable nearest to it whose graph it is in; and the line that assigned it."""
    name, where = named(node)
    label = "tensor"
    if not name:
        name, where = _inside(node)
        label = "inside the graph of"
    return [f"{label}: `{name}`", f"made at: {where}" if where else ""] if name else []


def _inside(node: Any) -> tuple[str, str]:
    for frame in _user_frames():
        nearest: tuple[int, str] | None = None
        for name, value in list({**frame.f_globals, **frame.f_locals}.items()):
            grad_fn = None if name.startswith("_") else _node_of(value)
            if grad_fn is None or (nearest is not None and grad_fn.k <= nearest[0]):
                continue
            if _reaches(grad_fn, node):
                nearest = grad_fn.k, name
        if nearest is not None:
            return nearest[1], _assigned_at(frame, nearest[1])
    return "", ""


def _node_of(value: Any) -> Any:
    found = value.grad_fn if hasattr(type(value), "grad_fn") else None
    return found if hasattr(found, "next_functions") else None  # of tensors only: an op has a name


def _reaches(root: Any, node: Any) -> bool:
    """Whether `node` is in the graph below `root` (nodes older than it are not looked at)."""
    seen, stack = {root.k}, [root]
    while stack:
        at = stack.pop()
        if at is node:
            return True
        for edge in at.edges():
            k = getattr(edge, "k", 0)
            if k and k <= node.k and k not in seen:
                seen.add(k)
                stack.append(edge)
    return False


def _is_output(value: Any, node: Any) -> bool:
    held = getattr(type(value), "grad_fn", None) is not None and getattr(value, "_node", None)
    return bool(held) and (held is node or getattr(held, "node", None) is node)


def _assigned_at(frame: FrameType, name: str) -> str:
    import ast

    source = "".join(linecache.getlines(frame.f_code.co_filename, frame.f_globals))
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return ""
    lines = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Name)
        and node.id == name
        and isinstance(node.ctx, ast.Store)
        and (node.lineno <= frame.f_lineno or frame.f_code.co_name == "<module>")
    ]
    before = [line for line in lines if line <= frame.f_lineno] or lines
    if not before:
        return ""
    text = linecache.getline(frame.f_code.co_filename, max(before), frame.f_globals).strip()
    return f"line {max(before)} of {_short(frame.f_code.co_filename)}: {text}"


def type_name(dtype: Any) -> str:
    """`torch.FloatTensor`, the name that PyTorch's messages use for a dtype."""
    return f"torch.{LEGACY[dtype.name]}Tensor"


def described(value: Any) -> str:
    """`float32 [2, 3]` for a tensor or array, the type's name for anything else."""
    shape = getattr(value, "shape", None)
    if shape is None:
        return type(value).__name__
    return f"{str(value.dtype).rpartition('.')[2]} {list(shape)}"


# ---------------------------------------------------------------- backward


def second_backward(node: Any) -> RuntimeError:
    """Backward through a node whose saved values were released."""
    return RuntimeError(
        hinted(
            "Trying to backward through the graph a second time (or directly access saved tensors "
            "after they have "
            "already been freed). Saved intermediate values of the graph are freed when you call "
            ".backward() or "
            "autograd.grad(). Specify retain_graph=True if you need to backward through the graph "
            "a second time or "
            "if you need to access saved tensors after calling backward.",
            f"node: {node.name()}, whose saved values are gone",
            *located(node),
            hint="compute the forward again before each backward (put it inside the loop), or "
            "call the first "
            "backward with retain_graph=True and keep the graph in memory",
        )
    )


def op_of(node: Any) -> str:
    """`Add` for an AddBackward0."""
    return node.name().rstrip("0123456789").removesuffix("Backward")  # type: ignore[no-any-return]


def modified_saved(node: Any, saved: str, tensor: Any, expected: int) -> RuntimeError:
    """A value saved for backward was overwritten in place."""
    out_of = node if saved in node.prim.outputs else tensor.grad_fn
    origin = f", which is output {tensor.output_nr} of {op_of(out_of)}," if out_of else ""
    name, _ = named(tensor)
    actual = tensor._version
    return RuntimeError(
        hinted(
            "one of the variables needed for gradient computation has been modified by an inplace "
            "operation: "
            f"[{type_name(tensor.dtype)} {list(tensor.shape)}]{origin} is at version {actual}; "
            f"expected version {expected} instead.",
            f"modified: `{name}`" if name else "",
            f"saved by: {node.name()}, as `{saved}`",
            *located(node),
            f"versions: {expected} when it was saved, {actual} now ({actual - expected} in-place "
            "writes since)",
            hint="write the in-place line out of place (x = x + 1 instead of x += 1), or clone() "
            "before it; "
            "torch.autograd.set_detect_anomaly(True) shows the forward line",
        )
    )


def no_grad_needed(index: int, tensor: Any) -> RuntimeError:
    """backward() on something that nothing was recorded for."""
    name, where = named(tensor)
    return RuntimeError(
        hinted(
            f"element {index} of tensors does not require grad and does not have a grad_fn",
            f"tensor: `{name}`" if name else "",
            f"made at: {where}" if where else "",
            hint="make the inputs with requires_grad=True, and compute outside torch.no_grad() "
            "and without detach()",
        )
    )


def implicit_grad(tensor: Any) -> RuntimeError:
    """backward() without gradient on a tensor that is not a scalar."""
    name, where = named(tensor)
    if tensor.is_complex():
        first = "grad can be implicitly created only for real scalar outputs but got " + repr(
            tensor.dtype
        )
    else:
        first = "grad can be implicitly created only for scalar outputs"
    return RuntimeError(
        hinted(
            first,
            f"tensor: `{name}`" if name else "",
            f"shape: {list(tensor.shape)}",
            f"made at: {where}" if where else "",
            hint="reduce it first, as in y.sum().backward(), or give the cotangent: "
            "y.backward(gradient=torch.ones_like(y))",
        )
    )


def cotangent_shape(index: int, grad: Any, output: Any) -> RuntimeError:
    """The gradient given to backward does not fit."""
    return RuntimeError(
        hinted(
            f"Mismatch in shape: grad_output[{index}] has a shape of "
            f"torch.Size({list(grad.shape)}) and "
            f"output[{index}] has a shape of torch.Size({list(output.shape)}).",
            hint="the gradient must have the shape of the tensor that backward starts from",
        )
    )


def unused_input(index: int, tensor: Any) -> RuntimeError:
    """autograd.grad for an input, or the edge of one, that the outputs do not depend on."""
    name, _ = named(tensor)
    shape = getattr(tensor, "shape", None)
    fact = f"shape: {list(shape)}" if shape is not None else ""
    return RuntimeError(
        hinted(
            f"The differentiated Tensor at index {index} appears to not have been used in the "
            "graph. "
            "Set allow_unused=True if this is the desired behavior.",
            f"tensor: `{name}`, {fact.replace(':', '')}" if name and fact else fact,
            hint="allow_unused=True gives None for it, materialize_grads=True zeros",
        )
    )


def input_without_grad(tensor: Any) -> RuntimeError:
    """autograd.grad for an input that does not require grad."""
    name, _ = named(tensor)
    return RuntimeError(
        hinted(
            "One of the differentiated Tensors does not require grad",
            f"tensor: `{name}`" if name else "",
            hint="call requires_grad_() on it before computing the outputs",
        )
    )


def short_name(node: Any) -> str:
    """The name of a node as PyTorch's messages about tensors say it: without `Backward0`."""
    name: str = node.name()
    return name.rpartition("Backward")[0] or name


def nan_in_backward(node: Any, index: int, gradient: Any) -> RuntimeError:
    """Anomaly mode: a rule gave NaN."""
    flat = gradient.reshape(-1)
    first = next(i for i in range(flat.size) if flat[i] != flat[i])
    return RuntimeError(
        hinted(
            f"Function '{node.name()}' returned nan values in its {index}th output.",
            f"gradient: {described(gradient)}, the first NaN is element {first}",
            hint="the warning above shows the forward line; torch.autograd.detect_anomaly("
            "forward=True) stops where forward makes its first NaN",
        )
    )


def note_forward(node: Any) -> None:
    """Anomaly mode: keep at a new node where it was made: the stack as text, down to the user's
    line."""
    import traceback

    inside = "/" + _HERE.replace(".", "/")
    frames = traceback.extract_stack()
    ours = [inside in f.filename.replace("\\", "/") for f in frames]
    last = max((i for i, mine in enumerate(ours) if not mine), default=len(frames))
    stack = traceback.StackSummary.from_list(frames[: last + 1])
    node.metadata["traceback_"], node.metadata["line_"] = stack.format(), user_location()


def forward_of(node: Any) -> str:
    """Anomaly mode: the warning that shows where a failing node was made."""
    text, known = f"Error detected in {node.name()}. ", node.metadata
    if "traceback_" not in known:
        return text + (
            "No forward pass information available. Enable detect anomaly during forward pass for "
            "more information."
        )
    text += "Traceback of forward call that caused the error:\n" + "".join(known["traceback_"])
    parent = known.get("parent_")
    while parent is not None:
        known = parent.metadata
        text += (
            f"\n\nPrevious calculation was induced by {parent.name()}. Traceback of forward call "
            "that induced the previous calculation:\n" + "".join(known.get("traceback_", ()))
        )
        parent = known.get("parent_")
    return text


def edge_without_tensor(edge: Any) -> RuntimeError:
    """backward(inputs=...) with the edge of a tensor that is no leaf: there is no `.grad`."""
    return RuntimeError(
        hinted(
            "backward() cannot accumulate the gradient of a GradientEdge that is not a leaf's",
            f"node: {edge.node.name()}",
            hint="torch.autograd.grad returns it",
        )
    )


# ---------------------------------------------------------------- leaves, in-place, inference


def backward_inside() -> RuntimeError:
    """`backward()` on a value of a transform of func."""
    return RuntimeError(
        hinted(
            "backward() called inside a functorch transform. This is not supported, please use "
            "functorch.grad or functorch.vjp instead or call backward() outside of functorch "
            "transforms.",
            hint="torch.func.grad(f)(x) nests to any depth",
        )
    )


def requires_grad_inside() -> RuntimeError:
    """`requires_grad_` on a value of a transform of func."""
    return RuntimeError(
        hinted(
            "You are attempting to call Tensor.requires_grad_() (or perhaps using "
            "torch.autograd.functional.* APIs) inside of a function being transformed by a "
            "functorch transform. This is unsupported, please attempt to use the functorch "
            "transforms (e.g. grad, vjp, jacrev, jacfwd, hessian) or call requires_grad_() outside "
            "of a function being transformed instead.",
            hint="torch.func.grad differentiates with respect to arguments; nothing need be marked",
        )
    )


def float_only(first: str, dtype: Any) -> RuntimeError:
    """requires_grad on an integer tensor."""
    return RuntimeError(
        hinted(
            first,
            f"dtype: {dtype!r}",
            hint="make it floating point, as in x.float() or dtype=torch.float32",
        )
    )


def requires_grad_off(tensor: Any) -> RuntimeError:
    """requires_grad = False on a non-leaf."""
    return RuntimeError(
        hinted(
            "you can only change requires_grad flags of leaf variables. If you want to use a "
            "computed variable in a "
            "subgraph that doesn't require differentiation use var_no_grad = var.detach().",
            f"node: {tensor.grad_fn.name()}",
            hint="x.detach() gives the same values outside the graph",
        )
    )


def leaf_inplace(leaf: Any, op: str, view: bool) -> RuntimeError:
    """In-place on a leaf that requires grad, or on a view of one."""
    name, _ = named(leaf)
    what = "a view of a leaf" if view else "a leaf"
    return RuntimeError(
        hinted(
            f"{what} Variable that requires grad is being used in an in-place operation.",
            f"op: {op}",
            f"tensor: `{name}`, shape {list(leaf.shape)}" if name else f"shape: {list(leaf.shape)}",
            hint="update parameters inside `with torch.no_grad():`, or compute a new tensor",
        )
    )


def multi_output_view_inplace(tensor: Any) -> RuntimeError:
    """In-place on one of several views that an op returned together."""
    return view_inplace("several", tensor.grad_fn, tensor.output_nr, direct=True)


_NO_GRAD_VIEW = (
    "Given that this use case is ambiguous and error-prone, it is forbidden. You can clarify your "
    "code by moving both the view and the inplace either both inside the {0} block (if you don't "
    "want the inplace to be tracked) or both outside (if you want the inplace to be tracked)."
)
_WHY_NOT = {
    "several": "This view is the output of a function that returns multiple views. Such functions "
    "do not allow the output views to be modified inplace. You should replace the inplace "
    "operation by an out-of-place one.",
    "custom": "This view was created inside a custom Function (or because an input was returned "
    "as-is) and the autograd logic to handle view+inplace would override the custom backward "
    "associated with the custom Function, leading to incorrect gradients. This behavior is "
    "forbidden. You can fix this by cloning the output of the custom Function.",
    "no_grad": _NO_GRAD_VIEW.format("no_grad"),
    "inference": _NO_GRAD_VIEW.format("inference_mode"),
}


def view_inplace(creation: str, node: Any, number: int, *, direct: bool) -> RuntimeError:
    """A view that must not be written was, or (not `direct`) its base or another of its views."""
    how = "is being" if direct else "and its base or another view of its base has been"
    if creation in ("no_grad", "inference"):
        made = "no_grad mode" if creation == "no_grad" else "inference mode"
        mode = "with grad mode enabled" if creation == "no_grad" else "in normal mode"
        kind = (
            f"Output {number} of {short_name(node)} is a view of a view which" if node else "A view"
        )
        what = (
            f"{kind} was created in {made} {'and ' if direct else ''}{how} modified inplace {mode}."
        )
    else:
        kind = f"Output {number} of {short_name(node)} is a view"
        what = f"{kind} {'and ' if direct else ''}{how} modified inplace."
    return RuntimeError(
        hinted(
            f"{what} {_WHY_NOT[creation]}",
            hint="index the tensor instead (x[i], x[a:b]), or clone() the part first",
        )
    )


def overlapping_inplace(op: str) -> RuntimeError:
    """In-place on memory that several elements share (an expanded tensor) or that must not be
    written."""
    return RuntimeError(
        hinted(
            "unsupported operation: more than one element of the written-to tensor refers to a "
            "single memory "
            "location. Please clone() the tensor before performing the operation.",
            f"op: {op}",
            hint="x.clone() (or x.contiguous()) has memory of its own",
        )
    )


def overlapping_operand(op: str, written: Any, read: Any) -> RuntimeError:
    """In-place from a part of the memory that is written."""
    return RuntimeError(
        hinted(
            "unsupported operation: some elements of the input tensor and the written-to tensor "
            "refer to a single memory location. Please clone() the tensor before performing the "
            "operation.",
            f"op: {op}",
            f"written: {described(written)}, read: {described(read)}",
            hint="clone() what is read: x[:2] *= x[1:].clone()",
        )
    )


def grad_of_non_leaf(tensor: Any) -> str:
    """The warning text for `.grad` of a computed tensor."""
    name, where = named(tensor)
    return hinted(
        "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. Its .grad "
        "attribute won't be "
        "populated during autograd.backward(). If you indeed want the .grad field to be populated "
        "for a non-leaf "
        "Tensor, use .retain_grad() on the non-leaf Tensor. If you access the non-leaf Tensor by "
        "mistake, make sure "
        "you access the leaf Tensor instead.",
        f"tensor: `{name}`, made by {tensor.grad_fn.name()}"
        if name
        else f"made by: {tensor.grad_fn.name()}",
        f"at: {where}" if where else "",
        hint="call retain_grad() on it before backward",
    )


def check_assigned_grad(tensor: Any, grad: Any) -> None:
    """What may be assigned to `.grad`: a tensor of the same shape and dtype."""
    if not hasattr(grad, "requires_grad"):
        raise TypeError(
            "assigned grad expected to be a Tensor or None but got grad of type "
            f"{type(grad).__name__}"
        )
    if grad is tensor:
        raise RuntimeError("can't assign Variable as its own grad")
    if grad.dtype is not tensor.dtype:
        raise RuntimeError(
            f"attempting to assign a gradient with dtype '{CPP.get(grad.dtype.name)}' to a tensor "
            f"with grad_dtype '{LEGACY[tensor.dtype.name]}'. The gradient must match the tensor's "
            "grad_dtype (defaults to the tensor's dtype). You can set the tensor's grad_dtype "
            "attribute with a specific dtype, or None to allow any dtype. Set grad_dtype with "
            "caution. Diverging the dtypes of a tensor and its gradient may break downstream "
            "systems that assume they match.\n"
            "Hint: convert it first, as in grad.to(tensor.dtype)"
        )
    if grad.shape != tensor.shape:
        raise RuntimeError(
            f"attempting to assign a gradient of size '{list(grad.shape)}' to a tensor of size "
            f"'{list(tensor.shape)}'. Please ensure that the gradient and the tensor are the same "
            "size"
        )


def inference_saved() -> RuntimeError:
    """An inference tensor in a recorded operation."""
    return RuntimeError(
        "Inference tensors cannot be saved for backward. Please do not use Tensors created in "
        "inference mode in "
        "computation tracked by autograd. To work around this, you can make a clone to get a "
        "normal tensor and use "
        "it in autograd, or use `torch.no_grad()` instead of `torch.inference_mode()`."
    )


def inference_inplace() -> RuntimeError:
    """An inference tensor written outside inference mode."""
    return RuntimeError(
        "Inplace update to inference tensor outside InferenceMode is not allowed.You can make a "
        "clone to get a "
        "normal tensor before doing inplace update.See https://github.com/pytorch/rfcs/pull/17 "
        "for more details."
    )


def inference_requires_grad() -> RuntimeError:
    """requires_grad_ on an inference tensor."""
    return RuntimeError(
        "Setting requires_grad=True on inference tensor outside InferenceMode is not allowed.\n"
        "Hint: clone() it first"
    )


def numpy_of_graph(tensor: Any) -> RuntimeError:
    """numpy() on a tensor that requires grad."""
    name, _ = named(tensor)
    return RuntimeError(
        hinted(
            "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.",
            f"tensor: `{name}`" if name else "",
            hint="NumPy would not be recorded; .detach() says that this is meant",
        )
    )


# What `core/declare.py` knows of a tensor that was read as a number or truth: the TypeError for the
# argument, if one of our functions read it.
MISREAD: list[Callable[[], Exception | None]] = []


def not_one(error: Exception) -> Exception:
    """`error`, raised because a tensor of many elements was read as one, or a better one."""
    return next(filter(None, (ask() for ask in MISREAD)), error)


def ambiguous_bool(data: Any) -> RuntimeError:
    """`if tensor:` with many or no elements."""
    if data.size == 0:
        return RuntimeError(
            "Boolean value of Tensor with no values is ambiguous\nHint: test x.numel() == 0"
        )
    return RuntimeError(
        hinted(
            "Boolean value of Tensor with more than one value is ambiguous",
            f"shape: {list(data.shape)}",
            hint="say .any() or .all(), or torch.where(...) to choose elementwise",
        )
    )


# ---------------------------------------------------------------- arguments of ops


def kind_name(value: Any) -> str:
    """The type of a value as PyTorch's messages name it."""
    kind = type(value)
    if kind.__module__ == "numpy":
        return f"numpy.{kind.__name__}"
    return f"torch.{kind.__name__}" if kind.__name__ in ("dtype", "device") else kind.__name__


def as_tensor_hint(value: Any) -> str:
    """How to make a tensor of what is none."""
    return {
        "ndarray": "torch.from_numpy(array) or torch.tensor(array) makes a tensor of it",
        "list": "torch.tensor(list) makes a tensor of it",
        "NoneType": "an earlier call returned None, as backward() does",
    }.get(type(value).__name__, "torch.tensor(value) makes a tensor of numbers, lists and arrays")


def wrong_type(op: str, argument: str, position: int, value: Any) -> TypeError:
    """An argument that is no tensor."""
    return TypeError(
        hinted(
            f"{op}(): argument '{argument}' (position {position}) must be Tensor, not "
            f"{kind_name(value)}",
            hint=as_tensor_hint(value),
        )
    )


def broadcast(op: str, shapes: Sequence[tuple[int, ...]]) -> RuntimeError:
    """Shapes that do not broadcast: PyTorch's sentence names the dimension."""
    first, second = shapes[0], shapes[1]
    for other in shapes[2:]:
        if _clash(first, second) is None:
            second = other
    clash = _clash(first, second)
    if clash is None:
        return RuntimeError(
            f"{op}(): shapes {', '.join(str(list(s)) for s in shapes)} do not broadcast"
        )
    dim, a, b = clash
    return RuntimeError(
        hinted(
            f"The size of tensor a ({a}) must match the size of tensor b ({b}) at non-singleton "
            f"dimension {dim}",
            f"op: {op}",
            f"shapes: {list(first)} and {list(second)} (compared from the right; 1 stretches)",
            hint="reshape or unsqueeze one of them so that the dimensions line up",
        )
    )


def _clash(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, int, int] | None:
    rank = max(len(a), len(b))
    for back in range(1, min(len(a), len(b)) + 1):
        if a[-back] != b[-back] and a[-back] != 1 and b[-back] != 1:
            return rank - back, a[-back], b[-back]
    return None


def wrong_kind(op: str, name: str, kind: str, value: Any, position: int = 0) -> TypeError:
    """A static argument of another type."""
    where = f" (position {position})" if position else ""
    return TypeError(
        hinted(
            f"{op}(): argument '{name}'{where} must be {kind}, not {kind_name(value)}",
            hint=f"see help(torch.{op}) for what it takes",
        )
    )


C_NAMES = {
    "float32": "float", "float64": "double", "int64": "long int", "int32": "int",
    "int16": "short int", "int8": "signed char", "uint8": "unsigned char",
    "complex64": "c10::complex<float>", "complex128": "c10::complex<double>",
    "float16": "c10::Half", "bfloat16": "c10::BFloat16",
}  # fmt: skip  # what some of PyTorch's messages call the dtypes

# Functions that write only into a tensor of their result's dtype, and PyTorch's words for others.
_EXACT_OUT = {
    **dict.fromkeys(("all", "any"), "{op} only supports bool tensor for result, got: {given}"),
    **dict.fromkeys(
        ("isposinf", "isneginf", "signbit"), "{op} does not support non-boolean outputs."
    ),
    **dict.fromkeys(
        """isin argmax argmin addmm addmv alias_copy as_strided_copy avg_pool2d avg_pool3d baddbmm
        diagonal_copy index_add index_copy linalg_cholesky linalg_cholesky_ex linalg_cross
        linalg_det linalg_eigh linalg_inv linalg_inv_ex linalg_ldl_factor_ex linalg_ldl_solve
        linalg_lu_factor_ex linalg_lu_solve linalg_qr linalg_slogdet linalg_solve linalg_solve_ex
        linalg_svd linalg_vector_norm log_softmax matmul msort permute_copy renorm scatter
        scatter_add select_copy slice_copy softmax sort squeeze_copy t_copy topk transpose_copy
        triangular_solve tril triu unfold_copy unsqueeze_copy view_copy sum mean nansum prod
        """.split(),
        "Expected out tensor to have dtype {own_c}, but got {given_c} instead",
    ),
    **dict.fromkeys(
        """ceil clamp conj_physical floor frac gelu hardshrink lerp neg round round_decimals sgn
        sign softplus softshrink trunc""".split(),
        "Found dtype {given} but expected {own}",
    ),
    **dict.fromkeys(
        ("inner", "tensordot"),
        "{op}: Expected the output tensor to have dtype {own}, but got an output tensor with "
        "dtype {given}",
    ),
    **dict.fromkeys(
        ("cummax", "cummin", "logcumsumexp"), "expected scalar_type {own} but found {given}"
    ),
    **dict.fromkeys(
        ("quantile", "nanquantile"), "{op}() out tensor must be same dtype as the input tensor"
    ),
    **dict.fromkeys(("logsigmoid", "mode"), "expected scalar type {own} but found {given}"),
    **dict.fromkeys(
        ("median_dim", "nanmedian_dim"),
        "Expected tensor to have scalar type {own}; but got {given} instead",
    ),
    "narrow_copy": "Expected self.dtype() == output.dtype() to be true, but got false.",
    "linalg_vecdot": "linalg.vecdot: Expected out of dtype{own} but found {given}",
    "linalg_matrix_norm": "linalg.matrix_norm expected out tensor dtype {own} but got: {given}",
    "nan_to_num": "nan_to_num: dtype of out: {given} should be same as input: {own}",
    "where": "Expected out type to be {own} but got {given}",
    "heaviside": "heaviside is not yet implemented for tensors with different dtypes.",
    "frexp": "torch.frexp() expects another dtype: {own_c} but got {given_c}",
    "histc": "torch.histogram: input tensor and hist tensor should have the same dtype, but got "
    "input {own_c} and hist {given_c}",
    "nonzero": "nonzero: Expected out tensor to have scalar type {own} but got scalar type{given}",
    "hash_tensor": "Expected result to be of dtype uint64, but got {given}",
    "bitwise_not": "Found dtype {given} but expected {own}",
    "float_power": "the output given to float_power has dtype {given} but the operation's result "
    "requires dtype {own}",
    "searchsorted": "torch.searchsorted(): output tensor's dtype is wrong, it can only be "
    "Int(int32) or Long(int64) depending on whether out_int32 flag is True, but we got output "
    "tensor's dtype {given} and out_int32 flag is {flag}",
}


def check_exact_out(op: str, own: Any, given: Any) -> None:
    """RuntimeError for a dtype of `out` that differs from the result's, where PyTorch minds."""
    if own is given or op not in _EXACT_OUT:
        return
    if given.name == "uint8" and op in ("all", "any"):
        return
    first = _EXACT_OUT[op].format(
        op=op,
        own=LEGACY[own.name],
        given=LEGACY[given.name],
        own_c=C_NAMES.get(own.name, own.name),
        given_c=C_NAMES.get(given.name, given.name),
        flag=own.name == "int32",
    )
    raise RuntimeError(hinted(first, f"op: {op}", hint=f"give out= a tensor of {own!r}"))


class _Absent:
    """The default of an argument for which None is no value."""

    def __repr__(self) -> str:
        return "<not given>"


ABSENT: Any = _Absent()


def need_number(op: str, first: int = 0, /, **values: Any) -> None:
    """TypeError for a value that is no number: None would be NaN to NumPy. `first`: the position
    of the first one, to be named."""
    for i, (name, value) in enumerate(values.items()):
        scalar = hasattr(value, "item") and not value.ndim  # of a tensor or of NumPy
        if not scalar and not isinstance(value, (int, float, complex)):
            raise wrong_kind(op, name, "Number", value, first and first + i)


def need_float(op: str, **values: Any) -> None:
    """TypeError for a value that is no real number, nor a 0-d tensor that stands for one."""
    for name, value in values.items():
        scalar = hasattr(value, "item") and not value.ndim and value.dtype != complex
        if not scalar and not isinstance(value, (int, float)):
            raise wrong_kind(op, name, "float", value)


def need_same_dtype(first: Any, second: Any) -> None:
    """RuntimeError for two operands of an op that does not promote them."""
    if first.dtype is not second.dtype:
        names = [LEGACY[t.dtype.name] for t in (first, second)]
        raise RuntimeError(
            hinted(
                f"expected scalar type {names[0]} but found {names[1]}",
                hint=f"convert one of them, as in other.to({first.dtype!r})",
            )
        )


def need_int(op: str, **values: Any) -> None:
    """TypeError for a value that is no integer (True and False are none)."""
    for name, value in values.items():
        try:
            operator.index(value)
            fits = not isinstance(value, bool)
        except TypeError:
            fits = False
        if not fits:
            raise wrong_kind(op, name, "int", value)


def checked_int(op: str, name: str, value: Any) -> int:
    """`value` as an int; TypeError if it is none (True and False are none)."""
    need_int(op, **{name: value})
    return operator.index(value)


def checked_bool(op: str, name: str, value: Any) -> bool:
    """`value`, which is True or False: a number here is a forgotten `dim` more often than not."""
    if value is True or value is False:
        return value
    raise wrong_kind(op, name, "bool", value)


def only(op: str, given: dict[str, Any], *known: str) -> None:
    """TypeError for a keyword argument that is not among the `known`."""
    for name in given:
        if name not in known:
            raise TypeError(f"{op}() got an unexpected keyword argument '{name}'")
        check_option(op, name, given[name])


def check_option(op: str, name: str, value: Any) -> None:
    """`layout=` and `memory_format=` take objects of the classes of these names, `pin_memory=` a
    bool; else TypeError. RuntimeError for pinned memory, which there is none of."""
    if name in ("layout", "memory_format") and value is not None and type(value).__name__ != name:
        raise wrong_kind(op, name, f"torch.{name}", value)
    if name == "pin_memory" and value is not None and value is not False:
        if value is not True:
            raise wrong_kind(op, name, "bool", value)
        raise RuntimeError(
            hinted(
                "pin_memory=True requires a CUDA or other accelerator backend; no pinned memory "
                "allocator is available on this system.",
                f"op: {op}",
                hint="leave it out: chainrule computes on the CPU",
            )
        )


def one_dim(op: str, dim: Any, axis: Any) -> Any:
    """`axis`, NumPy's name of `dim`; TypeError if both were given."""
    if dim is not None:
        raise TypeError(
            f"{op}() got an unexpected keyword argument 'axis'\nHint: it means dim, which was given"
        )
    return axis


def checked_dim(dim: int, ndim: int) -> int:
    """`dim` as a number from 0; IndexError in PyTorch's words when out of range."""
    if type(dim) is int and 0 <= dim < ndim:
        return dim
    if type(dim) is not int:
        if not hasattr(dim, "__index__") or type(dim) is bool:
            raise TypeError(
                f"argument 'dim' must be int, not {type(dim).__name__}\n"
                "Hint: dimensions are counted from 0, or from -1 backwards"
            )
        dim = dim.__index__()
    limit = ndim or 1
    if not -limit <= dim < limit:
        raise IndexError(
            hinted(
                f"Dimension out of range (expected to be in range of [{-limit}, {limit - 1}], but "
                f"got {dim})",
                hint=f"the tensor has {ndim} dimensions",
            )
        )
    return dim + limit if dim < 0 else dim


def not_castable(result: Any, target: Any) -> RuntimeError:
    """In-place or out= whose result type the target cannot hold."""
    return RuntimeError(
        hinted(
            f"result type {LEGACY[result.name]} can't be cast to the desired output type "
            f"{LEGACY[target.name]}",
            hint=f"convert the target first (x = x.to({result!r})), or write it out of place",
        )
    )


def out_with_grad(op: str) -> RuntimeError:
    """out= while recording."""
    return RuntimeError(
        f"{op}(): functions with out=... arguments don't support automatic differentiation, "
        "but one of the arguments requires grad.\nHint: leave out= away, or use torch.no_grad()"
    )


def out_with_tangent(op: str) -> NotImplementedError:
    """out= for a value with a tangent."""
    return NotImplementedError(
        f"Trying to use forward AD with {op}_out that does not support it because it is an out= "
        "function\nHint: leave out= away"
    )


def no_memory(op: str, error: MemoryError) -> RuntimeError:
    """An array that does not fit into memory."""
    shape: Any = getattr(error, "shape", None)  # of NumPy's
    dtype: Any = getattr(error, "dtype", None)
    size = "" if shape is None else f" you tried to allocate {math.prod(shape) * dtype.itemsize}"
    return RuntimeError(
        hinted(
            "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate "
            f"memory:{size} bytes. Error code 12 (Cannot allocate memory)",
            f"op: {op}",
            f"shape: {list(shape)}, dtype: {dtype}" if size else "",
            hint="use smaller batches, or keep less for the backward pass (torch.no_grad())",
        )
    )


def kernel_failed(
    op: str, inputs: Sequence[Any], params: Sequence[Any], error: Exception
) -> Exception:
    """Whatever NumPy refused, with the op, the operands and the parameters."""
    shapes = [tuple(t.shape) for t in inputs if hasattr(t, "shape")]
    if isinstance(error, ValueError) and "broadcast" in str(error) and len(shapes) > 1:
        return broadcast(op, shapes)
    return RuntimeError(
        hinted(
            f"{op}(): {error}",
            f"operands: {', '.join(map(described, inputs))}",
            f"parameters: {', '.join(map(repr, params))}" if params else "",
            hint=f"see help(torch.{op}) for what it takes",
        )
    )
