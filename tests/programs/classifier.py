"""A classifier with batch norm and dropout, clipped gradients and three schedules."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    LinearLR,
    SequentialLR,
    StepLR,
)
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)


class MLP(nn.Module):
    def __init__(self, i, h, o, p=0.2):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(i, h),
            nn.BatchNorm1d(h),
            nn.ReLU(inplace=True),
            nn.Dropout(p),
            nn.Linear(h, h),
            nn.GELU(),
            nn.Linear(h, o),
        )
        self.apply(self._init)

    @staticmethod
    def _init(m):
        if isinstance(m, nn.Linear):
            nn.init.kaiming_normal_(m.weight, nonlinearity="relu")
            nn.init.zeros_(m.bias)

    def forward(self, x):
        return self.net(x.flatten(1))


X = torch.randn(256, 4, 5)
y = (X.sum((1, 2)) > 0).long() + (X[:, 0, 0] > 1).long()
dl = DataLoader(TensorDataset(X, y), batch_size=32, shuffle=True)
model = MLP(20, 48, 3)
print(model)
print(sum(p.numel() for p in model.parameters() if p.requires_grad))
for make in [
    lambda o: StepLR(o, 1, gamma=0.5),
    lambda o: CosineAnnealingLR(o, T_max=4),
    lambda o: SequentialLR(o, [LinearLR(o, 0.1, total_iters=2), CosineAnnealingLR(o, 3)], [2]),
]:
    opt = torch.optim.SGD(
        model.parameters(), lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-4
    )
    sched = make(opt)
    for epoch in range(3):
        model.train()
        tot = 0.0
        correct = 0
        for _i, (xb, yb) in enumerate(dl):
            opt.zero_grad()
            out = model(xb)
            loss = F.cross_entropy(out, yb, label_smoothing=0.1)
            loss.backward()
            gn = nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            opt.step()
            tot += loss.item() * xb.size(0)
            correct += (out.argmax(1) == yb).sum().item()
        sched.step()
        model.eval()
        with torch.no_grad():
            vl = F.cross_entropy(model(X), y)
        print(
            f"{epoch} loss {tot / 256:.4f} acc {correct / 256:.3f} val {vl:.4f} gn {gn:.4f}",
            f"lr {sched.get_last_lr()[0]:.5f}",
        )
print(model.net[1].running_mean[:4], model.net[1].num_batches_tracked)
print(opt)
