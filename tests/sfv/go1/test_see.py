from dataclasses import replace

import numpy as np
import pytest

from imitate.vision.depth_camera import CameraConfig
from imitate.vision.evaluation import CourseResult
from pose.errors import InputError
from sfv.bench.vision import Measured, make_rows
from sfv.bench.vision_page import TITLES, write_page
from sfv.go1 import see
from sfv.go1.adapt import AdaptGo1Config
from sfv.go1.eyes_film import project_dots
from sfv.go1.see import SeeGo1Config, learn_to_see, load_sight


def test_points_are_drawn_where_the_camera_sees_them():
    """A point on the ray of a pixel is in that pixel, whatever the robot's pose; what is behind is left out."""
    camera, quat = CameraConfig(), np.array([0.9, 0.1, -0.3, 0.3])
    quat /= np.linalg.norm(quat)
    w, x, y, z = quat
    rotation = np.array(
        [[1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
         [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
         [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)]]
    )  # fmt: skip
    position = np.array([1.0, -2.0, 0.4])
    pixels = [(0, 0), (57, 86), (20, 60)]
    rays = camera.rays()
    points = [position + rotation @ (np.array(camera.place) + 0.7 * rays[row, column]) for row, column in pixels]
    behind = position + rotation @ (np.array(camera.place) - rays[20, 60])
    found = project_dots(np.array([*points, behind]), position, rotation, camera, (870, 580))
    np.testing.assert_allclose(found, [(10 * column + 5, 10 * row + 5) for row, column in pixels], atol=1e-6)


def make_result(metres: float) -> CourseResult:
    kind = np.repeat(np.arange(4), 4)
    return CourseResult(
        kind, np.tile(np.arange(4), 4), metres + 0.1 * kind, np.full(16, 20.0), kind == 1, np.full(16, 0.5)
    )


def test_rows_and_page_show_what_was_measured(tmp_path):
    metres = {"walker": 9.0, "teacher": 8.0, "student": 7.9, "noisy": 4.0, "blind": 3.0, "masked": 3.1, "swapped": 5.0}
    found = Measured({kind: [make_result(metres[kind])] for kind in TITLES})
    rows = {row.name: row for row in make_rows(found)}
    assert rows["vision_distance_student"].value == pytest.approx(4 * 8.05)
    assert rows["vision_distance_student"].goal == pytest.approx(0.9 * 4 * 8.15)
    assert rows["vision_distance_blind_stairs"].value == pytest.approx(3.2)
    assert rows["vision_masked_distance"].value == pytest.approx(4 * 3.25)
    assert rows["vision_seconds_to_fall_teacher"].value == pytest.approx(16 * 20 / 4)
    assert all(row.baseline is None for row in rows.values())  # the paper's distances are longer than a lane
    text = write_page(tmp_path, found.results, 0.0042, [SeeGo1Config(samples=1234).to_training()]).read_text(
        encoding="utf-8"
    )
    assert "| Blind | 3.00 +- 0.00 | 3.10" in text and "34.72, 1.02, 16.64, 32.41, 84.79" in text
    assert "| 4 ms a picture" in text and "58 x 87, each 100 +- 20 ms" in text
    assert "and 1,234 of PPO" in text and "; 16 robots for each row" in text and "14.7 m ahead" in text
    assert "camera covered: the blind's distance +- 10% | yes" in text
    assert "another robot's pictures: the blind's distance +- 10% | no" in text


def test_time_to_fall_counts_seeds_without_a_fall():
    """A seed with 4 falls and one without: twice the time for the same falls."""
    upright = replace(make_result(5.0), fell=np.zeros(16, dtype=bool))
    rows = {row.name: row for row in make_rows(Measured({kind: [make_result(5.0), upright] for kind in TITLES}))}
    assert rows["vision_seconds_to_fall_student"].value == pytest.approx(2 * 16 * 20 / 4)
    none = {row.name: row for row in make_rows(Measured({kind: [upright] for kind in TITLES}))}
    assert none["vision_seconds_to_fall_student"].value is None and none["vision_seconds_to_fall_student"].note


def test_bad_input(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="--architecture lstm"):
        SeeGo1Config(architecture="lstm").to_training()
    for config in (SeeGo1Config(seed=-1), SeeGo1Config(seed=2**32), AdaptGo1Config(seed=-1)):
        with pytest.raises(InputError, match=r"--seed .*: expected 0 to"):
            config.to_training()
    with pytest.raises(InputError, match="--student-samples 0"):
        SeeGo1Config(student_samples=0).to_training()
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(InputError, match="is a file"):
        learn_to_see(SeeGo1Config(out=file))
    with pytest.raises(InputError, match="damaged"):
        load_sight(file)
    monkeypatch.setattr(see, "RUNS", tmp_path)
    with pytest.raises(InputError, match="sfv see"):
        load_sight()
