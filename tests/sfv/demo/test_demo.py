"""The synthetic sample obeys physics, and its truth is what was filmed."""

import mujoco
import numpy as np
import pytest

import sfv.demo.demo
from pose.errors import InputError
from pose.landmarks import INDEX, LANDMARKS
from pose.video import read_frames
from reconstruct.characters.character import load_character
from reconstruct.cycle import seam_gap
from reconstruct.kinematics import BodyPoints, com_positions, point_positions
from reconstruct.rotations import to_matrix
from sfv.demo.motions import FPS, TAKES, fingerprint, load_demo_motion, load_demo_take, solve_plan
from sfv.demo.plans import PLANS

CHARACTER = load_character("humanoid")
MODEL = CHARACTER.model
FLYING = ("backflip", "jump")


def velocities(qpos: np.ndarray) -> np.ndarray:
    """Between frames, (T - 1, nv)."""
    qvel = np.zeros((len(qpos) - 1, MODEL.nv))
    for t in range(len(qvel)):
        mujoco.mj_differentiatePos(MODEL, qvel[t], 1 / FPS, qpos[t], qpos[t + 1])
    return qvel


@pytest.mark.parametrize("name", PLANS)
def test_stored_takes_are_up_to_date(name):
    with np.load(TAKES / f"{name}.npz") as take:
        assert str(take["fingerprint"]) == fingerprint(name, CHARACTER), "run python -m sfv.demo.motions"


@pytest.mark.parametrize("name", FLYING)
def test_flight_is_a_parabola(name):
    qpos, contacts = load_demo_take(name, CHARACTER)
    flight = np.asarray(~contacts.any(axis=1))
    com = com_positions(MODEL, qpos)
    acceleration = (com[2:] - 2 * com[1:-1] + com[:-2]) * FPS**2
    acceleration = acceleration[flight[:-2] & flight[1:-1] & flight[2:]]
    assert len(acceleration) >= 10
    np.testing.assert_allclose(acceleration, np.tile([0.0, 0.0, -9.81], (len(acceleration), 1)), atol=0.0981)


@pytest.mark.parametrize("name", FLYING)
def test_angular_momentum_is_kept_in_flight(name):
    qpos, contacts = load_demo_take(name, CHARACTER)
    flight = np.asarray(~contacts.any(axis=1))
    state, momentum = mujoco.MjData(MODEL), []
    for t in np.flatnonzero(flight[:-1] & flight[1:]):
        # At the middle of the step, with the velocity that leads through it.
        qvel = velocities(qpos[t : t + 2])[0]
        state.qpos[:] = qpos[t]
        mujoco.mj_integratePos(MODEL, state.qpos, qvel, 0.5 / FPS)
        state.qvel[:] = qvel
        mujoco.mj_fwdPosition(MODEL, state)
        mujoco.mj_subtreeVel(MODEL, state)
        momentum.append(state.subtree_angmom[1].copy())
    spread = np.ptp(momentum, axis=0)
    # One flip of a body of about 10 kg m2 in 0.67 s has 50-100 kg m2/s; the steps are 33 ms long.
    assert spread.max() < 0.06 * max(np.abs(momentum).max(), 40.0)


@pytest.mark.parametrize("name", PLANS)
def test_feet_and_hands_stay_put(name):
    qpos, contacts = load_demo_take(name, CHARACTER)
    for part, sites in CHARACTER.contacts.items():
        points = BodyPoints.of_sites(MODEL, sites)
        if "hand" in part:  # a fist rolls about the middle of its sphere
            hand = MODEL.geom(part)
            points = BodyPoints(np.array([int(hand.bodyid[0])]), hand.pos[None].copy(), np.zeros(1))
        height = 1e-3 if "foot" in part else 1.0
        position = point_positions(MODEL, qpos, points)
        down = contacts[:, list(CHARACTER.contacts).index(part), None] & (position[..., 2] < height)
        slide = np.linalg.norm(np.diff(position, axis=0)[..., :2], axis=-1)[down[1:] & down[:-1]]
        assert slide.max(initial=0.0) < 1e-3, part


@pytest.mark.parametrize("name", PLANS)
def test_nothing_sinks_into_the_ground(name):
    qpos, _ = load_demo_take(name, CHARACTER)
    solid = BodyPoints.of_geoms(MODEL)
    assert (point_positions(MODEL, qpos, solid)[..., 2] - solid.radius).min() > -0.003


@pytest.mark.parametrize("name", PLANS)
def test_joints_move_as_fast_as_a_gymnast_can(name):
    qpos, _ = load_demo_take(name, CHARACTER)
    qvel = velocities(qpos)
    assert np.abs(qvel[:, 6:]).max() < 20.0
    acceleration = np.diff(qvel[:, 6:], axis=0) * FPS
    assert np.abs(acceleration).max() < 350.0
    hinges = [MODEL.joint(f"{side}_{joint}") for side in ("left", "right") for joint in ("elbow", "knee")]
    for hinge in hinges:
        angle = qpos[:, hinge.qposadr[0]]
        assert angle.min() > hinge.range[0] - 0.02 and angle.max() < hinge.range[1] + 0.02


def test_backflip_turns_once_backwards_and_cartwheel_once_sideways():
    for name, column in (("backflip", 1), ("cartwheel", 0)):
        qpos, contacts = load_demo_take(name, CHARACTER)
        turned = np.sum(velocities(qpos)[:, 3 + column]) / FPS
        assert np.degrees(turned) == pytest.approx(-360.0, abs=12.0)
        up = to_matrix(qpos[:, 3:7])[:, 2, 2]
        assert up.min() < -0.9 and up[0] > 0.99 and up[-1] > 0.99
        hands = contacts[:, [list(CHARACTER.contacts).index(f"{side}_hand") for side in ("left", "right")]]
        assert hands.any(axis=0).all() == (name == "cartwheel")


def test_walk_is_a_closed_cycle():
    walk = load_demo_motion("walk", CHARACTER)
    assert walk.loop
    np.testing.assert_allclose(seam_gap(MODEL, walk.qpos), 0.0, atol=1e-9)
    qvel = velocities(walk.qpos)
    assert np.abs(qvel[0, 3:] - qvel[-1, 3:]).max() < 2.5  # and its velocities meet, one frame apart
    assert walk.qpos[-1, 0] / walk.duration == pytest.approx(1.18, abs=0.1)  # m/s


def test_unknown_motion_names_the_known_ones():
    with pytest.raises(InputError, match="backflip"):
        load_demo_motion("moonwalk", CHARACTER)


def test_truth_is_what_the_camera_saw(tmp_path, monkeypatch):
    monkeypatch.setattr(sfv.demo.demo, "IMAGE_SIZE", (256, 144))
    qpos, contacts = load_demo_take("jump", CHARACTER)
    monkeypatch.setattr(sfv.demo.demo, "load_demo_take", lambda *_: (qpos[:40:8], contacts[:40:8]))
    video = tmp_path / "jump.mp4"
    sfv.demo.demo.make_demo("jump", video, seed=3)
    with np.load(sfv.demo.demo.truth_path(video), allow_pickle=False) as truth:
        truth = dict(truth)
    frames = [frame for _, frame in read_frames(video)]
    assert len(frames) == len(truth["qpos"]) == 5
    assert tuple(truth["names"]) == LANDMARKS
    # The usual pinhole with K, R, t gives the pixels.
    in_camera = truth["xyz_w"] @ truth["R_camera_world"].T + truth["t_camera_world"]
    pixels = in_camera @ truth["K"].T
    np.testing.assert_allclose(pixels[..., :2] / pixels[..., 2:], truth["xy_px"], atol=1e-6)
    inside = truth["xy_px"] / truth["image_size"]
    assert inside.min() > 0.05 and inside.max() < 0.95
    # Where the landmark of the chest's middle is, the red shirt is; in the room's corner it is not.
    shoulders = truth["xy_px"][:, [INDEX["left_shoulder"], INDEX["right_shoulder"]]].mean(axis=1)
    hips = truth["xy_px"][:, [INDEX["left_hip"], INDEX["right_hip"]]].mean(axis=1)
    for frame, (x, y) in zip(frames, 0.6 * shoulders + 0.4 * hips, strict=True):
        r, g, b = frame[round(y), round(x)].astype(int)
        assert r > 1.3 * max(g, b)

    again = tmp_path / "again.mp4"
    sfv.demo.demo.make_demo("jump", again, seed=3)
    assert again.read_bytes() == video.read_bytes()
    sfv.demo.demo.make_demo("jump", again, seed=4)
    with np.load(sfv.demo.demo.truth_path(again)) as other:
        assert not np.allclose(other["K"], truth["K"])
        np.testing.assert_array_equal(other["qpos"], truth["qpos"])


@pytest.mark.slow
def test_solving_again_gives_the_stored_take():
    qpos, contacts = solve_plan(PLANS["jump"], CHARACTER)
    stored, stored_contacts = load_demo_take("jump", CHARACTER)
    np.testing.assert_array_equal(contacts, stored_contacts)
    assert np.abs(qpos[:, :3] - stored[:, :3]).max() < 0.01
