"""An LSTM with a conditional random field; CTC, a hidden Markov model, a Kalman filter."""

import torch
import torch.nn as nn

torch.manual_seed(1)


def lse(v):
    m = v[0, v.argmax(1).item()]
    return m + torch.log(torch.sum(torch.exp(v - m.view(1, -1).expand(1, v.size()[1]))))


class CRF(nn.Module):
    def __init__(s, V, K):
        super().__init__()
        s.K = K
        s.emb = nn.Embedding(V, 6)
        s.lstm = nn.LSTM(6, 4, num_layers=1, bidirectional=True)
        s.h2t = nn.Linear(8, K)
        s.tr = nn.Parameter(torch.randn(K, K))
        s.tr.data[0, :] = -10000
        s.tr.data[:, 1] = -10000

    def feats(s, x):
        o, _ = s.lstm(s.emb(x).view(len(x), 1, -1), (torch.randn(2, 1, 4), torch.randn(2, 1, 4)))
        return s.h2t(o.view(len(x), 8))

    def fwd(s, fe):
        a = torch.full((1, s.K), -10000.0)
        a[0][0] = 0.0
        for f in fe:
            a = torch.cat(
                [
                    lse(a + f[t].view(1, -1).expand(1, s.K) + s.tr[t].view(1, -1)).view(1)
                    for t in range(s.K)
                ]
            ).view(1, -1)
        return lse(a + s.tr[1])

    def fwd2(s, fe):
        a = torch.full((s.K,), -10000.0)
        a[0] = 0.0
        for f in fe:
            a = torch.logsumexp(a[None] + s.tr + f[:, None], 1)
        return torch.logsumexp(a + s.tr[1], 0)

    def score(s, fe, tg):
        sc = torch.zeros(1)
        tg = torch.cat([torch.tensor([0], dtype=torch.long), tg])
        for i, f in enumerate(fe):
            sc = sc + s.tr[tg[i + 1], tg[i]] + f[tg[i + 1]]
        return sc + s.tr[1, tg[-1]]

    def viterbi(s, fe):
        a = torch.full((1, s.K), -10000.0)
        a[0, 0] = 0
        bps = []
        for f in fe:
            v, b = (a + s.tr).max(dim=1)
            a = (v + f).view(1, -1)
            bps.append(b.tolist())
        t = a + s.tr[1]
        best = t.argmax().item()
        p = [best]
        for b in reversed(bps):
            best = b[best]
            p.append(best)
        p.pop()
        return t.max(), p[::-1]


m = CRF(15, 5)
data = [(torch.randint(0, 15, (n,)), torch.randint(2, 5, (n,))) for n in (6, 4)]
opt = torch.optim.SGD(m.parameters(), lr=0.01, weight_decay=1e-4)
for e in range(5):
    for x, t in data:
        m.zero_grad()
        fe = m.feats(x)
        l = m.fwd(fe) - m.score(fe, t)
        l.backward()
        opt.step()
    print(e, l.item().__round__(4), f"{m.fwd2(fe).item():.4f}")
with torch.no_grad():
    s, p = m.viterbi(m.feats(data[0][0]))
    print(s, p)
# CTC
lp = torch.randn(12, 3, 6, requires_grad=True)
ctc = nn.CTCLoss(blank=0, zero_infinity=True)
tg = torch.randint(1, 6, (3, 4))
l = ctc(lp.log_softmax(2), tg, torch.full((3,), 12), torch.tensor([4, 3, 2]))
l.backward()
print(l, lp.grad[0])
best = lp.argmax(2).T
print([torch.unique_consecutive(b)[torch.unique_consecutive(b) != 0].tolist() for b in best])
# HMM, Kalman, beam
A = torch.softmax(torch.randn(3, 3), 1)
B = torch.softmax(torch.randn(3, 4), 1)
al = torch.ones(3) / 3 * B[:, 0]
for o in [1, 3, 2, 2]:
    al = (al @ A) * B[:, o]
    print(f"{al.sum().log().item():.6f}", end=" ")
    al = al / al.sum()
print()
Fm = torch.tensor([[1.0, 1.0], [0.0, 1.0]], requires_grad=True)
H = torch.tensor([[1.0, 0.0]])
P = torch.eye(2)
x = torch.zeros(2, 1)
ll = 0.0
for z in [1.1, 2.0, 2.9, 4.2]:
    x = Fm @ x
    P = Fm @ P @ Fm.T + 0.01 * torch.eye(2)
    S = H @ P @ H.T + 0.1
    K = P @ H.mT @ S.inverse()
    r = z - H @ x
    x = x + K @ r
    P = (torch.eye(2) - K @ H) @ P
    ll = ll - 0.5 * (r**2 / S + S.log()).squeeze()
ll.backward()
print(x.detach().T, P.diag().detach(), Fm.grad)
beams = [([0], 0.0)]
W = torch.log_softmax(torch.randn(5, 5), -1)
for _ in range(4):
    c = [
        (s + [i.item()], sc + v.item())
        for s, sc in beams
        for v, i in zip(*W[s[-1]].topk(3), strict=False)
    ]
    beams = sorted(c, key=lambda b: -b[1])[:3]
print([(s, round(v, 4)) for s, v in beams])
pack = nn.utils.rnn.pack_sequence([torch.randn(4, 2), torch.randn(2, 2)])
o, (h, c) = nn.LSTM(2, 3, 2, proj_size=2, bidirectional=True)(pack)
print(o.data.shape, o.batch_sizes, h[:, 0].detach())
print(nn.utils.rnn.unpack_sequence(o)[1])
