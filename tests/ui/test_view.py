"""The pictures, links and choices behind the demo's page. Gradio is not needed."""

from __future__ import annotations

import pytest

from ganzoo import cli
from ganzoo.errors import InputError
from ganzoo.sampling import Sampler, load
from ganzoo.ui.view import (
    Offer,
    View,
    applicable,
    caption,
    chosen,
    file_name,
    latent_note,
    link_query,
    offer,
    picture,
    read_link,
    read_view,
)

USUAL = View(left="cgan", right="nsgan")


@pytest.fixture(scope="module")
def samplers(runs) -> dict[str, Sampler]:
    return {name: load(runs / name) for name in ("cgan", "infogan", "nsgan")}


@pytest.mark.parametrize(
    ("view", "words"),
    [
        (View(left="nsgan", seed=5, images=10), ["--seeds", "5-14"]),
        (
            View(left="cgan", seed=5, images=4, class_name="2", truncation=0.7),
            ["--seeds", "5-8", "--classes", "2", "--truncation", "0.7"],
        ),
        (View(left="infogan", show="codes", seed=3, code="category"), ["--seeds", "3-6", "--traverse", "category"]),
        (
            View(left="cgan", show="walk", seed=3, to=9, images=5, class_name="1"),
            ["--interpolate", "3,9,3", "--frames", "5", "--classes", "1"],
        ),
    ],
)
def test_a_picture_is_the_file_that_ganzoo_sample_writes(view, words, samplers, runs, tmp_path):
    out = tmp_path / ("x.gif" if view.show == "walk" else "x.png")
    assert cli.run(["sample", str(runs / view.left), *words, "--out", str(out)]) == 0
    assert picture(samplers[view.left], view) == out.read_bytes()


@pytest.mark.parametrize(
    "view",
    [
        View(left="cgan"),
        USUAL,
        View(left="a b&c=é", right="?x", show="walk", seed=2**53, to=7, images=64, class_name="Ankle boot"),
        View(left="infogan", show="codes", truncation=0.3, code="1"),
    ],
)
def test_a_link_restores_the_view(view):
    assert read_link(link_query(view), USUAL) == view


def test_a_link_with_part_of_the_settings_leaves_the_others():
    assert read_link("?seed=7&__theme=dark", USUAL) == USUAL.model_copy(update={"seed": 7})
    assert read_link("", USUAL) == USUAL


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("seed", -3, "seed: input should be greater than or equal to 0, not -3"),
        ("seed", 2**53 + 1, "seed: input should be less than or equal to 9007199254740992"),
        ("seed", 1.5, "seed: input should be a valid integer"),
        ("seed", "1e3", "seed: input should be a valid integer"),
        ("seed", "9" * 5000, "seed: "),
        ("to", -1, "to: input should be"),
        ("images", 0, "images: input should be greater than or equal to 1, not 0"),
        ("images", 65, "less than or equal to 64"),
        ("truncation", "nan", "truncation: input should be"),
        ("truncation", 0, "truncation: input should be greater than 0"),
        ("show", "files", "show: input should be 'samples', 'walk' or 'codes'"),
        ("left", None, "left: input should be a valid string"),
    ],
)
def test_a_bad_setting_is_one_line(key, value, says):
    with pytest.raises(InputError) as caught:
        read_view(USUAL.model_dump() | {key: value})
    assert says in str(caught.value) and "\n" not in str(caught.value)


def test_a_checkpoint_that_the_page_does_not_have_is_refused(samplers):
    with pytest.raises(InputError, match=r"no checkpoint is called '\.\./secret'; choose from: cgan, infogan, nsgan"):
        chosen(samplers, View(left="cgan", right="../secret"))
    assert list(chosen(samplers, USUAL)) == ["cgan", "nsgan"]
    assert list(chosen(samplers, View(left="cgan"))) == ["cgan"]


def test_the_choices_are_those_that_all_checkpoints_have(samplers):
    cgan, infogan, nsgan = samplers.values()
    assert offer([cgan]) == Offer(["samples", "walk"], ["0", "1", "2"], [], True)
    assert offer([cgan, nsgan]) == Offer(["samples", "walk"], [], [], True)
    alone = offer([infogan])
    assert alone.shows == ["samples", "walk", "codes"] and alone.codes[0] == "category" and not alone.truncates
    assert offer([infogan, nsgan]) == Offer(["samples", "walk"], [], [], False)


def test_settings_that_a_checkpoint_cannot_use_are_dropped(samplers):
    asked = View(left="nsgan", show="codes", class_name="2", truncation=0.5, code="1")
    cgan, infogan, nsgan = (applicable(asked, offer([sampler])) for sampler in samplers.values())
    assert (cgan.show, cgan.class_name, cgan.truncation, cgan.code) == ("samples", "2", 0.5, "")
    assert (infogan.show, infogan.class_name, infogan.truncation, infogan.code) == ("codes", "", 3.0, "1")
    assert (nsgan.show, nsgan.class_name, nsgan.truncation, nsgan.code) == ("samples", "", 0.5, "")


def test_captions_and_file_names():
    assert caption("cgan", View(left="cgan", seed=3)) == "cgan, seeds 3 to 18"
    assert file_name("runs/a b", View(left="x", show="walk", to=9)) == "runs-a-b-seed-0-to-seed-9-and-back.gif"
    assert file_name("../x", View(left="x", show="codes", code="1")) == "x-code-1-along-each-row-seeds-0-to-3.png"


def test_the_note_tells_whether_the_latents_are_the_same(samplers):
    cgan, infogan, nsgan = samplers.values()
    assert latent_note([infogan]) == "Latents: 8 uniform values."
    assert latent_note([cgan, nsgan]) == "Both get the same latents: 8 Gaussian values."
    assert latent_note([cgan, infogan]) == "The latents differ: 8 Gaussian values and 8 uniform values."
