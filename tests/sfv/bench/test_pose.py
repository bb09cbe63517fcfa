"""`bench pose`: a film with known truth, and its measures on landmarks whose answer is known."""

from dataclasses import replace

import numpy as np
import pytest

from pose.confidence import RAW
from pose.errors import InputError
from pose.keypoints import Keypoints
from pose.landmarks import INDEX, LANDMARKS, MIRRORED
from reconstruct.kinematics import BodyPoints, point_positions
from sfv.bench import films, pose
from sfv.bench.pose import _calibrate, _count_exchanges, _count_turns, _measure_calibration, bench_pose
from tests.samples import CHARACTER


def standing_keypoints(frames: int) -> Keypoints:
    """Landmarks of a body that stands still, 100 px a metre."""
    qpos = np.tile(CHARACTER.model.qpos0, (frames, 1))
    xyz_w = point_positions(CHARACTER.model, qpos, BodyPoints.of_sites(CHARACTER.model, LANDMARKS))
    xyz = np.stack([-xyz_w[..., 1], -xyz_w[..., 2], xyz_w[..., 0]], axis=-1)
    xy = 100.0 * xyz[..., :2] + [300.0, 300.0]
    return Keypoints(xy, xyz, np.ones(xy.shape[:2]), 30.0, LANDMARKS, (600, 600))


@pytest.mark.usefixtures("model_size")
def test_a_film_with_truth_is_measured(short_film, printed, monkeypatch, tmp_path):
    monkeypatch.setattr(films, "cache_folder", lambda: tmp_path)
    bench_pose(short_film.video, short_film.truth, json=True)
    rows = printed()
    group = short_film.video.stem
    assert rows[f"{group}_detected_upright"]["value"] > 0.9
    assert rows[f"{group}_pck_upright"]["value"] > 0.8
    assert rows[f"{group}_median_error_upright_torso"]["value"] < 0.15
    assert f"{group}_pck_inverted" not in rows  # nobody stands on his hands
    assert len(list((tmp_path / "bench" / "keypoints").glob("*.npz"))) == 1


def test_sets_that_are_not_shipped_are_missing_rows(
    short_film, printed, monkeypatch, tmp_path, no_recordings, model_size
):
    film = films.Film("synthetic", "walk", films.VIEWPOINTS[0], "humanoid", False)
    made = [(film, short_film.video)] + [
        (replace(film, group=group), short_film.video) for group in ("rough", "panning")
    ]
    monkeypatch.setattr(films, "cache_folder", lambda: tmp_path)
    monkeypatch.setattr(pose, "make_films", lambda files, full: made)
    bench_pose(json=True)
    rows = printed()
    assert rows["synthetic_pck_upright"]["value"] > 0.8
    assert 0.0 <= rows["confidence_error"]["value"] <= 1.0
    for name in ("kick_cam01_detected_upright", "sfv_detected", "frontflip_detected"):
        assert rows[name]["value"] is None and "does not ship" in rows[name]["note"]


def test_video_and_truth_belong_together(tmp_path):
    with pytest.raises(InputError, match="both --video and --truth"):
        bench_pose(video=tmp_path / "a.mp4")


def test_turns_of_the_torso_are_counted():
    still = standing_keypoints(31)
    assert _count_turns(still) == pytest.approx(0.0, abs=1e-9)
    angle = np.linspace(0.0, 2.0 * np.pi * 1.5, 31)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    centre = np.array([300.0, 300.0])
    turned = np.einsum("ijt,tpj->tpi", turn, still.xy - centre) + centre
    assert _count_turns(replace(still, xy=turned)) == pytest.approx(1.5)


def test_frames_with_left_and_right_exchanged_are_counted():
    still = standing_keypoints(10)
    assert _count_exchanges(still) == 0
    xyz = still.xyz.copy()
    xyz[4:7] = xyz[4:7][:, np.array(MIRRORED)]
    assert _count_exchanges(replace(still, xyz=xyz)) == 2  # there and back
    assert LANDMARKS[MIRRORED[INDEX["left_hip"]]] == "right_hip"


def test_calibration_reads_the_share_of_right_landmarks():
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.05, 0.95, 20000)
    right = rng.uniform(size=20000) < confidence
    rows = _measure_calibration(np.column_stack([confidence, right]))
    assert rows[0].name == "confidence_error"
    assert rows[0].value == pytest.approx(0.0, abs=0.02)  # 2,000 landmarks a tenth: a standard error of 0.01
    overconfident = _measure_calibration(np.column_stack([np.full(100, 0.9), np.arange(100) < 50]))
    assert overconfident[0].value == pytest.approx(0.4)
    assert [row.value for row in overconfident[1:]] == [0.5]
    shares = [row.value for row in _calibrate(np.column_stack([confidence, right])) if row.value is not None]
    assert len(shares) >= len(RAW) - 2 and (np.diff(shares) > -1e-9).all()  # isotonic
