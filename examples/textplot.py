"""Plots made of characters, for the examples: `curve` and `picture`."""

from collections.abc import Sequence
from itertools import pairwise

SHADES = " .:-=+*#%@"


def curve(values: Sequence[float], title: str, width: int = 64, height: int = 10) -> str:
    """The values over their index, averaged to `width` columns."""
    width = min(width, len(values))
    edges = [i * len(values) // width for i in range(width + 1)]
    means = [sum(values[a:b]) / (b - a) for a, b in pairwise(edges)]
    low, high = min(means), max(means)
    rows = [round((v - low) / ((high - low) or 1.0) * (height - 1)) for v in means]
    lines = [f"  {title}"]
    for row in range(height - 1, -1, -1):
        label = f"{high:9.4f}" if row == height - 1 else f"{low:9.4f}" if row == 0 else " " * 9
        lines.append(f"{label} |" + "".join("*" if r == row else " " for r in rows))
    lines.append(" " * 10 + "+" + "-" * width)
    return "\n".join(lines)


def picture(rows: Sequence[Sequence[float]], top: float = 1.0) -> list[str]:
    """Lines of a grey picture with values from 0 to `top`, two characters a pixel."""
    last = len(SHADES) - 1
    return [
        "".join(2 * SHADES[max(0, min(last, round(v / top * last)))] for v in row) for row in rows
    ]


def beside(pictures: Sequence[Sequence[str]], gap: str = "   ") -> str:
    """Pictures of one height next to each other."""
    return "\n".join(gap.join(parts) for parts in zip(*pictures, strict=True))
