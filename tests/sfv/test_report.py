"""The report says how far a skill was learnt and why, shows numbers as people read them, and needs no other file."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from imitate.rollout import Rollout
from pose.keypoints import Keypoints
from pose.landmarks import LANDMARKS
from sfv.report import (
    RunStages,
    draw_confidence,
    draw_rewards,
    draw_training,
    embed_video,
    flatten_metrics,
    headline,
    verdict,
    write_report,
)
from sfv.stage import StageResult

ROLLOUT = Rollout(np.zeros((4, 9)), np.zeros((4, 9)), {"pose": np.full(4, 0.4), "root": np.full(4, 0.1)}, False, 30.0)
KEYPOINTS = Keypoints(
    xy=np.full((6, len(LANDMARKS), 2), 50.0),
    xyz=np.zeros((6, len(LANDMARKS), 3)),
    confidence=np.full((6, len(LANDMARKS)), 0.9),
    fps=30.0,
    names=LANDMARKS,
    image_size=(100, 100),
)
CURVES = "samples,return,completed\n1000000,0.2,0.1\n3000000,0.9,1.0\n"


@pytest.mark.parametrize(
    ("result", "draft", "said"),
    [
        ({"completed": 1.0, "normalised_return": 0.93}, {}, "Learnt: 100% of the rollouts reach the end"),
        ({"completed": 0.95, "normalised_return": 0.6}, {}, "Half learnt: 95%"),  # it gets there, but not as shown
        ({"completed": 0.5, "normalised_return": 0.5}, {}, "Half learnt: 50%"),
        ({"completed": 0.2, "normalised_return": 0.1}, {"draft_completed": 1.0}, "so it can be done: train longer"),
        (
            {"completed": 0.0, "normalised_return": 0.1},
            {"draft_completed": 0.0, "problems": ["1.20-1.40 s: off by up to 300 mm"]},
            "The draft falls, too, worst at 1.20-1.40 s: off by up to 300 mm. Look at the reference there",
        ),
        ({"completed": None, "normalised_return": None}, {}, "Not learnt yet: 0%"),
    ],
)
def test_the_verdict_says_what_to_do(result, draft, said):
    assert said in verdict(result, draft)


def test_headlines_have_units_and_leave_out_what_was_not_measured():
    result = {
        "normalised_return": 0.8765,
        "completed": 0.5,
        "tracking_mpjpe_mm": 23.4,
        "samples": 1234567,
        "train_seconds": None,
    }
    assert headline({"reprojection_px": 3.14159}, result) == [
        ("0.876", "normalised return"),
        ("50%", "of rollouts completed"),
        ("23 mm", "tracking error"),
        ("3.1 px", "reference against video"),
        ("1,234,567", "samples"),
    ]


def test_nested_metrics_become_rows_with_dotted_names():
    metrics = {"a": 0.123456, "b": {"c": None, "d": {"e": 3}}, "list": [1.23456, "x"], "flag": True}
    assert flatten_metrics(metrics) == [
        ("a", "0.1235"),
        ("b.c", "not measured"),
        ("b.d.e", "3"),
        ("list", "1.235; x"),
        ("flag", "True"),
    ]


def test_curves_are_drawn_where_there_was_training(tmp_path):
    path = tmp_path / "curves.csv"
    assert draw_training(path) == ""
    path.write_text("samples,return,completed\n")
    assert draw_training(path) == ""
    path.write_text(CURVES)
    assert draw_training(path).startswith("<svg")
    for picture in (draw_rewards(ROLLOUT), draw_confidence(KEYPOINTS)):
        assert picture.startswith("<svg") and picture.rstrip().endswith("</svg>")


def test_a_video_is_embedded_byte_for_byte(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"\x00\x01\xff")
    assert embed_video(tmp_path / "a.mp4") == "data:video/mp4;base64,AAH/"


@dataclass
class Written:
    folder: Path
    stages: RunStages


@pytest.fixture
def written(tmp_path) -> Written:
    """The files of a run and what its stages reported."""

    def stage(name: str, metrics: dict, **files: bytes | str) -> StageResult:
        folder = tmp_path / "my run" / name
        folder.mkdir(parents=True)
        for file, content in files.items():
            path = folder / file.replace("__", ".")
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        return StageResult(folder=folder, summary=f"summary of {name}", metrics=metrics, seconds=2.0)

    pose = stage("1_pose", {"good": True, "verdict": "Seen well.", "findings": ["one <frame> dark"]})
    KEYPOINTS.save(pose.folder / "keypoints.npz")
    scene = {"objects": ["a box of 0.44 m"], "scene": "the pelvis rests 0.44 m high"}
    motion = stage("2_motion/humanoid", {"reprojection_px": 3.0, **scene}, motion__npz=b"x")
    draft = stage("3_draft/humanoid", {"problems": ["0.10-0.20 s: off"]}, draft__mp4=b"draft")
    policy = stage("3_policy/humanoid", {"samples": 10}, curves__csv=CURVES, policy__pt=b"x")
    result = stage(
        "4_result/humanoid", {"completed": 1.0, "normalised_return": 0.9}, side_by_side__mp4=b"video", result__json="{}"
    )
    ROLLOUT.save(result.folder / "rollout.npz")
    return Written(tmp_path / "my run", RunStages(pose, motion, draft, policy, result))


def test_the_page_stands_alone_and_escapes_what_others_wrote(written):
    path = write_report(written.folder, Path("some/<b>video</b>.mp4"), written.stages)
    page = path.read_text(encoding="utf-8")
    assert path == written.folder / "report.html"
    assert not re.search(r"(src|href)=[\"'](?!data:|#)", page)  # nothing is fetched
    assert "<b>video</b>" not in page and "one &lt;frame&gt; dark" in page
    assert "Learnt: 100%" in page and "0.10-0.20 s: off" in page and "Seen well." in page
    assert "The pelvis rests 0.44 m high" in page and "<li>a box of 0.44 m</li>" in page
    assert page.count("data:video/mp4;base64,") == 2
    for file in ("1_pose/keypoints.npz", "3_policy/humanoid/policy.pt", "4_result/humanoid/result.json"):
        assert file in page
    for name in ("1_pose", "2_motion/humanoid", "3_draft/humanoid", "3_policy/humanoid", "4_result/humanoid"):
        assert f"summary of {name}" in page


def test_a_motion_file_has_no_video_and_its_findings_are_shown(written):
    stages = written.stages
    metrics = stages.motion.metrics | {"findings": [{"text": "knees bend backwards", "doubtful": True}]}
    motion = StageResult(stages.motion.folder, stages.motion.summary, metrics, 1.0)
    alone = RunStages(None, motion, stages.draft, stages.policy, stages.result)
    page = write_report(written.folder, Path("walk.bvh"), alone, "report_atlas.html").read_text(encoding="utf-8")
    assert len(alone.all) == 4 and "from a motion file" in page
    assert "<b>knees bend backwards</b>" in page and "what was seen in it" not in page
