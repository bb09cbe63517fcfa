"""Truth: films of bodies that fall with g and walk with known steps, shown too slowly and too fast."""

from dataclasses import replace

import numpy as np
import pytest

from pose.camera.camera_motion import CameraMotion
from pose.errors import InputError
from pose.keypoints import Keypoints
from pose.landmarks import LANDMARKS
from pose.timeline.playback_speed import apply_playback_speed, estimate_playback_speed, round_speed
from reconstruct.characters.character import load_character
from sfv.demo.demo import stage_demo

SPEEDS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)


def film(motion: str, fps: float = 30.0, noise_px: float = 1.5) -> Keypoints:
    """True landmarks of a demo motion in its camera, as a film of this frame rate shows them."""
    truth = stage_demo(motion, load_character("humanoid"))
    camera, times = truth.camera, np.arange(len(truth.xyz_w)) / 30.0
    wanted = np.arange(0.0, times[-1], 1.0 / fps)
    flat = truth.xyz_w.reshape(len(times), -1)
    xyz_w = np.stack([np.interp(wanted, times, column) for column in flat.T], axis=1).reshape(-1, 33, 3)
    xy = np.stack([camera.project(xyz) for xyz in xyz_w])
    xy += noise_px * np.random.default_rng(0).standard_normal(xy.shape)
    xyz = xyz_w @ camera.R_camera_world.T
    xyz -= xyz[:, [LANDMARKS.index("left_hip"), LANDMARKS.index("right_hip")]].mean(axis=1, keepdims=True)
    return Keypoints(xy, xyz, np.full(xy.shape[:2], 0.9), fps, LANDMARKS, camera.image_size)


@pytest.mark.parametrize("motion", ["backflip", "jump", "walk"])
@pytest.mark.parametrize("speed", SPEEDS)
def test_speed_of_a_film_is_found_from_falls_and_steps(motion: str, speed: float) -> None:
    shown = film(motion, 30.0 * speed if speed > 1 else 60.0)
    found = estimate_playback_speed(replace(shown, fps=shown.fps / speed))
    assert found.speed == pytest.approx(speed, rel=0.1)
    assert found.flights > 0 or found.steps >= 5


@pytest.mark.parametrize("motion", ["backflip", "jump", "walk"])
def test_speed_is_found_without_the_depth_that_many_detectors_do_not_give(motion: str) -> None:
    shown = film(motion, 60.0)
    flat = replace(shown, xyz=np.zeros_like(shown.xyz), fps=2.0 * shown.fps)
    assert estimate_playback_speed(flat).speed == pytest.approx(0.5, rel=0.1)


@pytest.mark.parametrize("motion", ["backflip", "jump", "walk", "cartwheel"])
@pytest.mark.parametrize("fps", [5.0, 8.0, 12.0, 25.0, 240.0])
def test_real_time_stays_real_time_at_every_frame_rate(motion: str, fps: float) -> None:
    assert estimate_playback_speed(film(motion, fps)).speed == 1.0


def test_real_time_stays_and_where_nothing_falls_nothing_is_claimed() -> None:
    cartwheel = estimate_playback_speed(film("cartwheel"))
    assert cartwheel.speed == 1.0 and cartwheel.measured is None and cartwheel.evidence == ""
    still = film("backflip")
    still = replace(still, xy=np.zeros_like(still.xy) + still.xy[:1], xyz=np.zeros_like(still.xyz) + still.xyz[:1])
    assert estimate_playback_speed(still).speed == 1.0


def test_pull_up_on_a_bar_is_no_slow_flight() -> None:
    shown = film("jump", 60.0)
    frames = len(shown)
    # The whole body goes up and down as in a slow flight, but the hands stay where they are.
    rise = 150.0 * np.maximum(0.0, 1.0 - (2.0 * np.arange(frames) / frames - 1.0) ** 2)
    xy = shown.xy[:1] - rise[:, None, None] * np.array([0.0, 1.0])
    hands = [i for i, name in enumerate(LANDMARKS) if any(part in name for part in ("wrist", "pinky", "thumb"))]
    hands += [LANDMARKS.index(f"{side}_index") for side in ("left", "right")]
    flying = replace(shown, xy=xy, xyz=shown.xyz[:1] + np.zeros_like(shown.xyz))
    assert estimate_playback_speed(flying).flights == 1
    hanging = xy.copy()
    hanging[:, hands] = shown.xy[:1, hands] - (0.0, 250.0)
    assert estimate_playback_speed(replace(flying, xy=hanging)).measured is None


def test_camera_that_pans_along_does_not_hide_the_fall() -> None:
    shown = film("backflip", 60.0)
    focal, size = 800.0, np.array(shown.image_size)
    angles = np.linspace(0.0, 0.25, len(shown))
    turn = np.zeros((len(shown), 3, 3))
    cos, sin = np.cos(angles), np.sin(angles)
    turn[:, 0, 0] = turn[:, 1, 1] = 1.0
    turn[:, 1, 1], turn[:, 1, 2], turn[:, 2, 1], turn[:, 2, 2] = cos, -sin, sin, cos  # tilts
    rays = np.concatenate([(shown.xy - size / 2) / focal, np.ones((*shown.xy.shape[:2], 1))], axis=-1)
    seen = np.einsum("tij,tkj->tki", turn, rays)
    xy = focal * seen[..., :2] / seen[..., 2:] + size / 2
    panned = replace(shown, xy=xy, camera_motion=CameraMotion(turn, np.ones(len(shown)), focal, True), fps=15.0)
    assert estimate_playback_speed(panned).speed == 4.0


def test_usual_speeds_are_rounded_to_and_others_kept() -> None:
    assert [round_speed(x) for x in (0.95, 1.3, 1.9, 4.3, 0.27, 5.5)] == [1.0, 1.0, 2.0, 4.0, 0.25, 5.5]


def test_applying_a_speed_changes_time_only_and_leaves_out_what_is_too_fine() -> None:
    shown = film("backflip")
    fast = apply_playback_speed(shown, 4.0, 60.0)
    assert (fast.fps, fast.speed, fast.video_fps) == (60.0, 4.0, 15.0)
    np.testing.assert_array_equal(fast.xy, shown.xy[::2])
    assert apply_playback_speed(shown, None, 60.0) is shown
    for nonsense in (0.0, -1.0, float("nan")):
        with pytest.raises(InputError, match="SPEED") as error:
            apply_playback_speed(shown, nonsense, 60.0)
        assert "\n" not in str(error.value)
