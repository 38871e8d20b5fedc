"""Recipes against their papers: a value that departs says so at its key, with the paper's value."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from ganzoo.config.recipes import make_config, variants
from ganzoo.config.tables import flatten

ROOT = Path(__file__).parents[1]
D, G = "train.discriminator", "train.generator"
WIDTHS = {"networks.generator.width": (64, "64"), "networks.discriminator.width": (64, "64")}
DCGAN = {"latent.distribution": ("uniform", "uniform"), f"{D}.lr": (2e-4, "2e-4"), f"{G}.lr": (2e-4, "2e-4")}
SGD = {f"{D}.name": ("sgd", "SGD"), f"{G}.name": ("sgd", "SGD"), "train.batch_size": (100, "100")}
UNNAMED_BETAS = {f"{player}.betas": ([0.9, 0.999], "0.9") for player in (D, G)}
R3GAN = {f"tricks.{trick}.gamma": (0.05, "0.05") for trick in ("r1", "r2")}


def rates(d: tuple[float, str], g: tuple[float, str]) -> dict[str, tuple[object, str]]:
    return {f"{D}.lr": d, f"{G}.lr": g}


PAPERS: dict[str, dict[str, tuple[object, str]]] = {
    "minimax": WIDTHS | DCGAN | SGD,
    "cgan": {"latent.distribution": ("uniform", "uniform"), **SGD, f"{G}.lr": (2e-4, "2e-4")},
    "nsgan": WIDTHS | DCGAN | {"train.batch_size": (128, "128"), "train.lr_decay_steps": (0, "constant")},
    "lsgan": WIDTHS | rates((1e-3, "1e-3"), (1e-3, "1e-3")),
    "wgan": WIDTHS
    | rates((5e-5, "5e-5"), (5e-5, "5e-5"))
    | {"loss.clip": (0.01, "0.01"), "train.ratio": ("5:1", "5:1"), f"{D}.name": ("rmsprop", "RMSprop")},
    "wgan-gp": WIDTHS
    | rates((1e-4, "1e-4"), (1e-4, "1e-4"))
    | {"latent.dim": (128, "128"), "train.ratio": ("5:1", "5:1"), "loss.weight": (10.0, "10")},
    "dragan": rates((1e-4, "1e-4"), (1e-4, "1e-4"))
    | {"latent.dim": (100, "100"), "latent.distribution": ("uniform", "uniform"), "train.batch_size": (128, "128")}
    | {"networks.discriminator.norm": ("none", "none"), "loss.noise": ("gaussian", "Gaussian")},
    "hinge": WIDTHS
    | rates((2e-4, "2e-4"), (2e-4, "2e-4"))
    | {
        "latent.dim": (128, "128"),
        "networks.init": ("glorot", "Glorot"),
        "networks.discriminator.norm": ("none", "none"),
    },
    "rpgan": rates((2e-4, "2e-4"), (2e-4, "2e-4"))
    | {
        "latent.dim": (64, "64"),
        "train.batch_size": (512, "512"),
        "networks.generator.norm": ("none", "no norm"),
        **R3GAN,
    },
    "coulomb": rates((5e-5, "5e-5"), (1e-4, "1e-4"))
    | UNNAMED_BETAS
    | {"latent.dim": (32, "32"), "loss.epsilon": (1.0, "1"), "train.batch_size": (128, "128")},
    "ebgan": rates((1e-3, "1e-3"), (1e-3, "1e-3")) | UNNAMED_BETAS,
    "began": rates((1e-4, "1e-4"), (1e-4, "1e-4"))
    | UNNAMED_BETAS
    | {"loss.gamma": (0.5, "0.3 to 0.7"), "loss.lambda_k": (0.001, "0.001"), "latent.dim": (64, "64")}
    | {"latent.distribution": ("uniform", "uniform"), "train.batch_size": (16, "16")}
    | {"networks.generator.width": (64, "64"), "networks.discriminator.bottleneck": (64, "64")},
    "acgan": rates((2e-4, "2e-4"), (2e-4, "2e-4"))
    | {"loss.classify_fakes": (True, "true"), "latent.dim": (110, "110"), "train.batch_size": (100, "100")}
    | {"networks.generator.condition": ("concat", "joins the label to z")},
    "infogan": WIDTHS
    | rates((2e-4, "2e-4"), (1e-3, "1e-3"))
    | {"latent.dim": (62, "62"), "train.batch_size": (128, "128")},
    "ssgan": rates((3e-3, "3e-3"), (3e-3, "3e-3"))
    | {"latent.distribution": ("uniform", "uniform"), "train.batch_size": (100, "100")},
    "papers/cifar10/lsgan": WIDTHS | rates((2e-4, "2e-4"), (2e-4, "2e-4")),
    "papers/cifar10/wgan-gp": {"networks.init": ("glorot", "Glorot")},
    "papers/cifar10/hinge": {"networks.init": ("glorot", "Glorot"), "train.steps": (50_000, "50,000")},
    "papers/cifar10/infogan": {"latent.dim": (124, "124")},
}
"""Recipe, else the last part of its name -> key -> the value of the paper or its authors' code, and how a comment gives it.

From docs/guide/losses.md and the authors' code; only what was read there is listed.
"""

WITHOUT_A_KEY = {
    "ebgan": ("fully connected",),
    "began": ("two convolutions", "8x8"),
    "papers/cifar10/began": ("one convolution", "8x8"),
    "infogan": ("128 units with batch norm",),
    "papers/cifar10/infogan": ("128 units with batch norm",),
    "papers/cifar10/wgan-gp": ("conditional", "dequantizes", "shortcuts"),
    "coulomb": ("1.7159 tanh(2x/3)", "batch norm in its first layer", "Glorot", "same fakes"),
    "papers/cifar10/coulomb": ("1.7159 tanh(2x/3)", "batch norm in the first layer", "Glorot", "same fakes"),
    "wgan": ("warm-up", "train.critic_warmup"),
    "dragan": ("one hidden layer of 128",),
    "hinge": ("second convolution",),
    "ssgan": ("running",),
    "mixtures/nsgan-pac2": ("count packs",),
    "mixtures/wgan-gp": ("512 ReLU",),
}
"""What no key can hold: recipe -> words of a comment in its file."""


@pytest.mark.parametrize("variant", list(variants()))
def test_a_value_that_departs_gives_the_papers_at_its_key(variant):
    folder, _, name = variant.rpartition("/")
    papers = PAPERS.get(variant) or PAPERS.get(name if folder != "mixtures" else "", {})  # mixtures/ cites other papers
    values = flatten(make_config(variant).model_dump(mode="json"))
    departs = {key: said for key, (value, said) in papers.items() if key in values and values[key] != value}
    undeclared = [f"{key}: {said}" for key, said in departs.items() if said not in comment(variant, key)]
    assert not undeclared


@pytest.mark.parametrize("variant", list(WITHOUT_A_KEY))
def test_a_departure_without_a_key_stands_in_the_file(variant):
    text = " ".join(line.lstrip("# ") for line in variants()[variant].read_text(encoding="utf-8").splitlines())
    assert [words for words in WITHOUT_A_KEY[variant] if words not in text] == []


def comment(variant: str, key: str) -> str:
    """The comments at `key` and above its table, in the file that gives it its value; empty where no file does."""
    path = variants()[variant]
    found = dict(commented(path))
    if key in found:
        return found[key]
    parent = tomllib.loads(path.read_text(encoding="utf-8")).get("extends")
    return comment(parent, key) if parent else ""


def commented(path: Path) -> Iterator[tuple[str, str]]:
    """Every key that a recipe sets, dotted, with the comments of its line, of its table and on the lines before."""
    table, of_table, before, last = "", "", "", ""
    for line in path.read_text(encoding="utf-8").splitlines():
        code, _, said = line.partition("# ")
        said = said.replace("as above", last)
        if code.startswith("["):
            table, of_table = code.strip("[] "), f"{before} {said}"
        elif "=" in code:
            last = said or last
            for key in flatten(tomllib.loads(code)):
                yield f"{table}.{key}".strip("."), f"{of_table} {before} {said}"
        before = f"{before} {said}" if line.startswith("#") else ""
