import numpy as np
import pytest

from imitate.locomotion.terrain import make_course
from imitate.vision.depth_camera import CameraConfig, DepthCamera, PictureSchedule
from imitate.vision.scandots import DOTS, STANDING, place_dots, read_scandots
from tests.samples import flat_terrain


class Draws:
    """A generator whose uniform numbers are given."""

    def __init__(self, *values: float):
        self.values = list(values)

    def uniform(self, low: float, high: float, size: int) -> np.ndarray:
        values = [self.values.pop(0) for _ in range(size)]
        assert all(low <= value <= high for value in values)
        return np.array(values)


def test_pictures_come_when_they_should_by_hand():
    schedule = PictureSchedule(CameraConfig(), 1)
    schedule.restart(np.array([0]), 0.0, Draws(0.03))  # pyright: ignore[reportArgumentType]
    draws = Draws(0.015, 0.1, 0.0, 0.08)
    taken, arrived = [], []
    for tick in range(20):  # 10 ms each
        time = 0.01 * tick
        taken += [tick] * len(schedule.find_due(time, draws))  # pyright: ignore[reportArgumentType]
        arrived += [tick] * len(schedule.find_arrived(time))
    assert taken == [3, 13]  # due at 30 and 130 ms, the next at 210
    assert arrived == [5, 13]  # at 45 ms, so there at 50; and at once


def test_latency_counts_from_when_a_picture_was_taken_and_not_from_when_it_was_due():
    """Looked at 30 times a second, a picture that is taken 30 ms late arrives one step later, not at once."""
    schedule = PictureSchedule(CameraConfig(), 1)
    schedule.restart(np.array([0]), 0.0, Draws(0.037))  # pyright: ignore[reportArgumentType]
    draws = Draws(0.015, 0.1)
    assert not len(schedule.find_due(1.0 / 30.0, draws))  # pyright: ignore[reportArgumentType]
    assert len(schedule.find_due(2.0 / 30.0, draws)) == 1  # pyright: ignore[reportArgumentType]
    assert not len(schedule.find_arrived(2.0 / 30.0)) and len(schedule.find_arrived(0.1)) == 1


def test_rate_and_latency_are_the_papers():
    rng = np.random.default_rng(0)
    schedule = PictureSchedule(CameraConfig(), 50)
    schedule.restart(np.arange(50), 0.0, rng)
    count, delays, due = 0, [], np.zeros(50)
    for tick in range(1000):
        ids = schedule.find_due(0.01 * tick, rng)
        due[ids], count = 0.01 * tick, count + len(ids)
        delays += list(0.01 * tick - due[schedule.find_arrived(0.01 * tick)])
    assert count / 50 / 10.0 == pytest.approx(10.0, rel=0.02)
    assert min(delays) >= 0.0 and max(delays) <= 0.021


def test_noise_and_drop_outs_are_what_they_say():
    camera = DepthCamera(flat_terrain(10.0), CameraConfig(noise=0.02, drop_out=0.1))
    depth = np.full((20, 58, 87), 1.0, np.float32)
    spoilt = camera.spoil(depth, np.random.default_rng(0))
    np.testing.assert_array_equal(spoilt, camera.spoil(depth, np.random.default_rng(0)))
    lost = spoilt == 0.0
    assert lost.mean() == pytest.approx(0.1, abs=0.005)
    assert spoilt[~lost].std() == pytest.approx(0.02, rel=0.03) and spoilt.max() <= 2.0


def test_scandots_are_heights_of_the_ground():
    terrain = make_course("obstacles", 0.6, 2, 8.0, 4.0)
    xyz, heading = np.array([[0.3, 0.2, 0.35], [-1.0, -0.4, 0.25]]), np.array([0.0, np.pi / 2])
    dots = read_scandots(terrain, xyz, heading)
    np.testing.assert_allclose(place_dots(xyz[:, :2], heading)[1, 0], [-1.0 + 0.25, -0.4 - 0.4], atol=1e-12)
    for robot, turn in ((0, np.eye(2)), (1, np.array([[0.0, -1.0], [1.0, 0.0]]))):
        for dot in (0, 17, 40):
            place = xyz[robot, :2] + turn @ DOTS[dot]
            assert dots[robot, dot] == pytest.approx(terrain.height(place) - xyz[robot, 2] + STANDING)
    assert dots.shape == (2, len(DOTS))


@pytest.mark.parametrize("wrong", [{"rows": 1}, {"drop_out": 1.5}, {"latency": (0.02, 0.0)}])
def test_impossible_cameras_are_refused(wrong):
    with pytest.raises(ValueError):
        CameraConfig(**wrong)
