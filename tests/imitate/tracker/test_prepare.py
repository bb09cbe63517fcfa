"""Segments: which are good, where they are kept, and what a folder of them is for."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from imitate.env.task import Task
from imitate.tracker import prepare, retarget_segment
from imitate.tracker.prepare import (
    FELL,
    FOLLOWED,
    TEST,
    TRAINING,
    PrepareConfig,
    Prepared,
    claim_folder,
    load_clips,
    name_result,
    read_notes,
)
from imitate.tracker.retarget_segment import CARRIED, REFUSED, WELL_ABOVE, find_longest_carried
from imitate.tracker.segments import Segment
from imitate.tracking.track import TrackConfig
from pose.errors import InputError
from reconstruct.characters.character import load_character
from reconstruct.formats.mocap_archive import MocapClip
from tests.imitate.tracker.conftest import glide


def note(path: Path, order: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"result": FOLLOWED, "order": order}), encoding="utf-8")


def test_a_folder_is_for_one_body_and_one_way_to_prepare(tmp_path: Path):
    character, config = load_character("humanoid"), PrepareConfig()
    claim_folder(tmp_path, character, config)
    claim_folder(tmp_path, character, replace(config, clips=7, track=replace(config.track, threads=2)))
    for other in (replace(config, seconds=6.0), replace(config, track=TrackConfig())):
        with pytest.raises(InputError, match="give the same, or another --out"):
            claim_folder(tmp_path, character, other)
    with pytest.raises(InputError, match="prepared for character humanoid"):
        claim_folder(tmp_path, cast(Any, SimpleNamespace(name="g1", height=character.height)), config)
    (tmp_path / "prepared.json").unlink()
    note(tmp_path / TRAINING / "02_01_0000.json", 0)
    with pytest.raises(InputError, match="another --out"):
        claim_folder(tmp_path, character, config)


def test_the_first_clips_are_those_that_were_chosen_first(tmp_path: Path):
    motion = glide(4)
    for order, name in enumerate(("05_01_0000", "02_01_0000", "09_01_0000")):
        note(tmp_path / TEST / f"{name}.json", order)
        height = motion.height + (name[0:2] == "09")
        Prepared(name, "walk", replace(motion, height=height), None).save(tmp_path / TEST / f"{name}.npz")
    assert [clip.name for clip in load_clips(tmp_path, TEST, 2)] == ["05_01_0000", "02_01_0000"]
    with pytest.raises(InputError, match="several bodies"):
        load_clips(tmp_path, TEST)
    (tmp_path / TEST / "02_01_0000.json").write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match="not a segment's note"):
        read_notes(tmp_path / TEST)


def test_there_must_be_clips(tmp_path: Path):
    with pytest.raises(InputError, match="sfv tracker prepare"):
        load_clips(tmp_path)


def test_a_prepared_segment_is_read_as_it_was_written(prepared: list[Prepared], tmp_path: Path):
    prepared[1].save(tmp_path / "b.npz")
    found = Prepared.load(tmp_path / "b.npz")
    assert found.draft is not None and prepared[1].draft is not None
    assert (found.name, found.kind, found.motion.joint_names) == ("b", "walk", prepared[1].motion.joint_names)
    assert np.array_equal(found.draft.controls, prepared[1].draft.controls)
    assert found.draft.gains == pytest.approx(prepared[1].draft.gains, abs=1e-7)


def test_who_hangs_in_the_air_is_carried_by_something():
    character, standing = load_character("humanoid"), glide(61, speed=0.0)
    lifted = standing.qpos.copy()
    lifted[:, 2] += 1.0
    assert find_longest_carried(Task(character, standing)) == 0.0
    assert find_longest_carried(Task(character, replace(standing, qpos=lifted))) == pytest.approx(61 / 30)
    lifted[:, 2] -= 0.9
    low = Task(character, replace(standing, qpos=lifted))
    assert find_longest_carried(low) == pytest.approx(61 / 30)
    assert find_longest_carried(low, WELL_ABOVE) == 0.0


@pytest.mark.parametrize(
    ("completed", "carried", "result"), [(1, 0.1, FOLLOWED), (1, 1.2, FOLLOWED), (0, 0.1, FELL), (0, 1.2, CARRIED)]
)
def test_an_object_is_missing_where_neither_the_ground_nor_control_helps(completed: float, carried: float, result: str):
    assert name_result({"draft_completed": completed}, carried) == result


def test_a_laboratory_s_floor_is_level_and_who_is_refused_leaves_a_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    said = list[Any]()

    def refuse(*arguments: Any) -> None:
        said.extend(arguments)
        raise InputError("no person")

    clip = MocapClip("02_01", "walk", 3.0, 24.0, {})
    archive = SimpleNamespace(clips={"02_01": clip}, read=lambda name: name)
    monkeypatch.setattr(retarget_segment, "import_skeleton", refuse)
    note = tmp_path / "02_01_0000.json"
    character: Any = None
    prepare.prepare_segment(cast(Any, archive), Segment("02_01", "walk", 0.0, 2.0), character, note, None)
    assert said[-1].up == "y" and said[4] == (0.0, 2.0), "leaning people do not tilt it"
    [found] = prepare.read_notes(tmp_path)
    assert (found["name"], found["result"], found["why"]) == ("02_01_0000", REFUSED, "no person")
    assert not note.with_suffix(".npz").exists()


def test_each_segment_is_prepared_once_the_listed_ones_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A listed segment that is also chosen keeps its place in the list; what has a note is not prepared again."""
    done = list[tuple[str, int, bool]]()

    def note_only(_archive: Any, segment: Segment, character: Any, note: Path, track: Any, order: int) -> None:
        done.append((note.stem, order, track is not None))
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text("{}", encoding="utf-8")

    first, second, held_out = (Segment(clip, "walk", 0.0, 2.0) for clip in ("02_01", "02_02", "14_01"))
    monkeypatch.setattr(prepare, "prepare_segment", note_only)
    monkeypatch.setattr(
        prepare, "spread_segments", lambda _clips, tested, _s: [held_out] if tested else [first, second]
    )
    archive, body = cast(Any, SimpleNamespace(clips={})), load_character("humanoid")
    config = prepare.PrepareConfig(workers=1)
    prepare.prepare_clips(archive, body, tmp_path, config, listed=[second])
    assert done == [("14_01_0000", 0, False), ("02_02_0000", 0, True), ("02_01_0000", 0, True)]
    prepare.prepare_clips(archive, body, tmp_path, config, listed=[second])
    assert len(done) == 3
