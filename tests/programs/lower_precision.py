"""Training under autocast with a gradient scaler."""

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)


class Net(nn.Module):
    def __init__(s):
        super().__init__()
        s.f = nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.Conv2d(4, 8, 3, stride=2),
            nn.GroupNorm(2, 8),
            nn.GELU(),
        )
        s.r = nn.GRU(8, 6, batch_first=True)
        s.h = nn.Sequential(
            nn.LayerNorm(6), nn.Linear(6, 8), nn.SiLU(), nn.Dropout(0.0), nn.Linear(8, 3)
        )

    def forward(s, x):
        x = s.f(x).flatten(2).transpose(1, 2)
        o, _ = s.r(x)
        return s.h(o.mean(1))


n = Net()
opt = torch.optim.AdamW(n.parameters(), 1e-2)
sc = torch.amp.GradScaler("cpu", enabled=True, init_scale=256.0)
X = torch.randn(12, 1, 8, 8)
Y = torch.arange(12) % 3
for _i in range(8):
    opt.zero_grad()
    with torch.autocast(device_type="cpu", dtype=torch.bfloat16):
        o = n(X)
        l = F.cross_entropy(o, Y)
    sc.scale(l).backward()
    sc.unscale_(opt)
    g = nn.utils.clip_grad_norm_(n.parameters(), 5.0)
    sc.step(opt)
    sc.update()
    print(
        o.dtype,
        l.dtype,
        next(p.grad.dtype for p in n.parameters()),
        round(l.item(), 1),
        sc.get_scale(),
    )
print(n(X).dtype)
with torch.autocast("cpu", torch.bfloat16):
    e = nn.TransformerEncoderLayer(8, 2, 16, 0.0, batch_first=True)
    z = e(torch.randn(2, 5, 8))
    print(
        z.dtype,
        (z / 2 + 1).dtype,
        z.sum().dtype,
        F.mse_loss(z, z * 0).dtype,
        nn.LSTM(8, 4)(z)[1][0].dtype,
        nn.MultiheadAttention(8, 2)(z, z, z)[0].dtype,
        torch.einsum("bij,bkj->bik", z, z).dtype,
    )
    with torch.autocast("cpu", enabled=False):
        print((z.float() @ z.float().mT).dtype)
m = nn.Linear(4, 2).bfloat16()
x = torch.ones(2, 4, dtype=torch.bfloat16)
y = m(x)
y.sum().backward()
print(y.dtype, m.weight.grad, (y / 2).dtype, torch.tensor([1.5], dtype=torch.bfloat16) * 3)
h = torch.vmap(lambda v: v * 2 + v.sum() / 3)(x)
print(h)
