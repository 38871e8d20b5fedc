"""Budgets: read from words, and converted to exactly the steps that a trainer needs."""

import itertools
from fractions import Fraction

import pytest

from ganzoo.builder import build_modules, resolve_config
from ganzoo.config.schema import Warmup
from ganzoo.data import BatchLoader
from ganzoo.errors import InputError
from ganzoo.experiments.budget import (
    FIRST_SLICE_STEPS,
    check_thresholds,
    parse_budget,
    steps_for_budget,
    steps_for_images,
)
from ganzoo.training import schedule
from ganzoo.training.trainer import Trainer
from small_runs import small, toy_data


@pytest.mark.parametrize("text", ["steps=2000", "images=200000", "minutes=0.5"])
def test_a_budget_is_written_as_it_is_read(text):
    assert str(parse_budget(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        *("steps", "steps=", "steps=2.5", "hours=3", "images=0", "minutes=-1", "minutes=inf", "=3", "minutes=nan"),
        *("minutes=1e308", f"steps={2**31}", f"images={10**30}", f"images={'9' * 5000}", f"steps={'9' * 10**6}"),
    ],
    ids=lambda text: text[:20],
)
def test_what_is_no_budget_is_refused(text):
    with pytest.raises(InputError, match="expected steps=N, images=N or minutes=M"):
        parse_budget(text)


def test_steps_are_g_steps_and_minutes_begin_with_a_slice():
    train = small("nsgan").train
    assert steps_for_budget(parse_budget("steps=7"), train) == 7
    assert steps_for_budget(parse_budget("minutes=7"), train) == FIRST_SLICE_STEPS


def test_images_are_converted_once_for_all_cells_of_a_schedule(monkeypatch):
    train, counted = small("wgan", train={"batch_size": 5, "critic_warmup": {"d_steps": 3}}).train, schedule.d_steps
    asked = []
    monkeypatch.setattr(schedule, "d_steps", lambda *given: asked.append(given) or counted(*given))
    budget = parse_budget("images=12345")
    found = [steps_for_budget(budget, train) for _ in range(3)]
    assert len(set(found)) == 1 and len(asked) == found[0]


@pytest.mark.parametrize("player", ["d", "g"])
def test_a_player_that_may_step_again_has_minutes_only(player):
    limited, free = small("nsgan", train={"loss_thresholds": {player: 1.0}}).train, small("nsgan").train
    for budget in ("steps=3", "images=12"):
        check_thresholds(parse_budget(budget), free)
        with pytest.raises(InputError, match=r"train.loss_thresholds .* so (steps|images) cannot be equal"):
            check_thresholds(parse_budget(budget), limited)
    check_thresholds(parse_budget("minutes=1"), limited)


@pytest.mark.parametrize("images", [1, 5, 6, 33, 35])
@pytest.mark.parametrize(
    "table",
    [{"ratio": "1:1"}, {"ratio": "3:2"}, {"ratio": "1:3"}, {"critic_warmup": {"d_steps": 3, "first": 1, "every": 4}}],
    ids=str,
)
def test_images_become_the_fewest_steps_after_which_d_has_seen_so_many(images, table):
    data = toy_data()
    config = resolve_config(small("wgan", train={"batch_size": 5, **table}), data)
    trainer = Trainer(build_modules(config), BatchLoader(data, config.seed), config)
    seen = [0]
    while seen[-1] < images:
        trainer.train_step()
        seen.append(trainer.images)
    assert steps_for_budget(parse_budget(f"images={images}"), config.train) == trainer.step


def test_a_large_budget_of_images_is_not_counted_step_by_step():
    for ratio, steps_of_one in (("1:1", 1), ("1:3", 3), ("2:1", 0.5)):
        train = small("nsgan", train={"batch_size": 1, "ratio": ratio}).train
        assert steps_for_budget(parse_budget("images=1000000000000"), train) == pytest.approx(
            steps_of_one * 10**12, abs=3
        )
    with pytest.raises(InputError, match="more than 300,000 steps; use --budget steps=N"):
        steps_for_images(10**9, 1, Fraction(1), Warmup(d_steps=1), 0)


def test_without_a_warmup_the_steps_are_those_that_counting_gives():
    for batch in (1, 3, 7):
        for per_g in (Fraction(a, b) for a in (1, 2, 5) for b in (1, 3, 4)):
            for images, of_g in itertools.product(range(1, 60), (0, 1, 2)):
                step = seen = 0
                while seen < images:
                    seen += batch * (schedule.d_steps(step, per_g) + of_g)
                    step += 1
                assert steps_for_images(images, batch, per_g, None, of_g) == step
