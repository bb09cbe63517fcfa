"""The whole reconstruction on motions with known truth, seen by a known camera, with a detector's errors."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from pose.camera.camera_motion import CameraMotion
from pose.errors import InputError
from pose.keypoints import Keypoints
from pose.landmarks import LANDMARKS, TWELVE
from reconstruct.camera import Camera, View, focal_from_fov
from reconstruct.characters.character import load_character
from reconstruct.fit.initial_motion import find_steady_frames
from reconstruct.kinematics import BodyPoints, point_positions
from reconstruct.motion import ReferenceMotion
from reconstruct.motion_metrics import compute_motion_metrics
from reconstruct.observations import landmark_points, observe
from reconstruct.reconstruct import ReconstructConfig, reconstruct_motion
from reconstruct.rotations import from_rotvec, to_matrix
from reconstruct.solver import blocks
from sfv.bench.metrics import world_mpjpe
from sfv.demo.motions import load_demo_take

FPS = 30.0
SIZE = (1280, 720)
UNIT = 2.5


def filmed(name, azimuth, seed=0, pan=False, along=False):
    """Keypoints of a demo motion as BlazePose gives them: 3 cm in the image, 9 cm of slow noise in depth, 3 % wrong.

    With `pan` the camera turns after the body, by the whole width that it travels, and zooms a little. With `along` it
    goes along with the body and turns by 30 degrees meanwhile; its path is known in units of 2.5 m.
    """
    rng = np.random.default_rng(seed)
    character = load_character("humanoid")
    qpos, contacts = load_demo_take(name, character)
    present = [landmark for landmark in LANDMARKS if landmark in character.landmarks]
    points = BodyPoints.of_sites(character.model, tuple(character.landmarks[landmark] for landmark in present))
    points_w = point_positions(character.model, qpos, points)
    seen_w = point_positions(character.model, qpos, landmark_points(character, tuple(present)))

    focal = focal_from_fov(50.0, SIZE)
    level = View(0.08, 0.0, 1.3, float(np.log(focal))).camera(SIZE)
    middle = points_w.mean(axis=(0, 1)) * [1, 1, 0]
    turn = np.array([[np.cos(azimuth), -np.sin(azimuth), 0], [np.sin(azimuth), np.cos(azimuth), 0], [0, 0, 1]])
    reach = np.abs((points_w - middle) @ turn[:2].T).max()
    camera = level.change_world(turn.T, middle - turn.T @ np.array([3.0 + 1.6 * reach, 0.0, 0.0]))
    truth_c, seen_c = camera.to_camera(points_w), camera.to_camera(seen_w)

    frames, motion = len(qpos), None
    if along:
        way = gaussian_filter1d(points_w.mean(axis=1) * [1, 1, 0], 8.0, axis=0, mode="nearest")
        way += 0.03 * np.sin(np.outer(np.arange(frames) / FPS, [5.0, 4.0, 6.0]))
        turn = to_matrix(from_rotvec(np.outer(np.linspace(0.0, 0.5, frames), [0.1, 1.0, 0.0])))
        camera = replace(camera, path=way - way[0], turn=turn)
        down = camera.R_camera_world @ [0.0, 0.0, -1.3 / UNIT]
        motion = CameraMotion(turn, np.ones(frames), focal, True, (way - way[0]) @ camera.R_camera_world.T / UNIT, down)
        seen_c = camera.to_camera(seen_w) @ turn.swapaxes(1, 2)
    column = {landmark: present.index(landmark) for landmark in TWELVE}
    xy, xyz, confidence = np.zeros((frames, 33, 2)), np.zeros((frames, 33, 3)), np.zeros((frames, 33))
    index = [LANDMARKS.index(landmark) for landmark in present]
    px_per_metre = focal / truth_c[..., 2].mean()
    noise_c = rng.normal(size=truth_c.shape)
    noise_c = 0.5 * noise_c + 0.8 * np.cumsum(noise_c, axis=0) / np.sqrt(1 + np.arange(frames))[:, None, None]
    xy[:, index] = camera.project(seen_w) + 0.03 * px_per_metre * rng.normal(size=(*truth_c.shape[:2], 2))
    hips = seen_c[:, [column["left_hip"], column["right_hip"]]].mean(axis=1, keepdims=True)
    xyz[:, index] = seen_c - hips + noise_c * [0.04, 0.04, 0.09]
    confidence[:, index] = 0.9
    if pan:
        direction = gaussian_filter1d(np.arctan2(truth_c[..., 0].mean(axis=1), truth_c[..., 2].mean(axis=1)), 8.0)
        turn = to_matrix(from_rotvec(np.outer(direction - direction[0], [0.0, -1.0, 0.0])))
        motion = CameraMotion(turn, np.linspace(1.0, 1.1, frames), focal, True)
        centre = np.array(SIZE) / 2.0
        rays = np.concatenate([(xy[:, index] - centre) / focal, np.ones((frames, len(index), 1))], axis=-1)
        seen = np.einsum("tij,tpj->tpi", turn, rays)
        xy[:, index] = focal * motion.zoom[:, None, None] * seen[..., :2] / seen[..., 2:] + centre
        # The detector's 3D is in the axes of the ray through the person, whatever the camera does.
        xyz[:, index] = xyz[:, index] @ to_matrix(from_rotvec(np.outer(direction, [0.0, -1.0, 0.0]))).swapaxes(1, 2)
    wrong = rng.uniform(size=(frames, 33)) < 0.03
    xy[wrong] += 0.5 * px_per_metre * rng.normal(size=(int(wrong.sum()), 2))
    xyz = xyz * (confidence > 0)[..., None]
    keypoints = Keypoints(xy, xyz, confidence, FPS, LANDMARKS, SIZE, camera_motion=motion)
    return keypoints, truth_c[:, list(column.values())], contacts


@cache
def reconstructed(name, azimuth, pan=False, along=False):
    keypoints, truth_c, contacts = filmed(name, azimuth, pan=pan, along=along)
    character = load_character("humanoid")
    found = reconstruct_motion(keypoints, character, ReconstructConfig(loop="no"))
    sites = BodyPoints.of_sites(character.model, tuple(character.landmarks[landmark] for landmark in TWELVE))
    start = replace(found.camera, path=None)
    ours_c = start.to_camera(point_positions(character.model, found.motion.qpos, sites))
    return found, ours_c, truth_c, contacts


def centre_on_hips(points):
    left, right = TWELVE.index("left_hip"), TWELVE.index("right_hip")
    return points - points[:, [left, right]].mean(axis=1, keepdims=True)


@pytest.mark.parametrize(("name", "azimuth"), [("walk", 1.4), ("backflip", 1.2)])
def test_pose_is_better_than_what_was_detected(name, azimuth):
    found, ours, truth, _ = reconstructed(name, azimuth)
    assert 0.0 < found.cost["camera_height"] < 5.0
    error = np.linalg.norm(centre_on_hips(ours) - centre_on_hips(truth), axis=-1)
    assert error.mean() < 0.05


def test_windows_of_a_long_motion_add_up(monkeypatch):
    whole = reconstructed("backflip", 1.2)[0]
    monkeypatch.setattr(blocks, "WINDOW", 11)
    parts = reconstruct_motion(filmed("backflip", 1.2)[0], load_character("humanoid"), ReconstructConfig(loop="no"))
    assert parts.cost == pytest.approx(whole.cost)
    np.testing.assert_allclose(parts.motion.qpos, whole.motion.qpos, atol=1e-6)


def test_gravity_is_that_of_the_fall_when_the_body_stood_on_something_unknown():
    character = load_character("humanoid")
    seconds = np.arange(75) / FPS - 1.5
    qpos = np.tile(np.array(character.model.qpos0), (75, 1))
    qpos[:, 2] += np.maximum(2.0 - 4.905 * np.maximum(seconds, 0.0) ** 2, 0.0)
    names = tuple(character.contacts)
    landed = np.repeat(seconds[:, None] > 0.64, len(names), axis=1)
    motion = ReferenceMotion(
        qpos, FPS, character.name, character.height, character.joint_names, landed, names, loop=False
    )  # fmt: skip
    assert compute_motion_metrics(motion, character)["flight_gravity_ratio"] == pytest.approx(1.0, abs=0.05)


def test_a_panning_camera_costs_little_accuracy():
    errors = []
    for pan in (False, True):
        _, ours, truth, _ = reconstructed("walk", 1.4, pan)
        errors.append(world_mpjpe(ours, truth))
    assert errors[1] < 1.25 * errors[0] + 5.0
    found = reconstructed("walk", 1.4, True)[0]
    assert found.camera.turn is not None
    assert np.degrees(np.arccos(found.camera.turn[-1, 2, 2])) > 15


def test_a_camera_that_goes_along_is_followed_and_its_unit_found():
    found, ours, truth, _ = reconstructed("walk", 1.4, along=True)
    path = found.camera.path
    assert path is not None
    still = reconstructed("walk", 1.4)
    assert world_mpjpe(ours, truth) < 1.25 * world_mpjpe(still[1], still[2]) + 15.0
    keypoints = filmed("walk", 1.4, along=True)[0]
    assert keypoints.camera_motion is not None and keypoints.camera_motion.path is not None
    length = UNIT * np.linalg.norm(np.diff(keypoints.camera_motion.path, axis=0), axis=1).sum()
    assert np.linalg.norm(np.diff(path, axis=0), axis=1).sum() == pytest.approx(length, rel=0.04)
    assert found.metrics["foot_slide_mm_per_frame"] < 3
    # The body lies on what was seen, through the camera that moves.
    assert found.metrics["reprojection_px"] < 1.3 * still[0].metrics["reprojection_px"]


def test_backflip_turns_once_flies_with_gravity_and_lands_on_its_feet():
    found, _, _, contacts = reconstructed("backflip", 1.2)
    figures = found.metrics
    assert figures["root_turns"] == pytest.approx(1.0, abs=0.15)
    assert figures["flight_gravity_ratio"] == pytest.approx(1.0, abs=0.1)
    assert figures["foot_slide_mm_per_frame"] < 3
    assert figures["penetration_mm"] < 5
    assert figures["zmp_outside_support_mm"] < 100
    assert figures["free_moment_nm"] < 2
    feet = [found.motion.contact_names.index(f"{side}_foot") for side in ("left", "right")]
    ours, truth = found.motion.contacts[:, feet].any(axis=1), contacts[:, feet].any(axis=1)
    assert (ours == truth).mean() > 0.9


def test_walk_neither_skates_nor_flies():
    figures = reconstructed("walk", 1.4)[0].metrics
    assert figures["foot_slide_mm_per_frame"] < 3
    assert figures["contact_share"] > 0.95
    assert figures["root_turns"] < 0.15


def test_a_walk_becomes_a_loop_that_goes_on():
    keypoints, _, _ = filmed("walk", 1.4)
    found = reconstruct_motion(keypoints, load_character("humanoid"), ReconstructConfig(iterations=6))
    qpos = found.motion.qpos
    assert found.motion.loop
    np.testing.assert_allclose(qpos[0, 7:], qpos[-1, 7:], atol=1e-6)
    assert np.abs(qpos[-1, :2] - qpos[0, :2]).max() > 0.5
    # It lies where the camera saw it.
    character = load_character("humanoid")
    wrists = BodyPoints.of_sites(character.model, ("left_wrist", "right_wrist"))
    seen = keypoints.xy[found.first_frame :, [LANDMARKS.index("left_wrist"), LANDMARKS.index("right_wrist")]]
    ours = found.camera.project(point_positions(character.model, qpos, wrists))
    frames = min(len(seen), len(ours))
    assert np.median(np.linalg.norm(ours[:frames] - seen[:frames], axis=-1)) < 30.0


def test_root_and_ground_stand_where_the_conventions_say():
    motion = reconstructed("walk", 1.4)[0].motion
    np.testing.assert_allclose(motion.qpos[0, :2], 0.0, atol=1e-9)
    np.testing.assert_allclose(motion.qpos[0, [4, 6]][1], 0.0, atol=1e-6)  # no yaw: x is the first heading


def test_frames_that_turn_the_trunk_round_are_left_out():
    angle = np.linspace(0.0, 2 * np.pi, 40)
    angle[18:22] += np.pi
    quat = from_rotvec(angle[:, None] * np.array([0.0, 1.0, 0.0]))
    steady = find_steady_frames(quat, np.ones(40), FPS)
    np.testing.assert_array_equal(np.flatnonzero(~steady), [18, 19, 20, 21])


def test_a_twist_is_no_mistake_though_a_leap_of_the_long_axis_is():
    rate = 24.0  # rad/s: faster than any flip
    for axis, kept in (([0.0, 0.0, 1.0], True), ([0.0, 1.0, 0.0], False)):
        angle = np.concatenate([np.zeros(12), np.arange(1, 9) * rate / FPS, np.full(12, 8 * rate / FPS)])
        steady = find_steady_frames(from_rotvec(angle[:, None] * np.array(axis)), np.ones(len(angle)), FPS)
        assert steady[12:20].all() == kept


def test_hopeless_input_is_reported_in_one_line():
    keypoints, _, _ = filmed("walk", 1.4)
    character, focal = load_character("humanoid"), 1000.0
    blind = Keypoints(keypoints.xy, keypoints.xyz, np.zeros_like(keypoints.confidence), FPS, LANDMARKS, SIZE)
    with pytest.raises(InputError, match="seen in 0%"):
        observe(blind, character, focal)
    short = Keypoints(keypoints.xy[:3], keypoints.xyz[:3], keypoints.confidence[:3], FPS, LANDMARKS, SIZE)
    with pytest.raises(InputError, match="too short"):
        observe(short, character, focal)


def test_camera_round_trip(tmp_path):
    camera = View(0.3, -0.1, 1.4, 7.0).camera(SIZE)
    camera.save(tmp_path / "camera.npz")
    loaded = Camera.load(tmp_path / "camera.npz")
    points = np.array([[4.0, 0.3, 1.0], [6.0, -1.0, 0.2]])
    np.testing.assert_allclose(loaded.project(points), camera.project(points))
    # A camera that looks down sees the ground in front of it above where a level one would.
    level = View(0.0, 0.0, 1.4, 7.0).camera(SIZE)
    down = View(0.2, 0.0, 1.4, 7.0).camera(SIZE)
    ground = np.array([[5.0, 0.0, 0.0]])
    assert down.project(ground)[0, 1] < level.project(ground)[0, 1]


def filmed_from_above(frames: int, pitch: float) -> tuple[Keypoints, np.ndarray]:
    """Exact keypoints of a walk below a camera that looks down, and its true roots' upward axes, (T, 3)."""
    character = load_character("humanoid")
    qpos = load_demo_take("walk", character)[0][:frames].copy()
    qpos[:, :2] -= qpos[:, :2].mean(axis=0) - (4.0 * np.cos(pitch) / np.sin(pitch), 0.0)
    focal = focal_from_fov(50.0, SIZE)
    camera = View(pitch, 0.0, 4.0, float(np.log(focal))).camera(SIZE)
    present = tuple(name for name in LANDMARKS if name in character.landmarks)
    points = point_positions(character.model, qpos, landmark_points(character, present))
    index = [LANDMARKS.index(name) for name in present]
    xy, xyz, confidence = np.zeros((frames, 33, 2)), np.zeros((frames, 33, 3)), np.zeros((frames, 33))
    seen = camera.to_camera(points)
    hips = seen[:, [present.index("left_hip"), present.index("right_hip")]].mean(axis=1, keepdims=True)
    xy[:, index], xyz[:, index], confidence[:, index] = camera.project(points), seen - hips, 1.0
    return Keypoints(xy, xyz, confidence, FPS, LANDMARKS, SIZE), to_matrix(qpos[:, 3:7])[..., 2]


def test_walk_seen_from_above_is_upright_if_the_camera_is_known_to_look_down():
    keypoints, true_up = filmed_from_above(30, 1.4)
    config = ReconstructConfig(camera="down", iterations=5, loop="no")
    found = reconstruct_motion(keypoints, load_character("humanoid"), config, objects=())
    up = to_matrix(found.motion.qpos[:, 3:7])[..., 2]
    assert np.median(up[:, 2]) > np.median(true_up[:, 2]) - 0.06
    assert found.camera.R_camera_world[2, 2] < -0.95
    assert "camera_height" not in found.cost  # who looks down is not at eye level
    assert found.metrics["penetration_mm"] < 15
