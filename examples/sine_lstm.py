"""An LSTM learns to continue a sine wave that it sees with noise.

It sees 100 values at a time and predicts the next of each; at the end it goes on by itself, fed
with its own predictions.

    python examples/sine_lstm.py [--dry-run]
"""

import argparse
import math

from textplot import curve
from tqdm import tqdm

import chainrule as torch
from chainrule import nn

LENGTH, BATCH = 100, 16


def wave(t: torch.Tensor) -> torch.Tensor:
    """The signal without noise."""
    return torch.sin(2 * math.pi * t / 25)


class Forecaster(nn.Module):
    """An LSTM with a linear layer on every output."""

    def __init__(self, hidden: int = 48) -> None:
        super().__init__()
        self.lstm = nn.LSTM(1, hidden, batch_first=True)
        self.head = nn.Linear(hidden, 1)

    def forward(self, x: torch.Tensor, state=None):
        y, state = self.lstm(x, state)
        return self.head(y), state


def main(dry_run: bool = False) -> list[float]:
    """Train; the loss of every step."""
    torch.manual_seed(0)
    steps = 5 if dry_run else 1000
    model = Forecaster()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    losses = []
    for _ in tqdm(range(steps), desc="sine, LSTM"):
        starts = torch.rand(BATCH, 1) * 25
        clean = wave(starts + torch.arange(LENGTH + 1)).unsqueeze(2)
        noisy = clean + 0.05 * torch.randn(clean.shape)
        out, _ = model(noisy[:, :-1])
        loss = nn.functional.mse_loss(out, clean[:, 1:])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())

    with torch.no_grad():
        t = torch.arange(2 * LENGTH).float()
        true = wave(t)
        out, state = model(true[:LENGTH].reshape(1, -1, 1))
        made, value = [], out[:, -1:]
        for _ in range(LENGTH):
            made.append(value.item())
            value, state = model(value, state)
    error = (torch.tensor(made) - true[LENGTH:]).pow(2).mean().sqrt().item()
    print(curve([math.log10(v) for v in losses], "log10 of the mean squared error"))
    print(curve(true[LENGTH:].tolist(), "the next 100 values"))
    print(curve(made, "continued by the network"))
    print(f"final: root mean squared error of 100 values ahead {error:.4f}")
    return losses


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dry-run", action="store_true", help="five steps only")
    main(parser.parse_args().dry_run)
