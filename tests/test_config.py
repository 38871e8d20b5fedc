"""Files and overrides -> the config of a run."""

from __future__ import annotations

from inspect import signature

import pytest

from ganzoo.config import difference, parameters_model, parse
from ganzoo.errors import InputError
from ganzoo.recipes import make, merge, overrides, read_variant


def test_values_are_toml_and_bare_words_strings():
    given = overrides(["a.b=1", "a.c=1.5", "a.d=word", "e=[1, 2]", 'f="1"', "g.h=true", "a.e=1e-4"])
    assert given == {"a": {"b": 1, "c": 1.5, "d": "word", "e": 1e-4}, "e": [1, 2], "f": "1", "g": {"h": True}}


def test_a_loss_that_is_exchanged_loses_the_keys_of_the_old_one():
    config = make("wgan", overrides(["loss.name=lsgan", "loss.b=0.9"]))
    assert config.loss == {"name": "lsgan", "b": 0.9}
    assert make("wgan", overrides(["loss.b=0.9", "loss.name=lsgan"])).loss == {"b": 0.9, "name": "lsgan"}


def test_an_optimiser_that_is_exchanged_loses_the_keys_of_the_old_one():
    assert make("wgan-gp", overrides(["train.generator.name=sgd"])).train.generator == {"name": "sgd"}


def test_a_backbone_that_is_exchanged_keeps_the_tables():
    changed = make("wgan-gp", overrides(["networks.name=resnet"])).networks
    assert changed.discriminator == make("wgan-gp").networks.discriminator


def test_a_table_of_keys_is_merged_not_replaced():
    config = make("rpgan", overrides(["tricks.r1.gamma=3", "tricks.r2=false"]))
    assert config.tricks == {"r1": {"gamma": 3}, "r2": False}


def test_a_file_extends_a_variant_and_another_file(tmp_path):
    (tmp_path / "a.toml").write_text('extends = "wgan-gp"\n[train]\nsteps = 7\n[loss]\nweight = 1.0\n')
    config = make(str(tmp_path / "a.toml"))
    assert config.variant == "a" and config.train.steps == 7
    assert config.loss == {"name": "wgan-gp", "weight": 1.0}
    assert config.networks == make("wgan-gp").networks


def test_a_table_extends_a_variant_too():
    config = make(None, {"extends": "wgan-gp", "train": {"steps": 7}})
    assert config == make("wgan-gp", {"train": {"steps": 7}}) and config.variant == "wgan-gp"
    assert make(None, {"extends": "wgan-gp", "variant": "mine"}).variant == "mine"
    for table, says in [
        ({"variant": "wgan-gp"}, "write extends = 'wgan-gp'"),
        ({"extends": 3}, "extends: expected the name"),
    ]:
        with pytest.raises(InputError, match=says):
            make(None, table)


def test_a_file_that_is_extended_is_looked_for_beside_the_other_then_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.toml").write_text('extends = "b.toml"\n')
    (tmp_path / "b.toml").write_text("seed = 1\n")
    assert make("in/a.toml").seed == 1
    (tmp_path / "in/b.toml").write_text("seed = 2\n")
    assert make("in/a.toml").seed == 2


def test_a_loop_of_files_is_an_error(tmp_path):
    for path in (f"{tmp_path}/a.toml", f"../{tmp_path.name}/a.toml"):
        (tmp_path / "a.toml").write_text(f'extends = "{path}"\n')
        with pytest.raises(InputError, match="extends itself"):
            make(str(tmp_path / "a.toml"))


def test_a_file_may_begin_with_a_byte_order_mark_and_end_in_capitals(tmp_path):
    (tmp_path / "a.TOML").write_text("seed = 3\n", encoding="utf-8-sig")
    assert make(str(tmp_path / "a.TOML")).seed == 3


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("train = 3", "train: "),
        ("[train]\nsteps = '3'", "train.steps: "),
        ("[train]\nema = 1.0", "train.ema: "),
        ("[data]\nchannels = 2", "data.channels: "),
        ("[data]\nclasses = [true]", "data.classes"),
        ("[latent]\ndistribution = 'cauchy'", "latent.distribution: "),
        ("[trian]\nsteps = 3", "did you mean 'train'?"),
        ("steps = 3", "no config key is called 'steps'"),
        ("a = ", "is not TOML"),
        (f"seed = {'9' * 5000}", "is not TOML"),
        (f"a = {'[' * 5000}", "is not TOML"),
        ("format = 2", "format: "),
        (
            "variant = 'wgan-gp'",
            "is a name that ships and changes nothing else; write extends = 'wgan-gp'",
        ),
        ("extends = 'nsgan'\nvariant = 'wgan-gp'", "write extends = 'wgan-gp'"),
        ("variant = []", "variant: "),
        ("extends = 3", "x.toml: extends: expected the name of a variant or of a TOML file, not 3"),
        ("[dataset]\nname = 'x'", "dataset"),
        (
            f"loss = {'[' * 200}{']' * 200}",
            "[[[...",
        ),
        (f"[latent]\ndim = {10**30}", "latent.dim: input should be less than or equal to 2147483647"),
    ],
)
def test_what_is_wrong_in_a_file_is_named(content, says, tmp_path):
    (tmp_path / "x.toml").write_text(content)
    with pytest.raises(InputError) as error:
        make(str(tmp_path / "x.toml"))
    assert says in str(error.value) and "\n" not in str(error.value)


def test_difference_names_the_keys():
    assert difference(make("nsgan"), make("nsgan", {"seed": 3})) == ["seed: 0 -> 3"]


def test_merging_leaves_its_inputs_alone():
    base = read_variant("rpgan")
    merge(base, {"tricks": {"r1": {"gamma": 5}}})
    assert base == read_variant("rpgan")


def test_a_ratio_may_be_a_number():
    for typed, ratio in {"1.5": "1.5", "2": "2", "1:2": "1:2"}.items():
        assert make("nsgan", overrides([f"train.ratio={typed}"])).train.ratio == ratio
    with pytest.raises(InputError, match=r"train.ratio: input should be a valid string, not true"):
        make("nsgan", {"train": {"ratio": True}})


def test_what_a_signature_says_nothing_of_is_of_the_kind_of_its_default():
    def init(*, margin=1.0, name="x", anything=None):
        pass

    model = parameters_model("Mine", signature(init).parameters.values())
    assert parse(model, {"margin": 2.5, "anything": [1]}).margin == 2.5
    with pytest.raises(InputError, match=r"loss.margin: input should be a valid number"):
        parse(model, {"margin": "wide"}, "loss")


def test_a_run_whose_loss_is_not_its_recipe_s_says_so(tmp_path):
    exchanged = make("wgan-gp", overrides(["loss.name=lsgan"])).about
    assert exchanged.startswith("Least Squares Generative Adversarial Networks. Mao") and exchanged.endswith(
        "On the recipe of wgan-gp."
    )
    mine = tmp_path / "mine.toml"
    mine.write_text('extends = "wgan-gp"\n[loss]\nname = "lsgan"\n')
    assert make(str(mine)).about == exchanged
    mine.write_text('extends = "wgan-gp"\nabout = "Mine."\n[loss]\nname = "lsgan"\n')
    assert make(str(mine)).about == "Mine."
    assert make("wgan-gp").about.startswith("Wasserstein GAN with gradient penalty")
