"""`bench complete` in small: key poses of shipped motions are found again in rendered pictures."""

import pytest

from sfv.bench import complete
from sfv.bench.complete import bench_complete, says
from sfv.demo.motions import load_demo_motion
from tests.samples import CHARACTER


@pytest.fixture
def one_key_pose(monkeypatch, tmp_path):
    monkeypatch.setattr(complete, "KEY_POSES", 1)
    monkeypatch.setattr(complete, "VIEWPOINTS", complete.VIEWPOINTS[:1])
    monkeypatch.setattr(complete, "cache_folder", lambda: tmp_path / "cache")


def test_rendered_pictures_are_recognised(tmp_path, printed, one_key_pose, model_size):
    for name in ("walk", "cartwheel"):
        load_demo_motion(name, CHARACTER).save(tmp_path / f"humanoid3d_{name}.npz")
    bench_complete(tmp_path, model_size=model_size, json=True)
    rows = printed()
    assert rows["right_skill_rendered"]["n"] == 2
    assert rows["right_skill_rendered"]["value"] == rows["right_skill"]["value"] == 1.0
    assert rows["phase_error"]["value"] < 0.15
    for row in (rows["right_skill_videos"], rows["right_skill_videos_library"]):
        assert row["value"] is None and "--videos" in row["note"]
    assert len(list((tmp_path / "cache").rglob("*.png"))) == 2


@pytest.mark.parametrize(
    ("name", "skill", "right"),
    [
        ("jumping_jacks", "jumping_jack", True),
        ("jumping_jacks", "jump", False),
        ("jumps_and_turn", "jump", True),
        ("hop_turn_180", "jump", False),
        ("soccer_kick", "kick", True),
        ("step_back", "step_back_punch", False),
    ],
)
def test_a_skill_of_the_library_is_right_where_its_name_says_so(name: str, skill: str, right: bool):
    assert says(name, skill) is right
