"""Graph convolution and attention by scatter and index_add; sparse products."""

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(4)
N = 30
ei = torch.randint(0, N, (2, 80))
ei = torch.cat([ei, ei.flip(0)], 1)
ei = torch.unique(ei, dim=1)
print(ei.shape)


class GCNConv(nn.Module):
    def __init__(s, i, o):
        super().__init__()
        s.lin = nn.Linear(i, o, bias=False)
        s.bias = nn.Parameter(torch.empty(o))
        s.reset_parameters()

    def reset_parameters(s):
        s.lin.reset_parameters()
        s.bias.data.zero_()

    def forward(s, x, ei):
        sl = torch.arange(x.size(0)).repeat(2, 1)
        e = torch.cat([ei, sl], 1)
        r, c = e
        deg = torch.zeros(x.size(0)).scatter_add_(0, c, torch.ones(c.numel()))
        di = deg.pow(-0.5)
        di[di == float("inf")] = 0
        nrm = di[r] * di[c]
        m = s.lin(x)[r] * nrm.view(-1, 1)
        return torch.zeros(x.size(0), m.size(1)).index_add_(0, c, m) + s.bias


class GAT(nn.Module):
    def __init__(s, i, o):
        super().__init__()
        s.W = nn.Linear(i, o, bias=False)
        s.a = nn.Parameter(torch.empty(1, 2 * o))
        nn.init.xavier_uniform_(s.a, gain=1.414)

    def forward(s, x, ei):
        h = s.W(x)
        r, c = ei
        e = F.leaky_relu((torch.cat([h[r], h[c]], -1) * s.a).sum(-1), 0.2)
        mx = torch.full((x.size(0),), -1e9).scatter_reduce(0, c, e, reduce="amax")
        ex = (e - mx[c]).exp()
        den = torch.zeros(x.size(0)).index_add(0, c, ex)
        return torch.zeros_like(h).scatter_add(
            0, c.unsqueeze(-1).expand(-1, h.size(1)), (ex / (den[c] + 1e-16)).unsqueeze(-1) * h[r]
        )


class Net(nn.Module):
    def __init__(s):
        super().__init__()
        s.c1 = GCNConv(8, 16)
        s.c2 = GAT(16, 16)
        s.c3 = nn.Linear(16, 3)

    def forward(s, x, ei):
        x = F.elu(s.c1(x, ei))
        x = F.dropout(x, p=0.5, training=s.training)
        x = F.relu(s.c2(x, ei))
        return F.log_softmax(s.c3(x), 1)


x = torch.randn(N, 8)
y = torch.randint(0, 3, (N,))
mask = torch.rand(N) < 0.6
m = Net()
opt = torch.optim.Adam(m.parameters(), lr=0.01, weight_decay=5e-4)
for i in range(15):
    m.train()
    opt.zero_grad()
    o = m(x, ei)
    l = F.nll_loss(o[mask], y[mask])
    l.backward()
    opt.step()
    if i % 5 == 0:
        m.eval()
        print(i, f"{l.item():.5f}", int((m(x, ei)[~mask].max(1)[1] == y[~mask]).sum()))
A = torch.sparse_coo_tensor(ei, torch.ones(ei.size(1)), (N, N))
h = torch.randn(N, 4, requires_grad=True)
o = torch.sparse.mm(A, h)
o.pow(2).sum().backward()
print(o[:2], h.grad[:2], A.coalesce().values()[:3])
d = A.to_dense()
L = torch.diag(d.sum(1)) - d
ev = torch.linalg.eigvalsh(L)
print(ev[1:4])
g = torch.zeros(3, 8).index_reduce_(0, torch.arange(N) % 3, x, "mean", include_self=False)
print(g[0], torch.bincount(ei[0], minlength=N)[:6])
adj = d + d.T > 0
dist = torch.where(adj, 1.0, float("inf"))
dist.fill_diagonal_(0)
for k in range(N):
    dist = torch.minimum(dist, dist[:, k, None] + dist[None, k, :])
print(dist[:2, :10], dist[~dist.isinf()].mean())
