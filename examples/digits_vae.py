"""A variational autoencoder of scikit-learn's digits, with a plane as its latent space.

Source: Kingma, Welling, Auto-encoding variational Bayes (2014).

    python examples/digits_vae.py [--dry-run]
"""

import argparse

from sklearn.datasets import load_digits
from textplot import beside, curve, picture
from tqdm import tqdm

import chainrule as torch
import chainrule.nn.functional as F
from chainrule import nn
from chainrule.utils.data import DataLoader, TensorDataset


class VAE(nn.Module):
    """Encoder to means and logarithms of variances, decoder to logits of pixels."""

    def __init__(self, hidden: int = 128, latent: int = 2) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Linear(64, hidden), nn.ReLU(), nn.Linear(hidden, 64), nn.ReLU()
        )
        self.mean, self.log_variance = nn.Linear(64, latent), nn.Linear(64, latent)
        self.decoder = nn.Sequential(
            nn.Linear(latent, 64),
            nn.ReLU(),
            nn.Linear(64, hidden),
            nn.ReLU(),
            nn.Linear(hidden, 64),
        )

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        h = self.encoder(x)
        mean, log_variance = self.mean(h), self.log_variance(h)
        z = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
        return self.decoder(z), mean, log_variance


def negative_elbo(
    logits: torch.Tensor, x: torch.Tensor, mean: torch.Tensor, log_variance: torch.Tensor
) -> torch.Tensor:
    """Reconstruction plus KL divergence from the standard normal, of one picture on average."""
    pixels = F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
    kl = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum()
    return (pixels + kl) / len(x)


def main(dry_run: bool = False) -> list[float]:
    """Train; the loss of every step."""
    torch.manual_seed(0)
    x = torch.tensor(load_digits().data, dtype=torch.float32) / 16
    loader = DataLoader(TensorDataset(x), batch_size=128, shuffle=True)
    model = VAE()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    losses = []
    for _ in tqdm(range(1 if dry_run else 150), desc="digits, VAE"):
        for (batch,) in loader:
            logits, mean, log_variance = model(batch)
            loss = negative_elbo(logits, batch, mean, log_variance)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())

    print(curve(losses, "negative evidence lower bound"))
    with torch.no_grad():
        print("the latent plane, from (-1.5, -1) to (1.5, 1)")
        for b in torch.linspace(1, -1, 3).tolist():
            points = torch.tensor([[a, b] for a in torch.linspace(-1.5, 1.5, 5).tolist()])
            images = torch.sigmoid(model.decoder(points)).reshape(5, 8, 8).tolist()
            print(beside([picture(image) for image in images]), end="\n\n")
        mean = sum(losses[-len(loader) :]) / len(loader)
    print(f"final: negative evidence lower bound {mean:.3f} nats a picture")
    return losses


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dry-run", action="store_true", help="one epoch only")
    main(parser.parse_args().dry_run)
