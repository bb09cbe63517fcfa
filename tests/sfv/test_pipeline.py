"""What stops a run before it learns from a bad video, and what is noted of the way to the skill."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imitate.env.task import Task
from imitate.rollout import EvaluateConfig
from imitate.scene.scene import Scene
from pose.errors import InputError
from pose.estimate import PoseConfig
from pose.formats.keypoint_json import list_keypoint_files
from pose.keypoints import Keypoints
from pose.video import VideoWriter
from sfv import stages
from sfv.other_keypoints import read_other_keypoints
from sfv.pipeline import check_worth, note_time_to_skill
from sfv.stage import StageResult, run_stage
from tests.detections import body, write
from tests.samples import CHARACTER, standing


def test_poor_keypoints_stop_a_run_in_one_line_unless_the_user_insists(tmp_path: Path) -> None:
    poor = StageResult(tmp_path, "", {"level": "poor", "verdict": "Poor keypoints: seen in 40%."}, 1.0)
    with pytest.raises(InputError, match="--anyway") as error:
        check_worth(poor, Path("flip.mp4"), "overlay.mp4", anyway=False)
    assert str(error.value).startswith("flip.mp4: Poor keypoints: seen in 40%.") and "\n" not in str(error.value)
    check_worth(poor, Path("flip.mp4"), "overlay.mp4", anyway=True)
    check_worth(
        replace(poor, metrics={"level": "usable", "verdict": ""}), Path("flip.mp4"), "overlay.mp4", anyway=False
    )


def test_time_to_skill_is_that_of_the_stages_before_and_of_the_training_until_it_was_at_criterion(
    tmp_path: Path,
) -> None:
    trained = {"skill_seconds": 40.0, "skill_cpu_seconds": 70.0, "train_seconds": 90.0}
    policy = StageResult(tmp_path, "", trained, 100.0, 190.0)
    pose, draft = (replace(policy, seconds=seconds, cpu_seconds=2.0 * seconds) for seconds in (10.0, 30.0))
    found = note_time_to_skill(policy, pose, draft).metrics
    assert found["time_to_skill_seconds"] == 80.0 and found["time_to_skill_cpu_seconds"] == 150.0
    assert found["train_seconds"] == 90.0
    never = replace(policy, metrics={"skill_seconds": None, "skill_cpu_seconds": None})
    assert note_time_to_skill(never, pose, draft).metrics["time_to_skill_seconds"] is None
    older = replace(pose, cpu_seconds=None)  # made before processor time was noted
    assert note_time_to_skill(policy, older, draft).metrics["time_to_skill_cpu_seconds"] is None
    assert note_time_to_skill(policy, older, draft).metrics["time_to_skill_seconds"] == 80.0


def test_a_policy_made_again_as_it_was_is_not_evaluated_again(tmp_path: Path) -> None:
    standing().save(tmp_path / "motion.npz")
    (tmp_path / "policy.pt").write_bytes(b"weights")
    task, motion = Task(CHARACTER, standing(), Scene()), StageResult(tmp_path, "", {}, 1.0)

    def identify(**trained: float) -> dict[str, Any]:
        policy = replace(motion, metrics=trained)
        return stages.evaluate(motion, policy, task, EvaluateConfig(), source=None).identity

    first = identify(samples=128, train_seconds=3.0, env_steps_per_second=40.0, time_to_skill_cpu_seconds=9.0)
    again = identify(samples=128, train_seconds=4.0, env_steps_per_second=30.0, time_to_skill_cpu_seconds=8.0)
    assert again == first != identify(samples=256, train_seconds=3.0)


def test_points_of_a_detector_without_depth_become_a_stage(tmp_path: Path) -> None:
    film, points = tmp_path / "film.mp4", tmp_path / "points"
    with VideoWriter(film, 30.0, (320, 240)) as video:
        for frame in range(40):
            video.write(np.full((240, 320, 3), 120, np.uint8))
            write(points, frame, [body(25, 100.0 + frame)])
    made = run_stage(tmp_path / "run", stages.estimate(film, PoseConfig(), points))
    assert len(Keypoints.load(made["keypoints.npz"])) == 40 and made["overlay.mp4"].stat().st_size > 0
    fewer, findings = read_other_keypoints(list_keypoint_files(points), film, PoseConfig(max_fps=15.0))
    assert (len(fewer), fewer.fps, findings) == (20, 15.0, ())
    own = made["keypoints.npz"]
    with pytest.raises(InputError, match="leave --person out"):
        read_other_keypoints([own], film, PoseConfig(person="2"))
    again, findings = read_other_keypoints([own], film, PoseConfig(speed=2.0))
    assert (len(again), again.fps, again.speed, findings) == (40, 60.0, 2.0, ())
    again.save(own)  # of slow motion: the speed that is asked for, not that of before, and no more frames than asked
    at_speed_1, _ = read_other_keypoints([own], film, PoseConfig(speed=1.0))
    assert (len(at_speed_1), at_speed_1.fps, at_speed_1.speed) == (40, 30.0, 1.0)
    fewer, _ = read_other_keypoints([own], film, PoseConfig(max_fps=30.0))
    assert (len(fewer), fewer.fps, fewer.speed) == (20, 30.0, 2.0)
    replace(again, image_size=(640, 480)).save(own)
    assert "320 x 240" in read_other_keypoints([own], film, PoseConfig())[1][0]
