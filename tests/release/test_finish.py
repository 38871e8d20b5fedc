"""The folder that ships: small, with a card for people and for programs, and thumbnails that hold it to its samples."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import ganzoo
from ganzoo.atomic_io import read_json, sha256_hex, write_json
from ganzoo.errors import InputError
from ganzoo.image_io import to_uint8
from ganzoo.training.release import DISPLAY_FILES, REQUIRED_FILES
from tools.finish_release import finish, max_drift, print_summary


def test_it_holds_all_files_and_no_other(finished):
    assert {p.name for p in finished.iterdir()} == {*REQUIRED_FILES, *DISPLAY_FILES}
    assert not list(finished.parent.glob(".*"))


def test_the_card_for_programs_says_all(finished):
    card = read_json(finished / "card.json")
    told = "variant about data data_licence steps d_steps images seconds hardware seed versions sha256 scores faults licence"
    assert set(told.split()) <= card.keys() and card["storage"] == "float16" and card["classes"] == ["0", "1", "2"]
    assert card["steps"] == 2 and card["hardware"].startswith("cpu, ") and card["hardware"].endswith(", 1 thread")


def test_the_card_for_people_says_the_same(finished):
    card, text = read_json(finished / "card.json"), (finished / "card.md").read_text()
    assert (
        "# cgan on memory" in text
        and "ganzoo sample cgan-memory" in text
        and "(https://arxiv.org/abs/1411.1784)" in text
    )
    assert "| fid-digits@10k/test | 12.35 | lower | 0.5 |" in text and "| is-digits@10k | not finite |" in text
    assert "0 12.5%" in text and card["sha256"] in text and "make it" not in text, (
        "a command is never one that a card says"
    )
    assert text.index("## Known faults") < text.index("Every sample is noise.")


def test_faults_that_are_seen_later_are_put_in(release):
    weights = (release / "generator.safetensors").read_bytes()
    print_summary(release, {"faults": "Sevens look like ones."})
    assert read_json(release / "card.json")["faults"] == "Sevens look like ones."
    assert "Sevens look like ones." in (release / "card.md").read_text()
    assert (release / "generator.safetensors").read_bytes() == weights and "noise" not in (
        release / "card.md"
    ).read_text()


def test_a_card_that_is_written_again_covers_the_config(release):
    stated = sha256_hex((release / "config.json").read_bytes())
    assert read_json(release / "card.json")["config_sha256"] == stated
    card = {key: value for key, value in read_json(release / "card.json").items() if key != "config_sha256"}
    write_json(release / "card.json", card)  # as before
    print_summary(release, {"faults": "None."})
    assert read_json(release / "card.json")["config_sha256"] == stated
    text = (release / "config.json").read_text()
    (release / "config.json").write_text(text.replace('"seed": 0', '"seed": 1'))
    print_summary(release, {"faults": "Many."})
    assert read_json(release / "card.json")["config_sha256"] == stated, "an edited config is not made good"


def test_the_thumbnails_are_the_images_of_seeds_0_to_3(finished):
    kept = np.asarray(Image.open(finished / "thumbnails.png"))
    assert kept.shape == (32, 4 * 32)
    for seed in range(4):
        image = to_uint8(ganzoo.load(finished).sample(1, seed=seed))[0, 0].numpy()
        assert abs(kept[:, 32 * seed : 32 * (seed + 1)].astype(int) - image).max() <= 1
    assert max_drift(ganzoo.load(finished), finished / "thumbnails.png") == 0


def test_a_changed_pixel_is_noticed(release):
    path = release / "thumbnails.png"
    pixels = np.asarray(Image.open(path)).copy()
    pixels[5, 7] ^= 16
    Image.fromarray(pixels).save(path)
    assert max_drift(ganzoo.load(release), path) == 16
    Image.fromarray(pixels[:, :32]).save(path)
    with pytest.raises(InputError, match="is an image of"):
        max_drift(ganzoo.load(release), path)
    path.write_bytes(b"no picture")
    with pytest.raises(InputError, match="cannot read"):
        max_drift(ganzoo.load(release), path)


def test_one_that_is_there_is_not_written_anew(run, release):
    before = {p.name: p.read_bytes() for p in release.iterdir()}
    with pytest.raises(InputError, match="already exists"):
        finish(run, release, lambda sampler: {}, {})
    assert {p.name: p.read_bytes() for p in release.iterdir()} == before


def test_a_judge_that_fails_leaves_no_release(run, tmp_path):
    def judge(sampler):
        raise InputError("no data")

    with pytest.raises(InputError, match="no data"):
        finish(run, tmp_path / "x", judge, {})
    assert not (tmp_path / "x").exists()
