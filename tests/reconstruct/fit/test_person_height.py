"""Truth: what falls, falls with g, whoever it is; a child's jump is a man's in less time."""

from dataclasses import replace

import numpy as np
import pytest

from pose.keypoints import Keypoints
from reconstruct.characters.character import load_character
from reconstruct.fit.person_height import (
    GRID,
    Flight,
    flight_likelihood,
    gait_likelihood,
    prior_density,
    scale_character,
    summarise,
)
from reconstruct.kinematics import GRAVITY
from reconstruct.reconstruct import ReconstructConfig, reconstruct_motion
from sfv.bench.simulated_keypoints import simulate_keypoints
from sfv.demo.demo import stage_demo

HUMANOID = load_character("humanoid")
ONE_PASS = ReconstructConfig(loop="no")


def film(motion: str, height: float) -> Keypoints:
    """As a detector sees a motion of somebody of a height, whose time goes by its root; the picture is the same."""
    seen = simulate_keypoints(stage_demo(motion, HUMANOID), HUMANOID)
    return replace(seen, fps=seen.fps / np.sqrt(height / HUMANOID.height))


def test_jump_of_a_child_becomes_the_motion_of_a_body_of_its_height() -> None:
    found = reconstruct_motion(film("jump", 1.1), HUMANOID, ONE_PASS, find_height=True)
    assert found.height is not None and found.height.is_other
    assert found.height.metres == pytest.approx(1.1, rel=0.1)
    assert found.height.low < 1.1 < found.height.high
    assert found.motion.height == pytest.approx(found.height.metres, abs=1e-3)
    assert found.motion.qpos[0, 2] == pytest.approx(0.9 * found.motion.height / 1.75, abs=0.05)
    assert "1 flight" in found.height.describe()


def test_motion_of_an_adult_of_usual_height_is_left_as_it_is() -> None:
    seen = film("jump", 1.75)
    found, usual = (reconstruct_motion(seen, HUMANOID, ONE_PASS, find_height=find) for find in (True, False))
    assert found.height is not None and not found.height.is_other and usual.height is None
    assert found.height.metres == pytest.approx(1.75, rel=0.08)
    assert np.array_equal(found.motion.qpos, usual.motion.qpos) and found.motion.height == 1.75


def test_film_whose_speed_was_estimated_has_spent_its_evidence() -> None:
    found = reconstruct_motion(replace(film("jump", 1.1), speed=4.0), HUMANOID, ONE_PASS, find_height=True)
    assert found.height is not None and not found.height.is_other
    assert found.height.evidence == "as people are"


def test_without_evidence_it_is_as_people_are() -> None:
    prior = summarise(prior_density(), 1.75, "")
    assert 1.62 < prior.metres < 1.75 and prior.low < 1.45 and prior.high > 1.82
    assert not prior.is_other
    silent = prior_density() * flight_likelihood([], 1.75) * gait_likelihood([])
    assert summarise(silent, 1.75, "") == prior


@pytest.mark.parametrize("height", [1.1, 1.4, 1.75, 2.0])
def test_two_sure_flights_outweigh_what_is_usual(height: float) -> None:
    fall = 9.81 * 1.75 / height
    found = summarise(prior_density() * flight_likelihood(2 * [Flight(fall, 0.03 * fall)], 1.75), 1.75, "")
    assert found.metres == pytest.approx(height, rel=0.04)
    assert found.is_other == (height < 1.6 or height > 1.9)


def test_one_flight_that_is_none_does_not_decide() -> None:
    good, wrong = Flight(9.9, 0.5), Flight(20.0, 1.0)
    found = summarise(prior_density() * flight_likelihood([good, good, wrong], 1.75), 1.75, "")
    assert found.metres == pytest.approx(1.75, rel=0.08) and not found.is_other


def test_the_likelihood_of_a_fall_is_a_density_of_the_fall() -> None:
    falls = np.linspace(-200.0, 200.0, 20001)
    middle = int(np.abs(GRID - np.log(1.75)).argmin())
    values = [flight_likelihood([Flight(float(fall), 0.8)], 1.75)[middle] for fall in falls]
    total = np.trapezoid(values, falls)
    other = np.trapezoid([flight_likelihood([Flight(float(fall), 0.8)], 1.75)[100] for fall in falls], falls)
    assert total == pytest.approx(other, rel=1e-3)


def test_scaled_body_has_the_lengths_of_one_that_is_loaded_at_that_height() -> None:
    scaled, loaded = scale_character(HUMANOID, 1.2), load_character("humanoid", 1.2)
    assert np.allclose(scaled.model.body_pos, loaded.model.body_pos)
    assert np.allclose(scaled.model.body_mass, loaded.model.body_mass)


def test_what_all_flights_have_wrong_alike_does_not_average_away() -> None:
    flights = 16 * [Flight(GRAVITY * 1.06, 0.3)]
    found = summarise(prior_density() * flight_likelihood(flights, 1.75), 1.75, "")
    assert np.log(found.high / found.low) > 2.0 * 1.6 * 0.03 * 0.9
    assert not found.is_other
