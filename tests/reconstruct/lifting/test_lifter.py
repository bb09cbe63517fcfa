"""The lifter: mirrored it says the mirrored thing, in a made motion it finds which limbs are in front, and it may be
missing."""

from dataclasses import replace

import numpy as np
import pytest

from pose.errors import InputError
from pose.keypoints import Keypoints
from pose.landmarks import LANDMARKS as ALL
from reconstruct.characters.character import load_character
from reconstruct.kinematics import point_positions
from reconstruct.lifting import lifter as module
from reconstruct.lifting.lifted_landmarks import ask_lifter, chain_landmarks, lift_landmarks, point_bones
from reconstruct.lifting.lifter import DILATIONS, OUTPUTS, Lifter, find_lifter
from reconstruct.lifting.lifter_input import (
    BONES,
    FEATURES,
    LANDMARKS,
    MIRROR_BONES,
    MIRROR_LANDMARKS,
    MIRROR_REVERSED,
    bone_depth,
    look_straight,
    measure_metre,
)
from reconstruct.lifting.person_ray import turn_from_ray
from reconstruct.observations import landmark_points, observe
from sfv.demo.motions import load_demo_take

SIZE = (960, 540)
FOCAL = 1029.0  # 50 degrees
FPS = 30.0
CHARACTER = load_character("humanoid")


def make_lifter(seed=0, width=8):
    """A network of random weights."""
    rng = np.random.default_rng(seed)
    shapes = {"in.weight": (width, FEATURES), "in.bias": (width,),
              "out.weight": (OUTPUTS * len(BONES), width), "out.bias": (OUTPUTS * len(BONES),)}  # fmt: skip
    for index in range(len(DILATIONS)):
        shapes |= {f"block{index}.conv.weight": (width, width, 3), f"block{index}.conv.bias": (width,),
                   f"block{index}.mix.weight": (width, width), f"block{index}.mix.bias": (width,)}  # fmt: skip
    return Lifter({name: 0.3 * rng.standard_normal(shape) for name, shape in shapes.items()})


@pytest.fixture(scope="module")
def film():
    """The demonstration's walk, turned half to the camera: keypoints without error in 2D whose own depth is only half
    as deep as it should be, and the truth in camera axes, (T, J, 3)."""
    qpos = load_demo_take("walk", CHARACTER)[0][:40]
    xyz_w = point_positions(CHARACTER.model, qpos, landmark_points(CHARACTER, LANDMARKS))
    yaw = np.radians(35.0)
    ahead = np.array([np.cos(yaw), np.sin(yaw), 0.0])
    R = np.stack([[np.sin(yaw), -np.cos(yaw), 0.0], [0.0, 0.0, -1.0], ahead])
    eye = xyz_w.mean(axis=(0, 1)) - 4.5 * ahead
    xyz_c = (xyz_w - eye) @ R.T
    xy, xyz = np.zeros((len(qpos), len(ALL), 2)), np.zeros((len(qpos), len(ALL), 3))
    columns = [ALL.index(name) for name in LANDMARKS]
    xy[:, columns] = FOCAL * xyz_c[..., :2] / xyz_c[..., 2:] + 0.5 * np.array(SIZE)
    xyz[:, columns] = (xyz_c - xyz_c.mean(axis=1, keepdims=True)) * [1.0, 1.0, 0.5]
    return Keypoints(xy, xyz, np.ones((len(qpos), len(ALL))), FPS, ALL, SIZE), xyz_c


def read(keypoints):
    columns = [ALL.index(name) for name in LANDMARKS]
    plane = keypoints.xy[:, columns] - 0.5 * np.array(SIZE)
    return plane, keypoints.confidence[:, columns], keypoints.xyz[:, columns]


def test_a_mirrored_clip_has_the_mirrored_depths(film):
    plane, confidence, xyz = read(film[0])
    xy = look_straight(plane, confidence, np.full(len(plane), FOCAL))
    lifter = make_lifter()
    plain = lifter.lift(xy, confidence, xyz, FPS)
    other = lifter.lift(
        (xy * [-1.0, 1.0])[:, MIRROR_LANDMARKS],
        confidence[:, MIRROR_LANDMARKS],
        (xyz * [-1.0, 1.0, 1.0])[:, MIRROR_LANDMARKS],
        FPS,
    )
    turned = np.where(MIRROR_REVERSED, -1.0, 1.0)
    np.testing.assert_allclose(other.expected, plain.expected[:, MIRROR_BONES] * turned, atol=1e-5)
    np.testing.assert_allclose(other.spread, plain.spread[:, MIRROR_BONES], atol=1e-5)


def test_the_picture_of_a_camera_that_looks_straight_is_the_turned_one(film):
    keypoints, xyz_c = film
    plane, confidence, _ = read(keypoints)
    focal = np.full(len(plane), FOCAL)
    seen = np.einsum("tji,tkj->tki", turn_from_ray(plane, confidence, focal), xyz_c)
    np.testing.assert_allclose(look_straight(plane, confidence, focal), seen[..., :2] / seen[..., 2:], atol=1e-9)


def test_a_metre_is_as_large_as_the_distance_makes_it(film):
    keypoints, xyz_c = film
    plane, confidence, _ = read(keypoints)
    metre = measure_metre(look_straight(plane, confidence, np.full(len(plane), FOCAL)))
    assert np.median(metre * xyz_c[..., 2].mean(axis=1)) == pytest.approx(1.0, abs=0.08)


def test_true_depths_give_the_true_bones_and_landmarks(film):
    keypoints, xyz_c = film
    plane, confidence, _ = read(keypoints)
    focal = np.full(len(plane), FOCAL)
    true = np.einsum("tji,tkj->tki", turn_from_ray(plane, confidence, focal), xyz_c)
    ends = {(a, b): true[:, LANDMARKS.index(b)] - true[:, LANDMARKS.index(a)] for a, b in BONES}
    lengths = {bone: float(np.linalg.norm(vector, axis=1).mean()) for bone, vector in ends.items()}
    vectors = point_bones(look_straight(plane, confidence, focal), bone_depth(true), lengths)
    off = [np.linalg.norm(vectors[bone] - ends[bone], axis=1) / lengths[bone] for bone in BONES]
    assert np.mean(off) < 0.06
    # Chained up from true bones, landmarks are where they are.
    about = true - 0.5 * (true[:, [LANDMARKS.index("left_hip")]] + true[:, [LANDMARKS.index("right_hip")]])
    np.testing.assert_allclose(chain_landmarks(ends, about, LANDMARKS), about, atol=0.012)


def test_the_shipped_lifter_finds_which_limbs_are_in_front(film):
    keypoints, xyz_c = film
    lifter = find_lifter()
    assert lifter is not None
    plane, confidence, _ = read(keypoints)
    focal = np.full(len(plane), FOCAL)
    asked = ask_lifter(keypoints, lifter, focal)
    assert asked is not None
    truth = bone_depth(np.einsum("tji,tkj->tki", turn_from_ray(plane, confidence, focal), xyz_c))
    limbs = [i for i, (_, end) in enumerate(BONES) if end.endswith(("elbow", "wrist", "knee", "ankle"))]
    clear = np.abs(truth[:, limbs]) > 0.26
    right = ((asked.density.positive > 0.5) == (truth > 0))[:, limbs]
    assert right[clear].mean() > 0.9
    assert np.abs(asked.density.expected - truth)[:, limbs].mean() < 0.2


def test_keypoints_without_what_it_reads_are_left_to_the_detector(film):
    keypoints, _ = film
    lengths = dict.fromkeys(BONES, 0.3)
    lifter, focal = make_lifter(), np.full(len(keypoints), FOCAL)
    assert lift_landmarks(keypoints, lifter, lengths, focal) is not None
    blind = keypoints.confidence.copy()
    blind[:, ALL.index("left_heel")] = 0.0
    assert lift_landmarks(replace(keypoints, confidence=blind), lifter, lengths, focal) is None
    assert lift_landmarks(replace(keypoints, xyz=np.zeros_like(keypoints.xyz)), lifter, lengths, focal) is None
    given = observe(replace(keypoints, confidence=blind), CHARACTER, FOCAL, lifter)
    plain = observe(replace(keypoints, confidence=blind), CHARACTER, FOCAL)
    np.testing.assert_array_equal(given.bone_vectors_c, plain.bone_vectors_c)


def test_a_missing_file_is_said_and_the_detector_is_taken(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "find_lifter", lambda: None)
    lifter, note = module.choose_lifter("lifter")
    assert lifter is None
    assert "lifter.npz is missing" in note
    assert module.choose_lifter("detector") == (None, "")
    with pytest.raises(InputError, match="no such file"):
        Lifter.load(tmp_path / "lifter.npz")
