"""What the pages, recipes and cards claim, where a test can hold it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ganzoo.atomic_io import read_json
from ganzoo.config.migrate import current_name
from ganzoo.config.recipes import make_config, variants
from ganzoo.networks import make_discriminator, make_generator
from ganzoo.sampling import shipped_releases

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
SPLIT = {
    "mnist": "the test split",
    "fashion-mnist": "MNIST's test split",
    "cifar10-small": "the test split",
    "letters": "their training split",
    "emoji": "the training split",
}
"""Folder of recipes -> the split by which they were chosen, as its cards name it."""
REFUTED = {
    "on a laptop": "cloud machines were measured",
    "does what its paper says": "packing: there was no control at the same batch",
    "does here what its paper says": "packing: there was no control at the same batch",
    "every parameter clipped": "label embeddings are not",
    "clipping every parameter": "label embeddings are not",
}


def read(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", list(shipped_releases()))
def test_a_card_says_by_what_its_recipe_was_chosen(name):
    card = (shipped_releases()[name] / "card.md").read_text(encoding="utf-8")
    variant = read_json(shipped_releases()[name] / "card.json")["variant"]
    assert re.search(
        rf"^\| recipe chosen \| .*{SPLIT[current_name(variant).partition('/')[0]]}", card, flags=re.MULTILINE
    )


@pytest.mark.parametrize("page", ["docs/reports/recipes.md", "docs/reports/checkpoints.md"])
def test_a_page_says_by_what_the_recipes_were_chosen_and_the_rule_from_now_on(page):
    text = " ".join(read(page).split())
    assert "recipes were chosen by the" in text and "test split" in text
    assert re.search(r"rom now on.*training split.*test split once", text)


def departing() -> list[str]:
    """The recipes whose D learns no classes from fakes."""
    return [v for v in variants() if make_config(v).loss.get("classify_fakes") is False]


def test_acgans_departure_stands_in_readme_losses_and_cards():
    row = re.search(r"^\| `acgan` \|.*$", read("README.md"), flags=re.MULTILINE)
    assert departing() and row and "classify_fakes = false" in row[0]
    assert re.search(r"^\| `acgan` \|.*classify_fakes = false", read("docs/guide/losses.md"), flags=re.MULTILINE)
    releases = [
        f for f in shipped_releases().values() if current_name(read_json(f / "card.json")["variant"]) in departing()
    ]
    assert len(releases) == 3
    assert all(r"classify\_fakes = false" in (folder / "card.md").read_text(encoding="utf-8") for folder in releases)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_page_does_not_repeat_what_was_refuted(page):
    text = " ".join(page.read_text(encoding="utf-8").split())
    assert {words: why for words, why in REFUTED.items() if words in text} == {}


def test_readme_says_that_no_recipe_of_the_papers_size_was_trained_to_its_end():
    assert "none of these has been trained to its end" in " ".join(read("README.md").split())


def test_dcgan_large_has_the_weights_of_its_peer_and_an_older_table_says_that_its_network_had_not(benchmarks):
    from steps import NETWORKS, smallest_map

    backbone, of_g, of_d = NETWORKS["dcgan-large"]
    with smallest_map("dcgan-large"):
        g = make_generator(backbone, {"width": of_g}, shape=(3, 32, 32), latent=100)
        d = make_discriminator(backbone, {"width": of_d}, shape=(3, 32, 32), heads=("score",))
    assert [round(sum(p.numel() for p in net.parameters()) / 1e6, 1) for net in (g, d)] == [11.4, 4.3]
    assert "the wrong way round" in read("docs/reports/growth.md")
