"""The commands of the tracker: what they refuse."""

from pathlib import Path

import pytest

from imitate.tracker.prepare import TRAINING
from pose.errors import InputError
from sfv.commands.tracker import TrackerTrainConfig, TrackerWorldConfig, train_tracker, train_tracker_world
from sfv.run_folder import lock_folder
from tests.imitate.tracker.conftest import glide, make_prepared
from tests.sfv.bench.test_tracker import keep


@pytest.mark.parametrize("clips", [0, -3])
def test_clips_are_one_or_more(clips: int):
    with pytest.raises(InputError, match="give 1 or more"):
        train_tracker(TrackerTrainConfig(clips=clips))
    with pytest.raises(InputError, match="give 1 or more"):
        train_tracker_world(TrackerWorldConfig(clips=clips))


def test_one_training_writes_to_a_folder(tmp_path: Path):
    (tmp_path / TRAINING).mkdir()
    keep(make_prepared("02_01_0000", glide(4)), tmp_path / TRAINING)
    with lock_folder(tmp_path), pytest.raises(InputError, match="another run writes there"):
        train_tracker(TrackerTrainConfig(tmp_path))
    assert not (tmp_path / "checkpoint.pt").exists()
