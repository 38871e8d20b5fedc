"""Files and overrides -> the config of a run."""

from __future__ import annotations

from inspect import signature

import pytest

from ganzoo.config.overrides import overrides
from ganzoo.config.parsing import parameters_model, parse
from ganzoo.config.parsing import parse_ratio as parsed_ratio
from ganzoo.config.recipes import make_config
from ganzoo.config.schema import config_diff
from ganzoo.config.tables import merge
from ganzoo.errors import InputError


def test_values_are_toml_and_bare_words_strings():
    given = overrides(["a.b=1", "a.c=1.5", "a.d=word", "e=[1, 2]", 'f="1"', "g.h=true", "a.e=1e-4"])
    assert given == {"a": {"b": 1, "c": 1.5, "d": "word", "e": 1e-4}, "e": [1, 2], "f": "1", "g": {"h": True}}


def test_a_loss_that_is_exchanged_loses_the_keys_of_the_old_one():
    config = make_config("wgan", overrides(["loss.name=lsgan", "loss.b=0.9"]))
    assert config.loss == {"name": "lsgan", "b": 0.9}
    assert make_config("wgan", overrides(["loss.b=0.9", "loss.name=lsgan"])).loss == {"b": 0.9, "name": "lsgan"}


def test_an_optimiser_that_is_exchanged_loses_the_keys_of_the_old_one():
    assert make_config("wgan-gp", overrides(["train.generator.name=sgd"])).train.generator == {"name": "sgd"}


def test_a_backbone_that_is_exchanged_keeps_the_tables():
    changed = make_config("wgan-gp", overrides(["networks.name=resnet"])).networks
    assert changed.discriminator == make_config("wgan-gp").networks.discriminator


def test_a_table_of_keys_is_merged_not_replaced():
    config = make_config("rpgan", overrides(["tricks.r1.gamma=3", "tricks.r2=false"]))
    assert config.tricks == {"r1": {"gamma": 3}, "r2": False}


def test_a_file_extends_a_variant_and_another_file(tmp_path):
    (tmp_path / "a.toml").write_text('extends = "wgan-gp"\n[train]\nsteps = 7\n[loss]\nweight = 1.0\n')
    config = make_config(str(tmp_path / "a.toml"))
    assert config.variant == "a" and config.train.steps == 7
    assert config.loss == {"name": "wgan-gp", "weight": 1.0}
    assert config.networks == make_config("wgan-gp").networks


def test_a_table_extends_a_variant_too():
    config = make_config(None, {"extends": "wgan-gp", "train": {"steps": 7}})
    assert config == make_config("wgan-gp", {"train": {"steps": 7}}) and config.variant == "wgan-gp"
    assert make_config(None, {"extends": "wgan-gp", "variant": "mine"}).variant == "mine"
    for table, says in [
        ({"variant": "wgan-gp"}, "write extends = 'wgan-gp'"),
        ({"extends": 3}, "extends: expected the name"),
    ]:
        with pytest.raises(InputError, match=says):
            make_config(None, table)


def test_a_file_that_is_extended_is_looked_for_beside_the_other_then_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.toml").write_text('extends = "b.toml"\n')
    (tmp_path / "b.toml").write_text("seed = 1\n")
    assert make_config("in/a.toml").seed == 1
    (tmp_path / "in/b.toml").write_text("seed = 2\n")
    assert make_config("in/a.toml").seed == 2


def test_a_loop_of_files_is_an_error(tmp_path):
    for path in (f"{tmp_path}/a.toml", f"../{tmp_path.name}/a.toml"):
        (tmp_path / "a.toml").write_text(f'extends = "{path}"\n')
        with pytest.raises(InputError, match="extends itself"):
            make_config(str(tmp_path / "a.toml"))


def test_a_file_may_begin_with_a_byte_order_mark_and_end_in_capitals(tmp_path):
    (tmp_path / "a.TOML").write_text("seed = 3\n", encoding="utf-8-sig")
    assert make_config(str(tmp_path / "a.TOML")).seed == 3


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("train = 3", "train: "),
        ("[train]\nsteps = '3'", "train.steps: "),
        ("[train]\nema_decay = 1.0", "train.ema_decay: "),
        ("[data]\nchannels = 2", "data.channels: "),
        ("[data]\nclasses = [true]", "data.classes"),
        ("[latent]\ndistribution = 'cauchy'", "latent.distribution: "),
        ("[trian]\nsteps = 3", "did you mean 'train'?"),
        ("steps = 3", "no config key is called 'steps'"),
        ("a = ", "is not TOML"),
        (f"seed = {'9' * 5000}", "is not TOML"),
        (f"a = {'[' * 5000}", "is not TOML"),
        ("format = 3", "format: "),
        (
            "variant = 'wgan-gp'",
            "sets only a name, and a bundled variant has it; write extends = 'wgan-gp'",
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
        make_config(str(tmp_path / "x.toml"))
    assert says in str(error.value) and "\n" not in str(error.value)


MISPLACED = {
    "train = 5": "train: expected a table, not 5",
    "train = []": "train: expected a table, not []",
    "loss = 3": "loss: expected a table, not 3",
    "loss = 'lsgan'": 'loss: expected a table, not "lsgan"',
    "tricks = []": "tricks: expected a table, not []",
    "tricks = false": "tricks: expected a table, not false",
    "networks = 'resnet'": 'networks: expected a table, not "resnet"',
    "data = 'mnist'": 'data: expected a table, not "mnist"',
    "latent = 8": "latent: expected a table, not 8",
    "tune = 5": "tune: expected a table, not 5",
    "[networks]\ngenerator = 'x'": 'networks.generator: expected a table, not "x"',
    "[networks]\ndiscriminator = 1e-4": "networks.discriminator: expected a table, not 0.0001",
    "[train]\ngenerator = 'sgd'": 'train.generator: expected a table, not "sgd"',
    "[train]\ncritic_warmup = 5": "train.critic_warmup: expected a table, not 5",
    "[train]\nloss_thresholds = true": "train.loss_thresholds: expected a table, not true",
    "[tricks]\nr1 = 5": "tricks.r1: expected a table, true or false, not 5",
}
HIDING = [
    "train.steps=3", "loss.name=lsgan", "tricks.r1.gamma=3", "networks.generator.width=4", "networks.discriminator.width=4",
    "data.spec=digits", "latent.dim=8", "train.generator.name=adam", "train.critic_warmup.first=3",
    "train.loss_thresholds.d=1",
]  # fmt: skip
"""A table in the place of each, which would hide it."""


@pytest.mark.parametrize("content", MISPLACED)
def test_a_value_in_the_place_of_a_table_is_refused_whatever_is_laid_upon_it(content, tmp_path):
    (tmp_path / "x.toml").write_text(f"extends = 'nsgan'\n{content}\n")
    (tmp_path / "y.toml").write_text("extends = 'x.toml'\n[train]\nsteps = 3\n[loss]\nname = 'lsgan'\n")
    for name, over in (("x", {}), ("x", overrides(HIDING)), ("y", {}), ("y", overrides(HIDING))):
        with pytest.raises(InputError) as error:
            make_config(str(tmp_path / f"{name}.toml"), over)
        assert str(error.value) == f"{tmp_path / 'x.toml'}: {MISPLACED[content]}"


@pytest.mark.parametrize("setting", ["train=5", "loss=lsgan", "tricks=[]", "tricks.r1=5", "networks.generator=x"])
def test_a_setting_in_the_place_of_a_table_is_refused_though_a_later_one_would_hide_it(setting):
    for settings in ([setting], [setting, *HIDING], [*HIDING, setting]):
        with pytest.raises(InputError, match=rf"^--set {setting.partition('=')[0]}: expected a table"):
            overrides(settings)
    with pytest.raises(InputError, match=r"^train: expected a table, not 5"):
        make_config(None, {"extends": "nsgan", "train": 5})


def test_tables_that_may_be_left_out_may_be_none_and_a_trick_may_be_switched():
    assert make_config(None, {"extends": "wgan", "train": {"critic_warmup": None}}).train.critic_warmup is None
    assert make_config("rpgan", overrides(["tricks.r1=true", "tricks.r1.gamma=2"])).tricks["r1"] == {"gamma": 2}
    assert make_config("rpgan", {"tricks": {"r1": False}}).tricks["r1"] is False


ENDLESS = ["1e9999999:1", "1:1e9999999", "9" * 10**6, "1e1_0_0_0_0_0_0", "1e99", "1e-99", "0.1e-9999999", "1/1e9999999"]


@pytest.mark.parametrize(
    "text", [*ENDLESS, "", "0", "-1", "1:0", "1/0", "x", "1:2:3", "inf", "nan"], ids=lambda text: text[:20]
)
def test_a_ratio_that_is_none_or_too_large_is_refused_before_it_is_computed(text):
    with pytest.raises(InputError, match=r"^train.ratio: expected D:G such as '5:1', '1:2' or '1.5', not '") as error:
        parsed_ratio(text)
    assert len(str(error.value)) < 200


def test_a_ratio_has_many_forms():
    said = {
        "5:1": 5,
        "1:2": 0.5,
        "1.5": 1.5,
        "3/4": 0.75,
        "2:": 2,
        "1e2": 100,
        ".5": 0.5,
        "0.25:0.5": 0.5,
        " 5 : 1 ": 5,
    }
    assert {text: parsed_ratio(text) for text in said} == said


def test_difference_names_the_keys():
    assert config_diff(make_config("nsgan"), make_config("nsgan", {"seed": 3})) == ["seed: 0 -> 3"]


def test_merging_leaves_its_inputs_alone():
    base = make_config("rpgan").model_dump(mode="json")
    merge(base, {"tricks": {"r1": {"gamma": 5}}})
    assert base == make_config("rpgan").model_dump(mode="json")


def test_a_ratio_may_be_a_number():
    for typed, ratio in {"1.5": "1.5", "2": "2", "1:2": "1:2"}.items():
        assert make_config("nsgan", overrides([f"train.ratio={typed}"])).train.ratio == ratio
    with pytest.raises(InputError, match=r"train.ratio: input should be a valid string, not true"):
        make_config("nsgan", {"train": {"ratio": True}})


def test_what_a_signature_says_nothing_of_is_of_the_kind_of_its_default():
    def init(*, margin=1.0, name="x", anything=None):
        pass

    model = parameters_model("Mine", signature(init).parameters.values())
    assert parse(model, {"margin": 2.5, "anything": [1]}).margin == 2.5
    with pytest.raises(InputError, match=r"loss.margin: input should be a valid number"):
        parse(model, {"margin": "wide"}, "loss")


def test_a_run_whose_loss_is_not_its_recipe_s_says_so(tmp_path):
    exchanged = make_config("wgan-gp", overrides(["loss.name=lsgan"])).about
    assert exchanged.startswith("Least Squares Generative Adversarial Networks. Mao") and exchanged.endswith(
        "On the recipe of wgan-gp."
    )
    mine = tmp_path / "mine.toml"
    mine.write_text('extends = "wgan-gp"\n[loss]\nname = "lsgan"\n')
    assert make_config(str(mine)).about == exchanged
    mine.write_text('extends = "wgan-gp"\nabout = "Mine."\n[loss]\nname = "lsgan"\n')
    assert make_config(str(mine)).about == "Mine."
    assert make_config("wgan-gp").about.startswith("Wasserstein GAN with gradient penalty")
