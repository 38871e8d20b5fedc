"""ganzoo: a multi-loss GAN zoo."""

__version__ = "0.1.0"
