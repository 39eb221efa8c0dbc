"""A small GPT that writes characters, taught with the help texts that come with Python.

Source: Radford et al., Language models are unsupervised multitask learners (2019).

    python examples/char_gpt.py [--dry-run]
"""

import argparse
import math
from pydoc_data.topics import topics

from textplot import curve
from tqdm import tqdm

import chainrule as torch
import chainrule.nn.functional as F
from chainrule import nn

BLOCK, BATCH = 64, 16


class Attention(nn.Module):
    """Causal self-attention with several heads."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        n, t, c = x.shape
        q, k, v = (
            part.view(n, t, self.heads, c // self.heads).transpose(1, 2)
            for part in self.qkv(x).split(c, dim=2)
        )
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out(y.transpose(1, 2).contiguous().view(n, t, c))


class Block(nn.Module):
    """Attention and a two-layer network, each added to its input."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class GPT(nn.Module):
    """Embeddings of characters and places, blocks, and logits of the next character."""

    def __init__(self, vocabulary: int, width: int = 96, heads: int = 4, depth: int = 3) -> None:
        super().__init__()
        self.tokens, self.places = nn.Embedding(vocabulary, width), nn.Embedding(BLOCK, width)
        self.blocks = nn.Sequential(*[Block(width, heads) for _ in range(depth)])
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, vocabulary)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.tokens(x) + self.places(torch.arange(x.shape[1]))
        return self.head(self.norm(self.blocks(x)))

    @torch.no_grad()
    def write(self, x: torch.Tensor, count: int) -> torch.Tensor:
        """`x` (1, t) with `count` further characters."""
        for _ in range(count):
            logits = self(x[:, -BLOCK:])[:, -1]
            x = torch.cat([x, torch.multinomial(torch.softmax(logits, -1), 1)], dim=1)
        return x


def batch_of(data: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Random pieces of the text, and the same one character later."""
    starts = torch.randint(len(data) - BLOCK, (BATCH, 1))
    places = starts + torch.arange(BLOCK)
    return data[places], data[places + 1]


def main(dry_run: bool = False) -> list[float]:
    """Train; the loss of every step."""
    torch.manual_seed(0)
    text = "\n".join(topics[name] for name in sorted(topics))
    text = "".join(c for c in text if c.isascii())
    characters = sorted(set(text))
    number = {c: i for i, c in enumerate(characters)}
    data = torch.tensor([number[c] for c in text])
    train, held_out = data[: -len(data) // 10], data[-len(data) // 10 :]

    model = GPT(len(characters))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, betas=(0.9, 0.95))
    steps = 3 if dry_run else 800
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=3e-3, total_steps=steps + 1)
    losses = []
    bar = tqdm(range(steps), desc="GPT")
    for _ in bar:
        x, y = batch_of(train)
        logits = model(x)
        loss = F.cross_entropy(logits.view(-1, len(characters)), y.view(-1))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
        bar.set_postfix(loss=f"{losses[-1]:.3f}")

    model.eval()
    with torch.no_grad():
        pairs = [batch_of(held_out) for _ in range(2 if dry_run else 20)]
        each = [F.cross_entropy(model(x).flatten(0, 1), y.flatten()).item() for x, y in pairs]
    print(curve(losses, "cross-entropy of the batches"))
    start = torch.tensor([[number[c] for c in "The "]])
    written = model.write(start, 20 if dry_run else 300)[0].tolist()
    print("".join(characters[i] for i in written))
    bits = sum(each) / len(each) / math.log(2)
    print(f"final: {bits:.3f} bits a character on held-out text ({len(characters)} characters)")
    return losses


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dry-run", action="store_true", help="three steps only")
    main(parser.parse_args().dry_run)
