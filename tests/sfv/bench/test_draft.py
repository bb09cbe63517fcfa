"""`bench draft` in small: standing is performed, and what is written can be read as a motion."""

import numpy as np
import pytest

from pose.errors import InputError
from reconstruct.motion import ReferenceMotion
from sfv.bench.draft import bench_draft
from tests.samples import standing


def test_standing_is_performed_and_written(tmp_path, printed):
    standing(16).save(tmp_path / "stand.npz")
    bench_draft(tmp_path / "stand.npz", out=tmp_path / "physical.npz", json=True)
    rows = printed()
    assert rows["draft_completed"]["value"] == 1.0
    assert rows["filter_mpjpe_mm"]["value"] < 20.0
    assert rows["filter_unsupported"]["value"] < 0.1
    physical = ReferenceMotion.load(tmp_path / "physical.npz")
    assert np.abs(physical.qpos[:, 2] - standing(16).qpos[0, 2]).max() < 0.03


def test_all_motions_of_a_folder_are_performed(tmp_path, printed):
    folder = tmp_path / "motions"
    folder.mkdir()
    standing(5).save(folder / "stand.npz")
    bench_draft(folder, json=True)
    rows = printed()
    assert rows["stand_completed"]["value"] == rows["completed"]["value"] == 1.0
    assert rows["completed"]["n"] == 1
    assert rows["stand_reference_unsupported"]["value"] < 0.01
    with pytest.raises(InputError, match="give --out with one motion"):
        bench_draft(folder, out=tmp_path / "physical.npz")


@pytest.mark.slow
def test_without_arguments_the_shipped_backflip_is_performed(printed):
    bench_draft(json=True)
    assert printed()["draft_completed"]["value"] == 1.0
