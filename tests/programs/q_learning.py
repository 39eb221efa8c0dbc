"""A dueling network that learns from a replay memory, with a target network."""

import copy
import math
import random
from collections import deque, namedtuple

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

random.seed(0)
torch.manual_seed(0)
Transition = namedtuple("Transition", ("state", "action", "next_state", "reward"))


class Memory:
    def __init__(s, c):
        s.m = deque(maxlen=c)

    def push(s, *a):
        s.m.append(Transition(*a))

    def sample(s, n):
        return random.sample(s.m, n)

    def __len__(s):
        return len(s.m)


class DQN(nn.Module):
    def __init__(s, n, a):
        super().__init__()
        s.l1 = nn.Linear(n, 32)
        s.l2 = nn.Linear(32, 32)
        s.v = nn.Linear(32, 1)
        s.a = nn.Linear(32, a)

    def forward(s, x):
        x = F.relu(s.l2(F.relu(s.l1(x))))
        a = s.a(x)
        return s.v(x) + a - a.mean(1, keepdim=True)


pol, tgt = DQN(4, 2), DQN(4, 2)
tgt.load_state_dict(pol.state_dict())
opt = optim.AdamW(pol.parameters(), lr=1e-3, amsgrad=True)
mem = Memory(200)
state = torch.tensor([0.1, 0.0, -0.1, 0.0]).unsqueeze(0)
losses = []
for t in range(80):
    eps = 0.05 + 0.85 * math.exp(-t / 50)
    if random.random() > eps:
        with torch.no_grad():
            a = pol(state).max(1).indices.view(1, 1)
    else:
        a = torch.tensor([[random.randrange(2)]], dtype=torch.long)
    ns = state * 0.95 + 0.1 * (a.float() - 0.5) + torch.randn(1, 4) * 0.01
    r = torch.tensor([1.0 - ns.abs().sum().item()])
    done = t % 13 == 12
    mem.push(state, a, None if done else ns, r)
    state = torch.zeros(1, 4) if done else ns
    if len(mem) >= 16:
        b = Transition(*zip(*mem.sample(16), strict=False))
        mask = torch.tensor(tuple(s is not None for s in b.next_state), dtype=torch.bool)
        nf = torch.cat([s for s in b.next_state if s is not None])
        q = pol(torch.cat(b.state)).gather(1, torch.cat(b.action))
        nv = torch.zeros(16)
        with torch.no_grad():
            nv[mask] = tgt(nf).max(1).values
        loss = nn.SmoothL1Loss()(q, (nv * 0.99 + torch.cat(b.reward)).unsqueeze(1))
        opt.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_value_(pol.parameters(), 100)
        opt.step()
        losses.append(loss.item())
        sd, ps = tgt.state_dict(), pol.state_dict()
        for k in ps:
            sd[k] = ps[k] * 0.05 + sd[k] * 0.95
        tgt.load_state_dict(sd)
print([f"{l:.5f}" for l in losses[::8]], state, tgt.load_state_dict(sd))
print(copy.deepcopy(pol)(state), opt.state[pol.l1.bias]["max_exp_avg_sq"][:3])
