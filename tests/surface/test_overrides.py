"""`__torch_function__`: subclasses, duck types, modes. Each program runs in a process of its own:
switching dispatch on cannot be taken back."""

from __future__ import annotations

import subprocess
import sys

import pytest

SUBCLASS = """
import chainrule as torch
calls = []
class Sub(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        calls.append(func.__name__)
        return super().__torch_function__(func, types, args, kwargs)
a, b = torch.ones(2, 2).as_subclass(Sub), torch.ones(2, 2)
"""
PROGRAMS = {
    "results keep the class": SUBCLASS + """
for made in (a + 1, 1 + a, b * a, a @ b, -a, a[0], torch.sin(a), torch.add(b, a), a.T, a.data,
             torch.stack([b, a]), torch.nn.functional.relu(a), torch.zeros_like(a), a.float()):
    assert type(made) is Sub, made
assert all(type(t) is Sub for t in a.split(1)) and type(a.max(0).values) is Sub
assert type(a.tolist()) is list and type(b + b) is torch.Tensor
""",
    "functions have PyTorch's names": SUBCLASS + """
for f, name in ((lambda: a + 1, "add"), (lambda: 1 - a, "__rsub__"), (lambda: a / b, "div"),
                (lambda: a < b, "lt"), (lambda: a == b, "__eq__"), (lambda: a % 2, "remainder"),
                (lambda: a.shape, "__get__"), (lambda: torch.mean(a, dim=0), "mean")):
    calls.clear(); f(); assert calls == [name], (name, calls)
""",
    "gradients flow": SUBCLASS + """
x = torch.ones(2, requires_grad=True)
(x.as_subclass(Sub) * 3).sum().backward()
assert x.grad.tolist() == [3, 3]
""",
    "a result given by out= keeps its own class": SUBCLASS + """
out = torch.zeros(2, 2)
made = torch.add(b, a, out=out)
assert type(out) is torch.Tensor and out.tolist() == [[2, 2], [2, 2]] and type(made) is Sub
""",
    "duck types are asked": """
import chainrule as torch
import chainrule.overrides
class Duck:
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        return func, kwargs
d = Duck()
assert torch.mean(d, dim=0) == (torch.mean, {"dim": 0})
assert torch.ones(1).add(d)[0] is torch.Tensor.add and (torch.ones(1) + d)[0] is torch.Tensor.add
assert torch.stack([d]) == (torch.stack, None)
assert torch.overrides.is_tensor_like(d) and torch.overrides.has_torch_function((1, d))
""",
    "all refuse": """
import chainrule as torch
import chainrule.overrides
class No:
    __torch_function__ = classmethod(lambda cls, func, types, args=(), kwargs=None: NotImplemented)
try:
    torch.sin(No())
except TypeError as error:
    assert "Multiple dispatch failed for 'torch.sin'" in str(error)
else:
    raise AssertionError
""",
    "modes see every function": """
import chainrule as torch
names = []
class Mode(torch.overrides.TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        names.append(func.__name__)
        return func(*args, **(kwargs or {}))
with Mode():
    (torch.ones(2) + 1).sum()
assert names == ["ones", "add", "sum"], names
""",
    "a constructor with more arguments": """
import chainrule as torch
class Named(torch.Tensor):
    def __new__(cls, data, name):
        made = torch.Tensor._make_subclass(cls, data)
        made.label = name
        return made
x = Named(torch.ones(2), "x")
assert x.label == "x" and type(x.sin()) is Named and not hasattr(x.sin(), "label")
""",
    "programs without subclasses do not load it": """
import sys
import chainrule as torch
torch.nn.Linear(2, 2)(torch.ones(1, 2)).sum().backward()
assert "chainrule.overrides" not in sys.modules
""",
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
def test_program(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAMS[name]], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
