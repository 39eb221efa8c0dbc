"""Training that is saved, resumed and follows the same path."""

import copy
import io
import os
import random
import tempfile

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F


def seed(s):
    random.seed(s)
    np.random.seed(s)
    torch.manual_seed(s)


def build():
    m = nn.Sequential(
        nn.Linear(6, 12), nn.BatchNorm1d(12), nn.PReLU(), nn.Dropout(0.3), nn.Linear(12, 2)
    )
    o = torch.optim.AdamW(m.parameters(), lr=1e-2)
    s = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(o, T_0=3, T_mult=2)
    return m, o, s


seed(0)
X = torch.randn(60, 6)
Y = (X[:, 0] * X[:, 1] > 0).long()
ds = torch.utils.data.TensorDataset(X, Y)


def epoch(m, o, s, e):
    m.train()
    t = 0
    for i, (x, y) in enumerate(torch.utils.data.DataLoader(ds, 20, shuffle=True)):
        x = x + 0.01 * torch.from_numpy(np.random.randn(*x.shape)).float()
        l = F.cross_entropy(m(x), y)
        o.zero_grad()
        l.backward()
        o.step()
        s.step(e + i / 3)
        t += l.item()
    return t


m, o, s = build()
path = os.path.join(tempfile.mkdtemp(), "ck.pt")
for e in range(6):
    print(e, f"{epoch(m, o, s, e):.5f}", s.get_last_lr())
    if e == 2:
        torch.save(
            {
                "epoch": e,
                "model": m.state_dict(),
                "opt": o.state_dict(),
                "sched": s.state_dict(),
                "rng": torch.get_rng_state(),
                "np": np.random.get_state()[1].tolist(),
                "nps": np.random.get_state()[2:],
                "py": random.getstate(),
                "best": torch.tensor(1.0),
            },
            path,
        )
ref = copy.deepcopy(m.state_dict())
m, o, s = build()
ck = torch.load(path, weights_only=True, map_location="cpu")
print(m.load_state_dict(ck["model"]))
o.load_state_dict(ck["opt"])
s.load_state_dict(ck["sched"])
torch.set_rng_state(ck["rng"])
np.random.set_state(("MT19937", np.array(ck["np"], dtype=np.uint32), *ck["nps"]))
random.setstate(ck["py"])
for e in range(ck["epoch"] + 1, 6):
    print(e, f"{epoch(m, o, s, e):.5f}", s.get_last_lr())
print(
    all(torch.equal(a, b) for a, b in zip(ref.values(), m.state_dict().values(), strict=False)),
    sorted(o.state_dict()["param_groups"][0]),
    list(o.state_dict()["state"][0]),
)
b = io.BytesIO()
torch.save(m, b)
b.seek(0)
try:
    torch.load(b)
except Exception as ex:
    print(type(ex).__name__)
b.seek(0)
m2 = torch.load(b, weights_only=False)
m2.eval()
m.eval()
print(torch.equal(m2(X), m(X)))
try:
    m.load_state_dict({"0.weight": torch.zeros(3, 3), "zzz": torch.zeros(1)})
except RuntimeError as ex:
    print(ex)
print(m.load_state_dict({k: v for k, v in ref.items() if "0." in k}, strict=False))
print(s.state_dict())
print({k: v for k, v in o.state_dict()["param_groups"][0].items() if k != "params"})
bigger = nn.Sequential(*list(m.children())[:-1], nn.Linear(12, 5))
print(bigger, [n for n, _ in bigger.named_buffers()])
print(m2[-1].weight.data_ptr() != m[-1].weight.data_ptr(), m.state_dict()._metadata["1"])
