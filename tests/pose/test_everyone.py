"""Everybody in a film: two drawn bodies that cross, of which the detector sees one alone in the whole picture."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from pose import everyone
from pose.camera.camera_motion import CameraMotion
from pose.errors import InputError
from pose.estimate import PoseConfig
from pose.estimator import Poses, concatenate, no_poses
from pose.everyone import drop_parts, estimate_everyone_with, find_common_speed, measure_inside, put_on_one_clock
from pose.keypoints import Keypoints
from pose.landmarks import INDEX, LANDMARKS
from pose.people.prominence import Candidate
from pose.timeline.seen_part import cut_to_seen
from pose.video import VideoWriter, probe
from tests.people import poses, stick
from tests.pose.timeline.test_playback_speed import film as flip_film

SIZE, T, FPS = (192, 108), 32, 20
FEW_CROPS = PoseConfig(crop_rounds=3)
RED, BLUE = (220, 40, 40), (40, 60, 220)
HEIGHTS = {"shoulder": -0.3, "elbow": -0.15, "hip": 0.0, "knee": 0.25, "ankle": 0.45}


def red(t: int) -> tuple[float, float]:
    return 24.0 + 4.5 * t, 57.0


def blue(t: int) -> tuple[float, float]:
    return 162.0 - 4.0 * t, 51.0


def film(path: Path, people: tuple[str, ...] = ("blue", "red"), late: int = 0) -> Path:
    """Boxes 12 wide, the red one 54 high and in front, the blue one 46 high; it comes in at a frame."""
    with VideoWriter(path, FPS, SIZE, quality=5) as video:
        for t in range(T):
            image = np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)
            for name, where, half, colour in (("blue", blue, 23, BLUE), ("red", red, 27, RED)):
                x, y = where(t)
                if name in people and (name == "red" or t >= late):
                    image[int(y) - half : int(y) + half, int(x) - 6 : int(x) + 6] = colour
            video.write(image)
    return path


class TwoColours:
    """Sees boxes as bodies; the larger one alone in whole pictures."""

    names = LANDMARKS

    def detect(self, images: Iterable[np.ndarray]) -> Iterator[Poses]:
        for image in images:
            colours = image.astype(int)
            masks = [colours[..., 0] - colours[..., 2] > 80, colours[..., 2] - colours[..., 0] > 80]
            found = [self._body(mask) for mask in masks if mask.sum() > 100]
            if image.shape[:2] == (SIZE[1], SIZE[0]):
                found = found[:1]
            yield concatenate(found) if found else no_poses(33)

    def _body(self, mask: np.ndarray) -> Poses:
        rows, columns = np.nonzero(mask)
        middle, length = np.array([columns.mean(), rows.mean()]) + 0.5, float(np.ptp(rows)) + 1.0
        down = np.array([next((h for part, h in HEIGHTS.items() if part in name), 0.0) for name in LANDMARKS])
        xy = middle + down[:, None] * length * np.array([0.0, 1.0])
        return Poses(xy[None], np.column_stack([down * 0, down * 1.7, down * 0])[None], np.full((1, 33), 0.9))


def hips(keypoints: Keypoints) -> np.ndarray:
    return keypoints.xy[:, [INDEX["left_hip"], INDEX["right_hip"]]].mean(axis=1)


def test_two_who_cross_are_followed_by_their_clothes_and_share_camera_and_clock(tmp_path: Path) -> None:
    video = film(tmp_path / "two.mp4", late=6)
    found = estimate_everyone_with(TwoColours(), video, probe(video), FEW_CROPS, sheet=tmp_path / "people.jpg")
    assert len(found) == 2 and (tmp_path / "people.jpg").is_file()
    assert [len(one) for one in found] == [T, T] and found[0].start == found[1].start == 0.0
    first, second = sorted(found, key=lambda one: one.xy[one.seen][0, 0, 0])
    np.testing.assert_allclose(hips(first), [red(t) for t in range(T)], atol=2.0)
    apart = np.array([t for t in range(6, T) if abs(red(t)[0] - blue(t)[0]) > 15])
    np.testing.assert_allclose(hips(second)[apart], [blue(t) for t in apart], atol=2.0)
    assert not second.seen[:5].any()
    seen, number = cut_to_seen(second)
    assert 5 <= number <= 6 and seen.start == pytest.approx(number / FPS) and seen.seen[0]


def test_one_person_alone_is_one_line(tmp_path: Path) -> None:
    video = film(tmp_path / "one.mp4", people=("red",))
    with pytest.raises(InputError, match="only one person is large and long enough in view; leave --people out"):
        estimate_everyone_with(TwoColours(), video, probe(video), FEW_CROPS)


def standing(*bodies: tuple[float, float, float]) -> tuple[list[Candidate], list[Poses]]:
    """Bodies that stand at (x, y) with a height [px] for five frames, and the frames."""
    frames = [poses(*((stick(*body), 0.9) for body in bodies))] * 5
    rows = [np.full(5, n) for n in range(len(bodies))]
    return [Candidate(row, 1.0, body[2] / 1280, 1.0, 0.5, 1.0) for row, body in zip(rows, bodies, strict=True)], frames


def test_legs_taken_for_a_small_person_are_dropped_and_a_child_beside_is_not() -> None:
    people, frames = standing((600, 400, 400), (600, 500, 180), (760, 480, 200))
    man, legs, child = people
    assert measure_inside(legs, man, frames) > 0.95 and measure_inside(child, man, frames) == 0.0
    assert [id(one) for one in drop_parts(people, frames)] == [id(man), id(child)]
    assert [id(one) for one in drop_parts([legs, child], frames)] == [id(child), id(legs)]
    elsewhen = replace(legs, rows=np.full(5, -1))
    assert measure_inside(elsewhen, man, frames) == 0.0


def test_nobody_whose_motion_shows_the_speed_leaves_it_as_filmed() -> None:
    xy = np.stack([stick(600, 400, 400)] * 5)
    still = Keypoints(xy, np.zeros((5, 33, 3)), np.ones((5, 33)), 30.0, LANDMARKS, (1280, 720))
    assert find_common_speed([still]) == 1.0


def test_slow_motion_before_a_camera_that_tilts_is_found_for_everybody() -> None:
    shown, focal = flip_film("backflip", 60.0), 800.0
    middle, angles = np.array(shown.image_size) / 2.0, np.linspace(0.0, 0.25, len(shown))
    turn = Rotation.from_rotvec(angles[:, None] * [1.0, 0.0, 0.0]).as_matrix()
    rays = np.concatenate([(shown.xy - middle) / focal, np.ones((*shown.xy.shape[:2], 1))], axis=-1)
    seen = np.einsum("tij,tkj->tki", turn, rays)
    flip = replace(shown, xy=focal * seen[..., :2] / seen[..., 2:] + middle, fps=15.0)
    assert find_common_speed([flip]) != 4.0  # the camera goes along with the fall
    still = replace(flip, xy=np.zeros_like(flip.xy) + flip.xy[:1], xyz=np.zeros_like(flip.xyz) + flip.xyz[:1])
    camera = CameraMotion(turn, np.ones(len(flip)), focal, True)
    people = put_on_one_clock([replace(one, camera_motion=camera) for one in (still, flip)], PoseConfig())
    assert [one.speed for one in people] == [4.0, 4.0]


class LeapingWrist(TwoColours):
    """Sees a wrist far from the body in every eighth image."""

    count = 0

    def detect(self, images: Iterable[np.ndarray]) -> Iterator[Poses]:
        for found in super().detect(images):
            self.count += 1
            if self.count % 8 == 0:
                found.xy[:, INDEX["left_wrist"], 1] -= 25.0
            yield found


def test_landmarks_that_are_not_seen_hide_no_background_up_to_the_picture_s_corner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = list[np.ndarray]()
    monkeypatch.setattr(everyone, "follow_any_camera", lambda _images, boxes, _fps: hidden.extend(boxes) or (None, ""))
    video = film(tmp_path / "two.mp4")
    people = estimate_everyone_with(LeapingWrist(), video, probe(video), PoseConfig(crop_rounds=0))
    assert any((one.xy[one.seen] == 0.0).all(axis=-1).any() for one in people)
    assert len(hidden) == T and min(boxes[:, :2].min() for boxes in hidden) > 2.0
