"""A multilayer perceptron on the 1,797 handwritten digits that come with scikit-learn.

python examples/digits_mlp.py [--dry-run]
"""

import argparse

from sklearn.datasets import load_digits
from textplot import curve
from tqdm import tqdm

import chainrule as torch
from chainrule import nn
from chainrule.utils.data import DataLoader, TensorDataset, random_split


def data() -> tuple[TensorDataset, TensorDataset]:
    """1,437 digits to learn from and 360 to test with, as 64 numbers from 0 to 1."""
    digits = load_digits()
    x = torch.tensor(digits.data, dtype=torch.float32) / 16
    y = torch.tensor(digits.target)
    return random_split(TensorDataset(x, y), [1437, 360])


class MLP(nn.Module):
    """64 pixels, two hidden layers, 10 classes."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(64, 128), nn.ReLU(), nn.Dropout(0.2),
            nn.Linear(128, 64), nn.ReLU(),
            nn.Linear(64, 10),
        )  # fmt: skip

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)


@torch.no_grad()
def predictions(model: nn.Module, loader: DataLoader) -> tuple[torch.Tensor, torch.Tensor]:
    """(predicted, true) classes."""
    model.eval()
    pairs = [(model(x).argmax(dim=1), y) for x, y in loader]
    model.train()
    return torch.cat([p for p, _ in pairs]), torch.cat([y for _, y in pairs])


def main(dry_run: bool = False) -> list[float]:
    """Train; the loss of every step."""
    torch.manual_seed(0)
    train, test = data()
    epochs = 1 if dry_run else 40
    loader = DataLoader(train, batch_size=64, shuffle=True)
    model = MLP()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs)
    loss_of = nn.CrossEntropyLoss()
    losses = []
    for _ in tqdm(range(epochs), desc="digits, MLP"):
        for x, y in loader:
            optimizer.zero_grad()
            loss = loss_of(model(x), y)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        scheduler.step()

    guess, true = predictions(model, DataLoader(test, batch_size=360))
    print(curve(losses, "cross-entropy of the batches"))
    print("digit    " + "".join(f"{d:7d}" for d in range(10)))
    shares = [(guess[true == d] == d).float().mean().item() for d in range(10)]
    print("right, % " + "".join(f"{100 * s:7.1f}" for s in shares))
    right = (guess == true).float().mean().item()
    print(f"final: test accuracy {100 * right:.2f} % of 360 digits")
    return losses


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dry-run", action="store_true", help="one epoch only")
    main(parser.parse_args().dry_run)
