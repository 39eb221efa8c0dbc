"""A convolutional network with batch norm on scikit-learn's digits (8 x 8 pixels).

python examples/digits_cnn.py [--dry-run]
"""

import argparse

from sklearn.datasets import load_digits
from textplot import beside, curve, picture
from tqdm import tqdm

import chainrule as torch
import chainrule.nn.functional as F
from chainrule import nn
from chainrule.utils.data import DataLoader, TensorDataset, random_split


def data() -> tuple[TensorDataset, TensorDataset]:
    """1,437 pictures to learn from and 360 to test with, (1, 8, 8) from 0 to 1."""
    digits = load_digits()
    x = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16
    y = torch.tensor(digits.target)
    return random_split(TensorDataset(x, y), [1437, 360])


class CNN(nn.Module):
    """Two convolutions, each with batch norm and pooling, and a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, kernel_size=3, padding=1)
        self.norm1 = nn.BatchNorm2d(16)
        self.conv2 = nn.Conv2d(16, 32, kernel_size=3, padding=1)
        self.norm2 = nn.BatchNorm2d(32)
        self.head = nn.Linear(32 * 2 * 2, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.max_pool2d(F.relu(self.norm1(self.conv1(x))), 2)
        x = F.max_pool2d(F.relu(self.norm2(self.conv2(x))), 2)
        return self.head(x.flatten(1))


def main(dry_run: bool = False) -> list[float]:
    """Train; the loss of every step."""
    torch.manual_seed(0)
    train, test = data()
    epochs = 1 if dry_run else 20
    loader = DataLoader(train, batch_size=64, shuffle=True)
    model = CNN()
    optimizer = torch.optim.SGD(
        model.parameters(), lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-4
    )
    losses = []
    for _ in tqdm(range(epochs), desc="digits, CNN"):
        for x, y in loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())

    model.eval()
    x, y = next(iter(DataLoader(test, batch_size=360)))
    with torch.no_grad():
        guess = model(x).argmax(dim=1)
    print(curve(losses, "cross-entropy of the batches"))
    wrong = (guess != y).nonzero().flatten().tolist()[:4]
    if wrong:
        print("taken for another: " + ", ".join(f"{y[i]} for {guess[i]}" for i in wrong))
        print(beside([picture(x[i, 0].tolist()) for i in wrong]))
    right = (guess == y).float().mean().item()
    print(f"final: test accuracy {100 * right:.2f} % of 360 digits")
    return losses


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dry-run", action="store_true", help="one epoch only")
    main(parser.parse_args().dry_run)
