"""Write a folder of small pictures: discs, squares and triangles of any colour, a folder for each class."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

FOLDER, SIDE, EACH = Path("data/shapes"), 32, 60


def main() -> None:
    """Write the pictures; equal ones every time."""
    random = np.random.default_rng(0)
    for kind in ("disc", "square", "triangle"):
        (FOLDER / kind).mkdir(parents=True, exist_ok=True)
        for number in range(EACH):
            picture(kind, random).save(FOLDER / kind / f"{number:03}.png")


def picture(kind: str, random: np.random.Generator) -> Image.Image:
    """Return a shape of a random colour, size and place on a noisy ground."""
    ground = random.integers(0, 50, (SIDE, SIDE, 3), dtype=np.uint8)
    image = Image.fromarray(ground)
    draw = ImageDraw.Draw(image)
    x, y, radius = [*random.integers(12, SIDE - 12, 2).tolist(), int(random.integers(8, 12))]
    colour = tuple(random.integers(120, 256, 3).tolist())
    box = (x - radius, y - radius, x + radius, y + radius)
    if kind == "disc":
        draw.ellipse(box, fill=colour)
    else:
        draw.regular_polygon((x, y, radius), 4 if kind == "square" else 3, fill=colour)
    return image


if __name__ == "__main__":
    main()
