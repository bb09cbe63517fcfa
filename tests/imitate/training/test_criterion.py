"""When a skill counts as learnt, when it no longer improves, and when it will not be learnt in time."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from imitate.training.criterion import Criterion, is_rising
from imitate.training.evaluation import Score

CRITERION = Criterion(least_return=0.9, in_a_row=3)


def scores(returns: list[float], completed: float = 1.0, pushed: float = 0.8, error: float = 0.0) -> list[Score]:
    return [Score(value, completed, pushed, error) for value in returns]


def test_the_draft_makes_94_percent_of_its_mean_reward_likely_counted_until_it_falls():
    draft = SimpleNamespace(rollout=SimpleNamespace(reward=np.array([0.0, 1.0, 0.8, 0.9])))  # nothing led to the first
    assert Criterion.of(draft, 3).least_return == pytest.approx(0.94 * 0.9)  # type: ignore[arg-type]
    assert Criterion.of(None, 3).least_return == 0.0
    fell_at_once = SimpleNamespace(rollout=SimpleNamespace(reward=np.zeros(1)))
    assert Criterion.of(fell_at_once, 3).least_return == 0.0  # type: ignore[arg-type]


def test_a_skill_is_learnt_at_the_first_of_three_evaluations_whose_means_are_at_criterion():
    found = scores([0.85, 0.88, 0.91, 0.92, 0.92])
    assert CRITERION.find_first(found) == 1  # .88, .91 and .92 have .903 on average, .85, .88 and .91 only .88
    assert CRITERION.find_first(found[:3]) is None
    one_of_96_falls = [replace(found[2], completed=31 / 32), *found[3:], found[4]]
    assert CRITERION.find_first(one_of_96_falls) == 0  # .9896
    two_of_96_fall = [replace(score, completed=31 / 32) for score in found[2:4]] + found[4:]
    assert CRITERION.find_first(two_of_96_fall) is None  # .979


@pytest.mark.parametrize(
    ("returns", "rises"),
    [([0.90, 0.91, 0.92], True), ([0.92, 0.92, 0.92], False), ([0.92, 0.90, 0.89], False), ([0.90, 0.95, 0.90], False)],
)
def test_a_line_through_the_evaluations_rises_or_not(returns, rises):
    assert is_rising(scores(returns)) is rises


def test_what_rises_by_no_more_than_chance_does_not_count():
    # Overall it rises by .018. Of errors of .01 each, the line's end less its start has .0141, of .02 .0283.
    assert is_rising(scores([0.90, 0.91, 0.92], error=0.01))
    assert not is_rising(scores([0.90, 0.91, 0.92], error=0.02))


def test_training_goes_on_while_only_the_return_under_pushes_rises():
    found = [Score(0.95, 1.0, pushed) for pushed in (0.5, 0.6, 0.7)]
    assert CRITERION.choose_end(found) == ""
    assert "learnt" in CRITERION.choose_end([*found, *scores([0.95] * 2, pushed=0.7)])


@pytest.mark.parametrize(
    ("returns", "completed", "ends"),
    [
        ([0.92, 0.92], 1.0, ""),  # too few
        ([0.92, 0.92, 0.92], 1.0, "learnt"),
        ([0.96, 0.93, 0.92], 1.0, "learnt"),  # it falls: the best is kept
        ([0.92, 0.92, 0.92], 0.96, ""),  # somebody still falls
        ([0.80, 0.80, 0.80], 1.0, ""),  # below what the draft makes likely: twice as many
        ([0.80] * 6, 1.0, "no longer rises, at 0.80; the draft made 0.90"),
        ([0.80, 0.81, 0.82, 0.83, 0.84, 0.85], 1.0, ""),
        ([0.20] * 12, 0.3, ""),  # not learnt at all: all of the time is used
    ],
)
def test_training_ends_when_the_skill_is_learnt_and_goes_on_when_it_is_not(returns, completed, ends):
    reason = CRITERION.choose_end(scores(returns, completed))
    assert (ends in reason) if ends else reason == ""


def test_without_a_draft_nobody_knows_what_is_likely_and_twice_as_many_evaluations_must_not_rise():
    alone = Criterion(least_return=0.0, in_a_row=3)
    assert alone.choose_end(scores([0.7] * 5)) == ""
    assert alone.choose_end(scores([0.7] * 6)) == "the skill is learnt and no longer improves"
    assert alone.choose_end(scores([0.5, 0.6, 0.7, 0.7, 0.7, 0.7])) == ""


def test_a_run_that_will_not_get_there_says_so_and_why():
    falling = [replace(score, fall_time=1.25) for score in scores([0.5, 0.5, 0.5, 0.5], completed=0.25)]
    samples = [100.0, 200.0, 300.0, 400.0]
    said = CRITERION.predict_miss(falling, samples, limit=1000.0)
    assert "25% of the rollouts" in said and "25% at best" in said and "1.2 s into the motion" in said
    assert CRITERION.predict_miss(falling, samples, limit=4000.0) == ""  # only a tenth of the budget is used
    assert CRITERION.predict_miss(falling[:3], samples[:3], limit=1000.0) == ""
    # .1 each 100 samples: 100 % after 850; a straight line is there by 1000, not by 700, where it has 85 %.
    rising = [Score(0.95, share, 0.5) for share in (0.25, 0.35, 0.45, 0.55)]
    assert CRITERION.predict_miss(rising, samples, limit=1000.0) == ""
    assert "85% at best" in CRITERION.predict_miss(rising, samples, limit=700.0)
    low = scores([0.7, 0.7, 0.7, 0.7])
    assert "the return is 0.70, 0.70 at best" in CRITERION.predict_miss(low, samples, limit=1000.0)
    assert CRITERION.predict_miss(scores([0.95] * 4), samples, limit=1000.0) == ""


@pytest.mark.parametrize(("confirmed", "ends"), [(None, True), (1.0, True), (31 / 32, False)])
def test_rollouts_from_other_starts_must_confirm_that_the_skill_is_learnt(confirmed, ends):
    found = scores([0.92] * 3)
    found[-1] = replace(found[-1], confirmed=confirmed)
    assert bool(CRITERION.choose_end(found)) is ends
    assert found[-1].is_confirmed is (confirmed == 1.0)
