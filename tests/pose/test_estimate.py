"""The pose stage: on a drawn body whose place is known, on bad input, and on a real walk where it is at hand."""

import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pose.downloads import cache_folder
from pose.errors import InputError
from pose.estimate import PoseConfig, estimate_keypoints, estimate_keypoints_with
from pose.estimator import Poses, no_poses
from pose.landmarks import INDEX, LANDMARKS
from pose.overlay import write_overlay
from pose.quality import assess_keypoints
from pose.video import VideoWriter, probe, read_frames
from pose.weights import SIZES, is_intact

WALK = Path(__file__).resolve().parents[3] / "shared/data/videos/walk_and_frontflip.mp4"


def cached_bundle() -> Path | None:
    """The smallest network that is in the cache."""
    bundles = [cache_folder() / f"pose_landmarker_{size}.task" for size in reversed(SIZES)]
    return next((bundle for bundle in bundles if is_intact(bundle)), None)


needs_weights = pytest.mark.skipif(cached_bundle() is None, reason="no BlazePose weights in the cache: make setup")

SIZE = (320, 240)
T = 40


def centre(t: int) -> tuple[float, float]:
    return 60.0 + 5 * t, 120.0


def drawn_video(path: Path, blank: tuple[int, ...] = ()) -> Path:
    """A white box 24 wide and 80 high that moves to the right; empty at some frames."""
    with VideoWriter(path, 20, SIZE, quality=5) as video:
        for t in range(T):
            image = np.full((SIZE[1], SIZE[0], 3), 20, np.uint8)
            x, y = centre(t)
            if t not in blank:
                image[int(y) - 40 : int(y) + 40, int(x) - 12 : int(x) + 12] = 255
            video.write(image)
    return path


class BoxEstimator:
    """Sees a white box as a body; in whole images only now and then, so that crops are needed."""

    names = LANDMARKS

    def __init__(self, misses: tuple[int, ...] = ()) -> None:
        self.misses = misses
        self.whole = 0

    def detect(self, images: Iterable[np.ndarray]) -> Iterator[Poses]:
        for image in images:
            if image.shape[:2] == (SIZE[1], SIZE[0]):
                self.whole += 1
                if self.whole - 1 in self.misses:
                    yield no_poses(33)
                    continue
            rows, columns = np.nonzero(image[:, :, 1] > 130)
            if len(rows) < 50:
                yield no_poses(33)
                continue
            middle = np.array([columns.mean(), rows.mean()]) + 0.5
            offset = np.stack([columns, rows], axis=1) + 0.5 - middle
            _, axes = np.linalg.eigh(offset.T @ offset)
            down = axes[:, 1] * np.sign(axes[1, 1])
            length = 2 * np.sqrt(3) * np.std(offset @ axes[:, 1])
            heights = np.array([_height_of(name) for name in LANDMARKS])
            xy = middle + heights[:, None] * length * down
            xyz = np.column_stack([heights * 0, heights * 1.7, heights * 0])
            yield Poses(xy[None], xyz[None], np.full((1, 33), 0.9))


def _height_of(name: str) -> float:
    """Below the middle of the body, in body lengths."""
    parts = {"shoulder": -0.3, "elbow": -0.15, "wrist": 0.0, "hip": 0.0, "knee": 0.25, "ankle": 0.45}
    return next((height for part, height in parts.items() if part in name), 0.0)


def test_body_is_found_where_it_was_drawn_also_by_crops(tmp_path: Path) -> None:
    video = drawn_video(tmp_path / "box.mp4")
    misses = (0, 1, 10, 11, 12, 20, 38, 39)
    keypoints = estimate_keypoints_with(BoxEstimator(misses), video, probe(video), PoseConfig())
    assert len(keypoints) == T and keypoints.seen.all()
    assert (keypoints.fps, keypoints.image_size, keypoints.start) == (20.0, SIZE, 0.0)
    hips = keypoints.xy[:, [INDEX["left_hip"], INDEX["right_hip"]]].mean(axis=1)
    np.testing.assert_allclose(hips, [centre(t) for t in range(T)], atol=1.5)
    assert keypoints.confidence[:, INDEX["left_knee"]].min() > 0.5
    assert keypoints.camera_motion is None


def test_what_is_not_there_is_not_invented(tmp_path: Path) -> None:
    video = drawn_video(tmp_path / "box.mp4", blank=(15, 16, 17))
    keypoints = estimate_keypoints_with(BoxEstimator(), video, probe(video), PoseConfig())
    np.testing.assert_array_equal(np.flatnonzero(~keypoints.seen), [15, 16, 17])
    assert not keypoints.xy[15:18].any() and not keypoints.xyz[15:18].any()


def test_frames_before_the_person_comes_and_after_it_leaves_are_cut_off(tmp_path: Path) -> None:
    absent = (*range(12), *range(34, T))
    video = drawn_video(tmp_path / "box.mp4", blank=absent)
    keypoints = estimate_keypoints_with(BoxEstimator(), video, probe(video), PoseConfig(start=0.2))
    assert len(keypoints) == 22 and keypoints.seen.all()
    assert keypoints.start == pytest.approx(12 / 20)
    hips = keypoints.xy[:, INDEX["left_hip"]]
    np.testing.assert_allclose(hips, [centre(12 + k) for k in range(22)], atol=1.5)


def test_of_a_video_that_is_cut_one_shot_is_used_and_all_are_listed(tmp_path: Path) -> None:
    video = tmp_path / "cut.mp4"
    with VideoWriter(video, 20, SIZE, quality=5) as writer:
        for _ in range(15):  # a title card
            writer.write(np.full((SIZE[1], SIZE[0], 3), (0, 90, 90), np.uint8))
        for t in range(T):
            image = np.full((SIZE[1], SIZE[0], 3), 20, np.uint8)
            x, y = centre(t)
            image[int(y) - 40 : int(y) + 40, int(x) - 12 : int(x) + 12] = 255
            writer.write(image)
    keypoints = estimate_keypoints_with(BoxEstimator(), video, probe(video), PoseConfig())
    assert len(keypoints) == T and keypoints.seen.all() and keypoints.start == pytest.approx(0.75)
    np.testing.assert_allclose(keypoints.xy[:, INDEX["left_hip"]], [centre(t) for t in range(T)], atol=1.5)
    assert keypoints.shots is not None
    np.testing.assert_allclose(keypoints.shots, [[0.0, 0.75], [0.75, 2.75]])
    (finding,) = [text for text in assess_keypoints(keypoints).findings if "shots" in text]
    assert finding.startswith("the video is cut into 2 shots, used the one at 0.75 s: START=0.00 END=0.75; START=0.75")


def test_turned_picture_is_put_upright(tmp_path: Path) -> None:
    upright = drawn_video(tmp_path / "box.mp4")
    lying = tmp_path / "lying.mp4"
    with VideoWriter(lying, 20, (SIZE[1], SIZE[0]), quality=5) as writer:
        for _, image in read_frames(upright):
            writer.write(np.ascontiguousarray(np.rot90(image)))  # counter-clockwise
    found = estimate_keypoints_with(BoxEstimator(), lying, probe(lying), PoseConfig(rotate=90))
    assert found.image_size == SIZE and found.rotation == 90
    np.testing.assert_allclose(found.xy[:, INDEX["left_hip"]], [centre(t) for t in range(T)], atol=1.5)
    write_overlay(lying, found, tmp_path / "overlay.mp4")
    _, first = next(read_frames(tmp_path / "overlay.mp4"))
    assert first.shape[:2] == SIZE[::-1] and first[90:150, 55:65].mean() > 120


def test_slow_motion_is_counted_in_the_motions_own_time(tmp_path: Path) -> None:
    video = drawn_video(tmp_path / "box.mp4")
    found = estimate_keypoints_with(BoxEstimator(), video, probe(video), PoseConfig(speed=8.0))
    assert (found.fps, found.speed, found.video_fps) == (
        pytest.approx(53.33, abs=0.01),
        8.0,
        pytest.approx(6.667, abs=0.01),
    )
    hips = found.xy[:, INDEX["left_hip"]]
    np.testing.assert_allclose(hips, [centre(3 * k) for k in range(len(found))], atol=1.5)
    with pytest.raises(InputError, match="SPEED=0"):
        estimate_keypoints_with(BoxEstimator(), video, probe(video), PoseConfig(speed=0.0))


def test_range_and_frame_rate_limit(tmp_path: Path) -> None:
    video = drawn_video(tmp_path / "box.mp4")
    keypoints = estimate_keypoints_with(BoxEstimator(), video, probe(video), PoseConfig(start=0.5, end=1.8, max_fps=12))
    assert keypoints.fps == 10 and keypoints.start == 0.5 and len(keypoints) == 13
    hips = keypoints.xy[:, INDEX["left_hip"]]
    np.testing.assert_allclose(hips, [centre(10 + 2 * k) for k in range(13)], atol=1.5)


def test_nobody_and_too_few_frames_are_one_line_errors(tmp_path: Path) -> None:
    nobody = drawn_video(tmp_path / "nobody.mp4", blank=tuple(range(T)))
    hardly = drawn_video(tmp_path / "hardly.mp4", blank=tuple(t for t in range(T) if t % 3))
    short = drawn_video(tmp_path / "short.mp4", blank=tuple(range(8, T)))
    cases = ((nobody, "no person was found"), (hardly, "seen in 14 of 40 frames"), (short, "in view for 8 frames"))
    for video, says in cases:
        with pytest.raises(InputError, match=says) as error:
            estimate_keypoints_with(BoxEstimator(), video, probe(video), PoseConfig())
        assert str(video) in str(error.value) and "\n" not in str(error.value)


def test_wrong_range_is_an_error_before_anything_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pose.estimate.find_or_fetch", lambda *_: pytest.fail("fetched"))
    video = drawn_video(tmp_path / "box.mp4")
    with pytest.raises(InputError, match="past its end"):
        estimate_keypoints(video, PoseConfig(start=10))
    with pytest.raises(InputError, match="no such file"):
        estimate_keypoints(tmp_path / "missing.mp4", PoseConfig())


def test_overlay_shows_the_skeleton_on_the_same_frames(tmp_path: Path) -> None:
    video = drawn_video(tmp_path / "box.mp4", blank=(15,))
    keypoints = estimate_keypoints_with(BoxEstimator(), video, probe(video), PoseConfig(start=0.5, end=1.5))
    out = tmp_path / "overlay.mp4"
    write_overlay(video, keypoints, out)
    drawn = [image.astype(int) for _, image in read_frames(out)]
    plain = [image.astype(int) for _, image in read_frames(video, 0.5, 1.5)]
    assert len(drawn) == len(plain) == len(keypoints) == 20
    for t, (a, b) in enumerate(zip(drawn, plain, strict=True)):
        changed = np.abs(a - b).max(axis=2) > 60
        if not keypoints.seen[t]:
            continue
        x, y = keypoints.xy[t, INDEX["left_knee"]].round().astype(int)
        assert changed[y - 2 : y + 3, x - 2 : x + 3].any()
        assert not changed[:, : max(0, x - 40)].any()


@needs_weights
def test_workers_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "killed.py"
    script.write_text(
        "import os, numpy as np\n"
        "from pathlib import Path\n"
        "from pose.blazepose import BlazePose\n"
        "if __name__ == '__main__':\n"
        f"    estimator = BlazePose(Path({str(cached_bundle())!r}), workers=1)\n"
        "    list(estimator.detect([np.zeros((64, 64, 3), np.uint8)]))\n"
        "    print(*estimator._pool._processes, flush=True)\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, env=environment, timeout=120)
    worker = int(done.stdout.split()[0])
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and _runs(worker):
        time.sleep(0.1)
    assert not _runs(worker)


def _runs(pid: int) -> bool:
    """Whether the process is there and is not just waiting to be buried."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(not WALK.is_file(), reason=f"the real sample is not at {WALK}")
@needs_weights
def test_real_walk_follows_the_woman_while_the_man_is_in_view(capfd: pytest.CaptureFixture[str]) -> None:
    bundle = cached_bundle()
    assert bundle is not None
    size = bundle.stem.removeprefix("pose_landmarker_")
    keypoints = estimate_keypoints(WALK, replace(PoseConfig(start=5.2, end=5.7), model_size=size))
    assert keypoints.seen.mean() > 0.8
    hips = keypoints.xy[keypoints.seen][:, [INDEX["left_hip"], INDEX["right_hip"]]].mean(axis=1)
    # She walks to the left in the lower half of the picture; he is in the air on the right of her, in the upper half.
    assert (hips[:, 1] > 600).all()
    assert hips[0, 0] - hips[-1, 0] > 80 and np.diff(hips[:, 0]).max() < 30
    assert capfd.readouterr().err == ""
