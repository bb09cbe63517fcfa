"""Ways between skills are kept in the cache as long as nothing changes that they depend on."""

from dataclasses import replace

from imitate.scene.scene import Scene
from sfv.skill import Skill
from sfv.transitions import _digest
from tests.samples import standing


def test_ways_are_found_again_for_another_policy_pace_cycle_or_edited_body(tmp_path, monkeypatch):
    policy, model = tmp_path / "policy.pt", tmp_path / "humanoid.xml"
    policy.write_bytes(b"weights")
    model.write_text("<mujoco/>")
    monkeypatch.setattr("sfv.transitions.character_files", lambda character: {"character humanoid.xml": model})
    motion = standing()

    def digest(**changes) -> str:
        return _digest(Skill("stand", "humanoid", replace(motion, **changes), policy, Scene(), {}, None))

    found = [digest(), digest(fps=25.0), digest(loop=True)]
    assert digest() == found[0]
    model.write_text("<mujoco model='edited'/>")
    found.append(digest())
    policy.write_bytes(b"other")
    found.append(digest())
    assert len(set(found)) == 5
