import pytest

from ganzoo.config.parsing import parse_ratio
from ganzoo.config.schema import Train, Warmup
from ganzoo.errors import InputError
from ganzoo.training.schedule import d_steps, lr_factor, player_steps, warn_dead_schedule


@pytest.mark.parametrize(
    ("text", "moves"),
    [
        ("1:1", [1, 1, 1, 1]),
        ("5:1", [5, 5, 5, 5]),
        ("1:2", [1, 0, 1, 0]),
        ("1.5", [2, 1, 2, 1]),
        ("2:3", [1, 1, 0, 1]),
        ("2", [2, 2, 2, 2]),
    ],
)
def test_d_steps_before_each_g_step(text, moves):
    assert [d_steps(step, parse_ratio(text)) for step in range(4)] == moves


def test_a_fraction_is_kept_in_the_long_run():
    assert sum(d_steps(step, parse_ratio("7:5")) for step in range(500)) == 700


def test_warmup_is_that_of_the_authors_code():
    warmup = Warmup()
    steps = [d_steps(step, parse_ratio("5:1"), warmup) for step in range(1001)]
    assert [i for i, n in enumerate(steps) if n == 100] == [*range(25), 500, 1000]
    assert {n for n in steps if n != 100} == {5}


@pytest.mark.parametrize("text", ["0:1", "-1:2", "x", "1:0", "", "1:1:1"])
def test_a_ratio_that_is_none_is_refused_with_its_key(text):
    with pytest.raises(InputError, match=r"train\.ratio: expected D:G"):
        parse_ratio(text)


def test_the_rate_falls_linearly_to_the_horizon_whatever_the_steps():
    train = Train(lr_decay_steps=100, steps=7)
    assert [lr_factor(step, train) for step in (0, 25, 100, 130)] == [1.0, 0.75, 0.0, 0.0]
    assert lr_factor(10**6, Train()) == 1.0


def test_the_rate_falls_over_all_steps_of_the_training():
    train = Train(lr_decay_steps="all", steps=200)
    assert [lr_factor(step, train) for step in (0, 50, 200)] == [1.0, 0.75, 0.0]
    assert not warn_dead_schedule(train)


@pytest.mark.parametrize(
    ("count", "above", "most", "losses", "played"),
    [
        (2, None, 5, [], 2),
        (2, 1.0, 5, [3, 2, 1, 9], 4),  # the third is not above
        (1, 1.0, 2, [3, 3, 3, 3], 3),
        (1, 1.0, 5, [float("nan")], 1),
        (0, 1.0, 5, [], 0),  # no turn, so no loss
    ],
)
def test_turns_go_on_while_the_loss_is_above(count, above, most, losses, played):
    asked = iter(losses)
    assert list(player_steps(count, above, most, lambda: next(asked))) == list(range(played))


def test_steps_in_which_nothing_is_learned_are_told():
    assert warn_dead_schedule(Train(steps=12, lr_decay_steps=4)) == (
        "both learning rates are 0 from step 4 (train.lr_decay_steps): the last 8 of 12 steps change nothing"
    )
    assert not warn_dead_schedule(Train(steps=12)) and not warn_dead_schedule(Train(steps=12, lr_decay_steps=12))
