"""`bench draft` in small: standing is performed, and what is written can be read as a motion."""

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from imitate.tracker.retarget_segment import CARRIED, Retargeted
from imitate.tracker.segments import Segment
from pose.errors import InputError
from reconstruct.characters.character import load_character
from reconstruct.motion import ReferenceMotion
from sfv.bench import draft
from sfv.bench.draft import bench_draft
from tests.samples import standing

BODY = load_character("humanoid")


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


def test_parts_that_cannot_be_performed_are_replaced_and_counted(monkeypatch):
    """Of each kind two are asked for: one is refused, one carried, the third and fourth are performed."""
    parts = [Segment(f"88_0{k}", "floor", 0.0, 4.0) for k in range(1, 6)]
    faults = {"88_01": CARRIED, "88_03": "", "88_04": ""}

    def retarget(_archive: Any, segment: Segment, _body: Any) -> Retargeted:
        if segment.clip not in faults:
            raise InputError("no person")
        return Retargeted(standing(8), 0.0, faults[segment.clip], "")

    monkeypatch.setattr(draft, "cut_parts", lambda _clips, kind, _seconds: parts if kind == "floor" else [])
    monkeypatch.setattr(draft, "retarget_segment", retarget)
    clips = {part.clip: SimpleNamespace(description="getting up") for part in parts}
    rows = {row.name: row for row in draft.perform_parts(cast(Any, SimpleNamespace(clips=clips)), BODY, 2)}
    assert rows["floor_completed"].value == rows["completed"].value == 1.0 and rows["floor_completed"].n == 2
    assert rows["floor_left_out"].value == 2 and rows["88_03_0000_return"].note == "getting up"
    assert rows["acrobatics_completed"].value is None and "88_05_0000_return" not in rows


def test_an_archive_is_for_itself(tmp_path):
    with pytest.raises(InputError, match="leave out --motion"):
        bench_draft(tmp_path / "stand.npz", archive=tmp_path)
    with pytest.raises(InputError, match="give 1 or more"):
        bench_draft(archive=tmp_path, parts=0)


@pytest.mark.slow
def test_without_arguments_the_shipped_backflip_is_performed(printed):
    bench_draft(json=True)
    assert printed()["draft_completed"]["value"] == 1.0
