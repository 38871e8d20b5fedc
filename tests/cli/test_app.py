"""The program itself: its version, the examples in its help, and the words of earlier versions and of other programs."""

from __future__ import annotations

import shlex

import pytest

import ganzoo
from ganzoo import api, cli
from ganzoo.cli.app import Commands
from ganzoo.cli.commands import COMMANDS, ELSEWHERE, RENAMED
from ganzoo.config.migrate import ELSEWHERE as KEYS_ELSEWHERE
from ganzoo.config.reference import config_keys
from small_runs import small, toy_data

EXAMPLES = [(name, example) for name, command in COMMANDS.items() for example in command.examples]


def options(name: str) -> set[str]:
    return {option for parameter in Commands().get_command(None, name).params for option in parameter.opts}


def test_the_version(capsys):
    assert cli.run(["--version"]) == 0
    assert capsys.readouterr().out == f"ganzoo {ganzoo.__version__}\n"


@pytest.mark.parametrize(("name", "example"), EXAMPLES)
def test_an_example_is_a_command_that_is_understood(name, example):
    program, command, *words = shlex.split(example)
    assert (program, command) == ("ganzoo", name)
    assert Commands().get_command(None, name).make_context(name, words).params


@pytest.mark.parametrize("name", COMMANDS)
def test_help_ends_with_the_examples(name, capsys):
    cli.run([name, "--help"])
    lines = capsys.readouterr().out.rstrip().splitlines()
    examples = [f"    {example}" for example in COMMANDS[name].examples]
    assert examples and lines[-len(examples) :] == examples and lines[-len(examples) - 1] == "  Examples:"


@pytest.mark.parametrize("word", ELSEWHERE)
def test_an_option_of_another_program_names_ours(word, capsys):
    assert cli.run(["train", "nsgan", word, "1"]) == 2
    assert capsys.readouterr().err == f"ganzoo: there is no {word}; use {ELSEWHERE[word]}\n"


def test_the_options_that_are_named_instead_exist():
    known = set().union(*map(options, COMMANDS))
    named = {word.strip("(),") for words in ELSEWHERE.values() for word in words.split() if word.startswith("--")}
    assert named - known == {"--nproc-per-node"}, "torchrun's"
    assert not known & ELSEWHERE.keys() and not {old for old in RENAMED if old.startswith("-")} & known


@pytest.mark.parametrize("key", KEYS_ELSEWHERE)
@pytest.mark.parametrize("where", ["", "train."])
def test_a_key_of_another_program_names_ours(where, key, capsys):
    known = {each.path for each in config_keys()}
    ours = KEYS_ELSEWHERE[key].split(" and ")
    assert set(ours) <= known
    if f"{where}{key}" in known or (key == "dataset" and not where):
        return  # a key of ours
    assert cli.run(["train", "nsgan", "--set", f"{where}{key}=1"]) == 2
    assert any(name in capsys.readouterr().err for name in (*ours, "is now called"))


def test_keys_are_found_by_their_last_part(capsys):
    assert cli.run(["config", "lr"]) == 0
    names = {line.split()[0] for line in capsys.readouterr().out.splitlines() if not line.startswith(" ")}
    assert names == {"train.generator.lr", "train.discriminator.lr"}


def test_a_bundled_name_says_that_a_run_has_it_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    api.train(small("wgan-gp", train={"steps": 1}), toy_data(), "runs/wgan-gp-digits-s0")
    (tmp_path / "runs/wgan-gp-broken").mkdir()
    (tmp_path / "runs/wgan-gp-broken/config.json").write_text("{}")
    with pytest.warns(
        UserWarning, match="wgan-gp is the bundled release wgan-gp-mnist; your run is runs/wgan-gp-digits"
    ):
        ganzoo.load("wgan-gp")
    ganzoo.load("wgan"), ganzoo.load("wgan-gp-mnist")  # a warning would be an error
