"""`bench draft` in small: standing is performed, and what is written can be read as a motion."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from imitate.tracker import prepare
from imitate.tracker.retarget_segment import CARRIED, Retargeted
from imitate.tracker.segments import Segment
from imitate.tracking.track import TrackConfig
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


def test_parts_that_cannot_be_performed_are_replaced_and_counted_and_each_is_performed_once(tmp_path, monkeypatch):
    """Of floor work two are asked for: one is refused, one carried, one is performed, one falls."""
    parts = [Segment(f"88_0{k}", "floor", 0.0, 4.0) for k in range(1, 6)]
    retargeted = list[str]()

    def retarget(_archive: Any, segment: Segment, _body: Any) -> Retargeted:
        retargeted.append(segment.clip)
        if segment.clip == "88_02":
            raise InputError("no person")
        motion = standing(20)
        if segment.clip == "88_04":
            motion.qpos[:, 2] += 3.0
        return Retargeted(motion, 0.0, CARRIED if segment.clip == "88_01" else "", "")

    monkeypatch.setattr(draft, "cut_parts", lambda _clips, kind, _seconds: parts if kind == "floor" else [])
    monkeypatch.setattr(prepare, "retarget_segment", retarget)
    monkeypatch.setattr(draft, "PARTS", replace(draft.PARTS, track=TrackConfig(horizon=4, first_iterations=1)))
    archive: Any = SimpleNamespace(clips={part.clip: SimpleNamespace(description="getting up") for part in parts})
    for _ in range(2):
        rows = {row.name: row for row in draft.perform_parts(archive, BODY, 2, tmp_path)}
        assert rows["floor_completed"].value == rows["completed"].value == 0.5 and rows["floor_completed"].n == 2
        assert rows["floor_left_out"].value == 2 and rows["acrobatics_completed"].value is None
        assert rows["88_03_0000_return"].note == "getting up" and rows["88_04_0000_return"].note == "getting up; fell"
    assert retargeted == ["88_01", "88_02", "88_03", "88_04"], "what has a note is not performed again"
    with pytest.raises(InputError, match="give the same, or another --out"):
        draft.perform_parts(archive, replace(BODY, height=1.2), 2, tmp_path)


def test_an_archive_is_for_itself(tmp_path):
    with pytest.raises(InputError, match="leave out --motion"):
        bench_draft(tmp_path / "stand.npz", archive=tmp_path)
    with pytest.raises(InputError, match="give 1 or more"):
        bench_draft(archive=tmp_path, parts=0)


@pytest.mark.slow
def test_without_arguments_the_shipped_backflip_is_performed(printed):
    bench_draft(json=True)
    assert printed()["draft_completed"]["value"] == 1.0
