"""Which parts of which clips are learnt from."""

import pytest

from imitate.tracker.segments import KINDS, OTHER, cut_parts, find_kind, spread_segments
from reconstruct.formats.mocap_archive import HELD_OUT, MocapClip


def clip(name: str, description: str, seconds: float = 10.0, speed: float = 5.0) -> MocapClip:
    return MocapClip(name, description, seconds, 24.0, {}, speed)


@pytest.mark.parametrize(
    ("description", "kind"),
    [
        ("front hand flip", "acrobatics"),
        ("Get Up Face Down", "floor"),
        ("punch/strike", "martial arts"),
        ("soccer - kick ball", "sport"),
        ("dance - retire derriere", "dance"),
        ("2 jump", "jump"),
        ("run/jog", "run"),
        ("brisk walk", "walk"),
        ("prairie dog (human subject)", OTHER),
        ("hand spring", "acrobatics"),
        ("boxing", "martial arts"),
        ("opening a box", OTHER),
        ("box jump", "jump"),
        ("hopscotch", "jump"),
        ("chopping wood", OTHER),
        ("DrunkWalk", "walk"),
        ("Drunk Coffee Mug", OTHER),
        ("Get up from chair", OTHER),
        ("sit on stool and get up", OTHER),
        ("get up from floor", "floor"),
        ("mop floor", OTHER),
    ],
)
def test_the_kind_is_read_from_the_description(description: str, kind: str):
    assert find_kind(clip("02_01", description)) == kind


def test_unnamed_clips_of_acrobats_are_acrobatics():
    assert find_kind(clip("85_15", "90TwistsFall")) == "acrobatics" and find_kind(clip("02_15", "")) == OTHER
    assert find_kind(clip("87_02", "T-Pose")) == find_kind(clip("89_01", "balance object on forehead")) == OTHER


def test_any_beginning_has_all_kinds_and_subjects():
    words = {"acrobatics": "cartwheel", "floor": "crawl", "martial arts": "boxing", "sport": "golf"}
    clips = [
        clip(f"{subject}_{k}", words.get(kind, kind)) for kind in KINDS for subject in ("02", "05") for k in (1, 2)
    ]
    found = spread_segments(clips, held_out=False, seconds=4.0)
    assert len(found) == len(clips)
    assert {segment.kind for segment in found[: len(KINDS)]} == set(KINDS)
    jumps = [segment.clip for segment in found if segment.kind == "jump"]
    assert jumps == ["02_1", "05_1", "02_2", "05_2"]


def test_held_out_subjects_are_never_learnt_from_and_parts_are_from_the_middle():
    clips = [clip("14_01", "walk"), clip("02_01", "walk"), clip("02_02", "walk", 2.0), clip("02_03", "walk", 1.0)]
    own, others = (spread_segments(clips, held_out, 4.0) for held_out in (False, True))
    assert [(s.name, s.start, s.end) for s in own] == [("02_01_0300", 3.0, 7.0), ("02_02_0000", 0.0, 2.0)]
    assert [s.clip for s in others] == ["14_01"] and "14" in HELD_OUT


def test_clips_with_exchanged_markers_are_left_out():
    clips = [clip("02_01", "walk", speed=25.0), clip("02_02", "walk", speed=24.0)]
    assert [s.clip for s in spread_segments(clips, False, 4.0)] == ["02_02"]


def test_parts_of_a_kind_are_of_held_out_subjects_the_first_of_each_clip_before_any_second():
    held_out = sorted(HELD_OUT)[:2]
    clips = [clip(f"{held_out[0]}_01", "cartwheel", 9.0), clip(f"{held_out[1]}_01", "cartwheel", 5.0)]
    others = [
        clip("02_01", "cartwheel"),
        clip(f"{held_out[0]}_02", "walk"),
        clip(f"{held_out[0]}_03", "flip", speed=99),
    ]
    found = [(part.clip, part.start, part.end) for part in cut_parts([*clips, *others], "acrobatics", 4.0)]
    first, second = clips[0].name, clips[1].name
    assert found == [(first, 0.0, 4.0), (second, 0.0, 4.0), (first, 4.0, 8.0)], "rests of 1 s are too short"
