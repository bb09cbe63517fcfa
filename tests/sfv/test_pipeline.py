"""What stops a run before it learns from a bad video."""

from dataclasses import replace
from pathlib import Path

import pytest

from pose.errors import InputError
from sfv.pipeline import check_worth
from sfv.stage import StageResult


def test_poor_keypoints_stop_a_run_in_one_line_unless_the_user_insists(tmp_path: Path) -> None:
    poor = StageResult(tmp_path, "", {"level": "poor", "verdict": "Poor keypoints: seen in 40%."}, 1.0, False)
    with pytest.raises(InputError, match="--anyway") as error:
        check_worth(poor, Path("flip.mp4"), "overlay.mp4", anyway=False)
    assert str(error.value).startswith("flip.mp4: Poor keypoints: seen in 40%.") and "\n" not in str(error.value)
    check_worth(poor, Path("flip.mp4"), "overlay.mp4", anyway=True)
    check_worth(
        replace(poor, metrics={"level": "usable", "verdict": ""}), Path("flip.mp4"), "overlay.mp4", anyway=False
    )
