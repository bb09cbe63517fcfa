"""Options that make no sense are one line before any work: every number of every command's config."""

from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from imitate.scene.scene import Scene
from pose.errors import InputError
from pose.estimate import PoseConfig
from pose.ranges import check_ranges
from reconstruct.reconstruct import ReconstructConfig
from sfv.config import ClipConfig, RetargetRunConfig


@dataclass(frozen=True)
class Options:
    size: float | None = 1.0
    pair: tuple[float, float] = (1.0, 2.0)


def test_numbers_out_of_range_none_and_tuples() -> None:
    ranges = {"size": (0.5, 2.0), "pair": (0.0, 2.0)}
    check_ranges(Options(), ranges)
    check_ranges(Options(size=None), ranges)
    for wrong, name in ((Options(size=0.4), "size 0.4"), (Options(pair=(1.0, 2.1)), "pair 2.1")):
        with pytest.raises(InputError, match=rf"^a\.{name} is out of range; give"):
            check_ranges(wrong, ranges, "a.")
    with pytest.raises(InputError, match="nan"):
        check_ranges(Options(size=float("nan")), ranges)


def spoil(config: Any, wrong: float, path: str = "") -> list[tuple[str, Any]]:
    """Copies of a config, each with one of its numbers, however deep, made wrong; with the number's name."""
    found = []
    for field in fields(config):
        value, name = getattr(config, field.name), f"{path}{field.name}"
        if is_dataclass(value):
            found += [(deeper, replace(config, **{field.name: own})) for deeper, own in spoil(value, wrong, f"{name}.")]
        elif isinstance(value, int | float) and not isinstance(value, bool):
            number = type(value)(wrong) if wrong == wrong else wrong
            found.append((name, replace(config, **{field.name: number})))
    return found


ELSEWHERE = ("pose.rotate", "scene.")
"""Checked by its choices, and by the kind of scene."""


@pytest.mark.parametrize("wrong", [-1e9, float("nan")])
def test_every_number_of_clip_and_retarget_is_checked(wrong: float) -> None:
    clip = ClipConfig(imitate=ClipConfig().imitate.resolve())
    retarget = RetargetRunConfig(Path("run"), "atlas", imitate=clip.imitate)
    for config in (clip.check(), retarget.check()):
        cases = [(name, one) for name, one in spoil(config, wrong) if not name.startswith(ELSEWHERE)]
        assert len(cases) > 60
        for name, one in cases:
            with pytest.raises(InputError) as error:
                one.check()
            assert name.rpartition(".")[2].split("_")[0] in str(error.value).lower(), name


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"keypoints": Path("a.json")}, "needs the video"),
        ({"motion": Path("a.bvh"), "pose": replace(ClipConfig().pose, speed=4.0)}, "--fps"),
        ({"motion": Path("a.bvh"), "pose": replace(ClipConfig().pose, person="2")}, "--person is for videos"),
        ({"motion": Path("a.bvh"), "pose": replace(ClipConfig().pose, max_fps=30.0)}, "--max-fps is for videos"),
        (
            {"motion": Path("a.bvh"), "pose": replace(ClipConfig().pose, keypoint_order="coco_17")},
            "--keypoint-order is",
        ),
        ({"motion": Path("a.bvh"), "reconstruct": ReconstructConfig(camera="down")}, "--camera is for videos"),
        ({"motion": Path("a.bvh"), "reconstruct": ReconstructConfig(fov=70.0)}, r"--reconstruct\.fov is for videos"),
        ({"video": Path("a.mp4"), "pose": replace(ClipConfig().pose, keypoint_order="coco_17")}, "for --keypoints"),
        ({"video": Path("a.mp4"), "keypoints": Path("a.json"), "pose": PoseConfig(model_size="lite")}, "--model-size"),
        ({"video": Path("a.mp4"), "scene": Scene("found", box_friction=0.1)}, r"--scene\.box-friction"),
        ({"video": Path("a.mp4"), "scene": Scene("found", box_size=(1.0, 1.0, 1.0))}, r"--scene\.box-size"),
        ({"motion": Path("a.bvh"), "upper_body": "walk"}, "--upper-body is for videos"),
        ({"motion": Path("a.bvh"), "keypoints": Path("a.json")}, "exclude each other"),
        ({"motion": Path("a.bvh"), "pose": replace(ClipConfig().pose, start=2.0, end=2.0)}, "END=2 s is not after"),
        ({"video": Path("a.mp4"), "file": replace(ClipConfig().file, fps=240.0)}, "--speed"),
        ({"video": Path("a.mp4"), "file": replace(ClipConfig().file, up="y")}, "--up is for motion files"),
    ],
)
def test_options_that_would_be_passed_over_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        replace(ClipConfig(), **given).check()


def test_part_and_cycle_of_a_motion_file_may_be_given() -> None:
    pose, fit = PoseConfig(start=1.0, end=2.0), ReconstructConfig(loop="yes")
    replace(ClipConfig(), motion=Path("a.bvh"), pose=pose, reconstruct=fit).check()
