"""Hooks, Functions of one's own, attacks, checkpoints, errors of backward."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.checkpoint import checkpoint

torch.manual_seed(0)


class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, beta):
        s = torch.sigmoid(beta * x)
        ctx.save_for_backward(x, s)
        ctx.beta = beta
        return x * s

    @staticmethod
    def backward(ctx, g):
        x, s = ctx.saved_tensors
        return g * (s + ctx.beta * x * s * (1 - s)), None


class STE(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.mark_non_differentiable()
        return x.sign()

    @staticmethod
    def backward(ctx, g):
        return F.hardtanh(g)


class GRL(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, a):
        ctx.a = a
        return x.view_as(x)

    @staticmethod
    def backward(ctx, g):
        return g.neg() * ctx.a, None


class Net(nn.Module):
    def __init__(s):
        super().__init__()
        s.c = nn.Conv2d(1, 4, 3)
        s.c2 = nn.Conv2d(4, 6, 3)
        s.f = nn.Linear(6, 3)

    def forward(s, x):
        x = Swish.apply(s.c(x), 1.5)
        x = F.relu(s.c2(x))
        return s.f(x.mean((2, 3)))


n = Net()
act, gr = {}, {}
hs = [
    m.register_forward_hook(lambda m, i, o, k=k: act.__setitem__(k, o.detach()))
    for k, m in n.named_children()
]
hs += [
    n.c2.register_full_backward_hook(lambda m, gi, go: gr.__setitem__("c2", (gi[0].shape, go[0])))
]
x = torch.randn(2, 1, 8, 8, requires_grad=True)
o = n(x)
o[:, 1].sum().backward()
w = gr["c2"][1].mean((2, 3), keepdim=True)
cam = F.relu((w * act["c2"]).sum(1))
print(
    {k: tuple(v.shape) for k, v in act.items()}, gr["c2"][0], cam[0], x.grad.abs().max(1)[0][0, 0]
)
for h in hs:
    h.remove()
h = n.c.weight.register_hook(lambda g: g * 2)
n.zero_grad()
n(x).sum().backward()
a = n.c.weight.grad.clone()
h.remove()
n.zero_grad()
n(x).sum().backward()
print(torch.allclose(a, 2 * n.c.weight.grad))
n.f.register_forward_pre_hook(lambda m, a: (a[0] * 0,))
print(torch.allclose(n(x)[0], n.f.bias))
t = torch.tensor([1.0, -2.0, 0.3], requires_grad=True)
STE.apply(t).mul(torch.tensor([3.0, 0.2, -4.0])).sum().backward()
print(t.grad, STE.apply(t))
z = GRL.apply(t, 0.5)
z.sum().backward()
print(t.grad, z.grad_fn.name())
print(
    torch.autograd.gradcheck(
        Swish.apply, (torch.randn(4, dtype=torch.double, requires_grad=True), 1.2)
    ),
    torch.autograd.gradgradcheck(
        torch.nn.functional.mish, torch.randn(3, dtype=torch.double, requires_grad=True)
    ),
)
# FGSM / PGD / integrated gradients
img = torch.rand(2, 1, 8, 8)
lab = torch.tensor([0, 2])
d = torch.zeros_like(img).uniform_(-0.1, 0.1).requires_grad_()
n.f._forward_pre_hooks.clear()
for _i in range(4):
    l = F.cross_entropy(n(img + d), lab)
    l.backward()
    d.data = (d + 0.02 * d.grad.detach().sign()).clamp(-0.1, 0.1)
    d.data = (img + d.data).clamp(0, 1) - img
    d.grad.zero_()
    print(f"{l.item():.5f}", f"{d.abs().max().item():.4f}")
ig = (
    torch.stack(
        [
            torch.autograd.grad(n(y := (a * img).requires_grad_())[:, 0].sum(), y)[0]
            for a in torch.linspace(0, 1, 9)
        ]
    ).mean(0)
    * img
)
print(ig.sum((1, 2, 3)), (n(img) - n(img * 0))[:, 0].detach())
b = torch.randn(3, requires_grad=True)
c = b * 2
c.retain_grad()
e = c.exp()
e.sum().backward()
print(c.grad / b.grad, e.grad_fn.next_functions[0][0].name(), b.is_leaf, c.is_leaf)

blk = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Dropout(0.5), nn.Linear(8, 3))
torch.manual_seed(3)
u = checkpoint(blk, b, use_reentrant=False).sum()
u.backward()
g1 = blk[0].weight.grad.clone()
blk.zero_grad()
torch.manual_seed(3)
blk(b).sum().backward()
print(torch.allclose(g1, blk[0].weight.grad), g1[0])
with torch.autograd.set_detect_anomaly(True):
    try:
        q = torch.tensor([-1.0], requires_grad=True)
        q.sqrt().sum().backward()
    except RuntimeError as ex:
        print(str(ex).splitlines()[0])
try:
    v = torch.ones(2, requires_grad=True)
    w = v.exp()
    w += 1
    w.sum().backward()
except RuntimeError as ex:
    print(str(ex)[:90])
