"""`complete` and its bench: key poses that tell skills apart, errors in one line."""

import numpy as np
import pytest

from imitate.completion import KnownPoses
from pose.errors import InputError
from reconstruct.characters.character import load_character
from reconstruct.rotations import from_rotvec, rotate
from sfv.bench.complete import (
    KEY_POSES,
    SAME_POSE_M,
    choose_key_frames,
    compute_pose_distances,
    read_known_motions,
    skill_name,
)
from sfv.picture_motion import find_skills

CHARACTER = load_character("humanoid")


def test_distance_of_poses_is_blind_to_their_heading():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((3, 13, 3)), rng.standard_normal((4, 13, 3))
    about = from_rotvec(np.array([0.0, 0.0, 1.3]))
    np.testing.assert_allclose(compute_pose_distances(a, rotate(about, a)).diagonal(), 0.0, atol=1e-6)
    # By trying every degree.
    angles = np.radians(np.arange(360))
    tried = [np.sqrt(((rotate(from_rotvec(np.array([0.0, 0.0, t])), b[2]) - a[1]) ** 2).sum() / 13) for t in angles]
    assert compute_pose_distances(a, b)[1, 2] == pytest.approx(min(tried), abs=1e-3)


def test_key_poses_are_unlike_each_other_and_unlike_other_skills():
    known = {name: KnownPoses.of(name, m, CHARACTER) for name, m in read_known_motions(None, CHARACTER).items()}
    for name in known:
        frames = choose_key_frames(name, known)
        assert 2 <= len(set(frames)) == len(frames) <= KEY_POSES
        poses = known[name].points[frames]
        others = [compute_pose_distances(poses, other.points).min() for key, other in known.items() if key != name]
        assert min(others) > SAME_POSE_M
        apart = compute_pose_distances(poses, poses) + 10.0 * np.eye(len(frames))
        assert apart.min() > 0.05


def test_files_of_one_skill_have_one_name():
    names = ("backflip_a", "humanoid3d_backflip", "dance_a", "jumping_jack")
    assert [skill_name(name) for name in names] == ["backflip", "backflip", "dance", "jumping_jack"]


def test_no_skills_and_no_motions_are_reported_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr("sfv.skill.shipped_skills", lambda: iter(()))
    monkeypatch.setattr("sfv.picture_motion.library_skills", lambda: iter(()))
    with pytest.raises(InputError, match="no motions in it"):
        read_known_motions(tmp_path, CHARACTER)
    with pytest.raises(InputError, match="no skill of 'child' is known"):
        find_skills(load_character("child"), tmp_path)
