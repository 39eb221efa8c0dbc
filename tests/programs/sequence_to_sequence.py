"""Packed sequences, a bidirectional LSTM, attention, teacher forcing."""

import random

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

random.seed(0)
torch.manual_seed(0)


class Enc(nn.Module):
    def __init__(s, v, e, h):
        super().__init__()
        s.emb = nn.Embedding(v, e, padding_idx=0)
        s.rnn = nn.LSTM(e, h, bidirectional=True, batch_first=True)
        s.fc = nn.Linear(2 * h, h)

    def forward(s, x, lens):
        p = pack_padded_sequence(s.emb(x), lens, batch_first=True, enforce_sorted=False)
        o, (h, _c) = s.rnn(p)
        o, l = pad_packed_sequence(o, batch_first=True)
        return o, torch.tanh(s.fc(torch.cat([h[-2], h[-1]], -1))), l


class Dec(nn.Module):
    def __init__(s, v, e, h):
        super().__init__()
        s.emb = nn.Embedding(v, e, padding_idx=0)
        s.attn = nn.Linear(3 * h, h)
        s.v = nn.Linear(h, 1, bias=False)
        s.cell = nn.GRUCell(e + 2 * h, h)
        s.out = nn.Linear(3 * h, v)

    def forward(s, tok, h, enc, mask):
        q = h.unsqueeze(1).expand(-1, enc.shape[1], -1)
        e = s.v(torch.tanh(s.attn(torch.cat((q, enc), dim=2)))).squeeze(2).masked_fill(~mask, -1e9)
        a = F.softmax(e, dim=1)
        ctx = torch.bmm(a.unsqueeze(1), enc).squeeze(1)
        h = s.cell(torch.cat([s.emb(tok), ctx], 1), h)
        return s.out(torch.cat([h, ctx], 1)), h, a


V = 12
seqs = [torch.randint(3, V, (random.randint(3, 7),)) for _ in range(16)]
src = pad_sequence(seqs, batch_first=True)
lens = torch.tensor([len(q) for q in seqs])
tgt = pad_sequence(
    [torch.cat([torch.tensor([1]), q.flip(0), torch.tensor([2])]) for q in seqs],
    batch_first=True,
    padding_value=0,
)
enc, dec = Enc(V, 8, 16), Dec(V, 8, 16)
opt = torch.optim.Adam([*enc.parameters(), *dec.parameters()], lr=1e-2)
for it in range(15):
    o, h, l = enc(src, lens)
    mask = torch.arange(o.size(1))[None, :] < l[:, None]
    loss = 0
    tok = tgt[:, 0]
    for t in range(1, tgt.size(1)):
        lg, h, a = dec(tok, h, o, mask)
        loss = loss + F.cross_entropy(lg, tgt[:, t], ignore_index=0, reduction="sum")
        tok = tgt[:, t] if random.random() < 0.5 else lg.argmax(1)
    loss = loss / (tgt[:, 1:] != 0).sum()
    opt.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(list(enc.parameters()) + list(dec.parameters()), 1.0)
    opt.step()
    if it % 3 == 0:
        print(it, f"{loss:.4f}", a[0].detach().numpy().round(3).tolist())
print(enc.emb.weight.grad[0].abs().sum(), pack_padded_sequence(src.float(), lens, True, False)[1])
