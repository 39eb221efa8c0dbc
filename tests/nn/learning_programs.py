"""Small networks of all families, learning for 20 steps: what they lose at each."""
# ruff: noqa: E731

from __future__ import annotations

from typing import Any


def losses(torch: Any) -> dict[str, list[float]]:
    """The losses of every network, dropout included."""
    nn = torch.nn
    found = {}
    for name, make, data in networks(torch):
        torch.manual_seed(7)
        net, x = make(), data()
        target = torch.randint(0, 3, (len(x),))
        loss_of = nn.CrossEntropyLoss(label_smoothing=0.1)
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-3)
        found[name] = []
        for _ in range(20):
            optimizer.zero_grad()
            loss = loss_of(net(x), target)
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            found[name].append(loss.item())
        net.eval()
        found[name].append(float(net(x).detach().sum()))
    return found


def networks(torch: Any) -> list[tuple[str, Any, Any]]:
    """(name, how to make it, how to make its input).

    Long because: nine networks.
    """
    nn, F = torch.nn, torch.nn.functional

    class CNN(nn.Module):
        def __init__(s):
            super().__init__()
            s.c1 = nn.Conv2d(1, 4, 3, padding=1)
            s.b = nn.BatchNorm2d(4)
            s.p = nn.MaxPool2d(2)
            s.c2 = nn.Conv2d(4, 8, 3, stride=2)
            s.d = nn.Dropout(0.25)
            s.f = nn.Linear(8, 3)

        def forward(s, x):
            x = s.p(F.relu(s.b(s.c1(x))))
            x = F.relu(s.c2(x)).mean((2, 3))
            return s.f(s.d(x))

    class Seq(nn.Module):
        def __init__(s, cls):
            super().__init__()
            s.e = nn.Embedding(11, 6)
            s.r = cls(6, 8, 2, batch_first=True, dropout=0.1, bidirectional=True)
            s.f = nn.Linear(16, 3)

        def forward(s, x):
            return s.f(s.r(s.e(x))[0][:, -1])

    class Tr(nn.Module):
        def __init__(s, nf):
            super().__init__()
            s.e = nn.Embedding(11, 8)
            s.t = nn.TransformerEncoder(
                nn.TransformerEncoderLayer(
                    8, 2, 16, batch_first=True, norm_first=nf, dropout=0.1, activation="gelu"
                ),
                2,
                nn.LayerNorm(8),
                enable_nested_tensor=False,
            )
            s.f = nn.Linear(8, 3)

        def forward(s, x):
            return s.f(s.t(s.e(x)).mean(1))

    class Full(nn.Module):
        def __init__(s):
            super().__init__()
            s.e = nn.Embedding(11, 8)
            s.t = nn.Transformer(8, 2, 1, 1, 16, batch_first=True)
            s.f = nn.Linear(8, 3)

        def forward(s, x):
            m = s.t.generate_square_subsequent_mask(x.shape[1])
            return s.f(s.t(s.e(x), s.e(x), tgt_mask=m).mean(1))

    class Deconv(nn.Module):
        def __init__(s):
            super().__init__()
            s.n = nn.Sequential(
                nn.Linear(5, 8),
                nn.Unflatten(1, (8, 1, 1)),
                nn.ConvTranspose2d(8, 4, 3),
                nn.InstanceNorm2d(4, affine=True),
                nn.PReLU(),
                nn.Upsample(scale_factor=2),
                nn.Conv2d(4, 3, 3, padding="same"),
                nn.GroupNorm(3, 3),
                nn.AdaptiveAvgPool2d(1),
                nn.Flatten(),
            )

        def forward(s, x):
            return s.n(x)

    mlp = lambda: nn.Sequential(
        nn.Linear(5, 16),
        nn.LayerNorm(16),
        nn.GELU(),
        nn.Dropout(0.2),
        nn.utils.parametrizations.weight_norm(nn.Linear(16, 16)),
        nn.SiLU(),
        nn.utils.parametrizations.spectral_norm(nn.Linear(16, 8)),
        nn.Tanh(),
        nn.Linear(8, 3),
    )

    numbers, words = (
        (lambda *s: lambda: torch.randn(*s)),
        (lambda *s: lambda: torch.randint(0, 11, s)),
    )
    return [
        ("mlp", mlp, numbers(12, 5)),
        ("cnn", CNN, numbers(6, 1, 8, 8)),
        ("lstm", lambda: Seq(nn.LSTM), words(6, 7)),
        ("gru", lambda: Seq(nn.GRU), words(6, 7)),
        ("rnn", lambda: Seq(nn.RNN), words(6, 7)),
        ("encoder", lambda: Tr(False), words(6, 7)),
        ("encoder, norm first", lambda: Tr(True), words(6, 7)),
        ("transformer", Full, words(6, 5)),
        ("deconvolution", Deconv, numbers(6, 5)),
    ]
