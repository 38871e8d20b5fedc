"""Train a GAN on the embedded digits and draw from it.

Prints the folder of the run, the shape and range of eight images, and the path of a PNG with a grid of samples. After the
default of 150 steps the digits are rough; the recipe has 1,250.

    python examples/01_train_and_sample.py [--steps 150] [--out runs/first]
"""

import argparse
from pathlib import Path

import ganzoo
from ganzoo.image_io import save_png


def main() -> None:
    """Train, load, sample, save."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--out", type=Path, default=Path("runs/first"))
    given = parser.parse_args()

    folder = ganzoo.train("rpgan", out=given.out, steps=given.steps, seed=0, quiet=False)
    print(f"run: {folder}")

    sampler = ganzoo.load(folder)  # also a name such as "wgan-gp-mnist", or "hf:USER/NAME"
    images = sampler.sample(8, seed=100)  # seeds 100 to 107: one seed is one image
    print(f"images: {tuple(images.shape)}, from {images.min():.2f} to {images.max():.2f}")

    picture = folder / "drawn.png"
    save_png(sampler.grid(), picture)
    print(f"picture: {picture}")


if __name__ == "__main__":
    main()
