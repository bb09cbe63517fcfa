"""The environment: tracking, endings, restarts, and the same future from the same state."""

from dataclasses import replace

import mujoco
import numpy as np
import pytest

from imitate.env.env import EnvConfig, ImitationEnv
from imitate.env.reference import smooth_heading, unroll_cycle
from imitate.env.task import Task
from imitate.env.termination import GeomShapes, solid_bodies
from imitate.scene.scene import CONTROL_HZ, PHYSICS_HZ, Scene, build_model
from reconstruct.motion import ReferenceMotion
from reconstruct.rotations import from_rotvec
from tests.samples import CHARACTER, standing


def make_env(motion: ReferenceMotion, environments: int = 4, episode_seconds: float = 10.0) -> ImitationEnv:
    return ImitationEnv(Task(CHARACTER, motion), EnvConfig(episode_seconds=episode_seconds), environments)


@pytest.fixture
def env() -> ImitationEnv:
    env = make_env(standing())
    env.start(np.zeros(4, dtype=np.int64))
    return env


def test_time_steps_fit():
    assert PHYSICS_HZ % CONTROL_HZ == 0


def test_standing_still_earns_nearly_everything_at_first(env):
    outcome = env.step(np.zeros((4, env.action_size)))
    assert (outcome.reward > 0.98).all()
    assert not outcome.done.any()
    np.testing.assert_allclose(sum(outcome.terms.values()), outcome.reward)


def test_observation_layout_and_heading_invariance():
    """The same motion walked in another direction looks the same to the policy."""
    motion = standing()
    turned = motion.qpos.copy()
    turned[:, 3:7] = from_rotvec(np.array([0.0, 0.0, 2.0]))
    views = []
    for qpos in (motion.qpos, turned):
        env = make_env(replace(motion, qpos=qpos), 1)
        env.start(np.zeros(1, dtype=np.int64))
        views.append(env.observe())
    assert views[0].shape == (1, env.observation_layout.size)
    np.testing.assert_allclose(views[0], views[1], atol=1e-5)


def test_lying_down_is_a_fall_and_is_forgiven_where_the_reference_lies(env):
    env.qpos[1, 2] = 0.12
    env.qpos[1, 3:7] = from_rotvec(np.array([0.0, np.pi / 2, 0.0]))
    outcome = env.step(np.zeros((4, env.action_size)))
    assert outcome.terminated.tolist() == [False, True, False, False]

    lying = standing()
    lying.qpos[:, 2] = 0.12
    lying.qpos[:, 3:7] = from_rotvec(np.array([0.0, np.pi / 2, 0.0]))
    env = make_env(lying, 1)
    env.start(np.zeros(1, dtype=np.int64))
    assert not env.step(np.zeros((1, env.action_size))).terminated.any()


def test_straying_from_the_reference_ends_the_episode(env):
    env.qpos[2, 0] += 0.6
    outcome = env.step(np.zeros((4, env.action_size)))
    assert outcome.terminated.tolist() == [False, False, True, False]


def test_exploded_state_is_ended_counted_and_can_be_restarted(env):
    env.qvel[3, 10] = 1e12
    outcome = env.step(np.zeros((4, env.action_size)))
    assert outcome.terminated[3]
    assert outcome.reward[3] == 0.0
    assert env.non_finite == 1
    env.start(np.array([5]), np.array([3]))
    outcome = env.step(np.zeros((4, env.action_size)))
    assert not outcome.terminated[3]
    assert env.non_finite == 1
    assert np.isfinite(env.observe()).all()


def test_clip_is_truncated_at_its_end_not_failed():
    env = make_env(standing(frames=6), 2)
    env.start(np.array([0, 3]))
    ends = [env.step(np.zeros((2, env.action_size))) for _ in range(5)]
    assert [outcome.truncated.tolist() for outcome in ends] == [
        [False, False],
        [False, True],
        [False, True],
        [False, True],
        [True, True],
    ]
    assert not any(outcome.terminated.any() for outcome in ends)


def test_loop_goes_on_past_its_seam():
    env = make_env(standing(frames=6, loop=True), 2, episode_seconds=0.5)
    env.start(np.array([0, 3]))
    outcomes = [env.step(np.zeros((2, env.action_size))) for _ in range(15)]
    assert not any(outcome.truncated.any() for outcome in outcomes[:14])
    assert outcomes[14].truncated.all()
    assert env.reference.phase[[0, 4, 5, 6]] == pytest.approx([0.0, 0.8, 0.0, 0.2])


def test_unrolled_loop_walks_on_and_turns():
    """One cycle that goes 1 m ahead and turns left by a right angle leads round a square back to the start."""
    motion = standing(frames=11, loop=True)
    motion.qpos[:, 0] += np.linspace(0.0, 1.0, 11)
    motion.qpos[:, 3:7] = from_rotvec(np.linspace(0.0, 1.0, 11)[:, None] * np.array([0.0, 0.0, np.pi / 2]))
    corners = unroll_cycle(motion, 2.0)[::10]
    np.testing.assert_allclose(corners[:5, :2], [[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]], atol=1e-9)


def test_heading_does_not_jump_in_a_somersault():
    pitch = np.linspace(0.0, 2.0 * np.pi, 40)
    somersault = from_rotvec(pitch[:, None] * np.array([0.0, 1.0, 0.0]))
    facing = from_rotvec(np.array([0.0, 0.0, 0.7]))
    from reconstruct.rotations import multiply

    heading = smooth_heading(multiply(facing, somersault))
    np.testing.assert_allclose(np.unwrap(heading), 0.7, atol=1e-6)


def test_overhead_arm_is_pulled_the_short_way():
    """A target just beyond half a turn from where the arm is does not swing it round the long way."""
    motion = standing(frames=3)
    address = CHARACTER.model.joint("right_shoulder").qposadr[0]
    motion.qpos[:, address : address + 4] = from_rotvec(np.array([0.0, -np.radians(182), 0.0]))
    env = make_env(motion, 1)
    env.start(np.zeros(1, dtype=np.int64))
    env.qpos[0, address : address + 4] = from_rotvec(np.array([0.0, -np.radians(178), 0.0]))
    drive = env.model.actuator("right_shoulder_y").id
    length = -np.radians(178)
    assert env.targets(np.zeros((1, env.action_size)))[0, drive] - length == pytest.approx(-np.radians(4), abs=1e-6)


def test_restored_state_has_the_same_future():
    rng = np.random.default_rng(0)
    actions = rng.normal(0.0, 0.3, (6, 4, 28))
    env = make_env(standing())
    env.start(np.zeros(4, dtype=np.int64), rng=rng)
    for action in actions[:3]:
        env.step(action)
    kept = env.state()
    future = [env.step(action).reward for action in actions[3:]]
    other = make_env(standing())
    other.restore(kept)
    again = [other.step(action).reward for action in actions[3:]]
    assert np.array_equal(future, again)
    assert np.array_equal(env.observe(), other.observe())


def test_standing_does_not_sink_or_slide():
    """Believable contact: a standing body sinks by millimetres and stays where it is."""
    env = make_env(standing(frames=61), 1)
    env.start(np.zeros(1, dtype=np.int64))
    soles = CHARACTER.site_ids(("left_heel", "right_heel", "left_foot_index", "right_foot_index"))
    start = env.site_xpos[0, soles].copy()
    for _ in range(10):
        env.step(np.zeros((1, env.action_size)))
    moved = env.site_xpos[0, soles] - start
    assert (env.site_xpos[0, soles, 2] > -0.012).all()
    assert np.abs(moved[:, :2]).max() < 0.01


def test_sliding_costs_reward_only_where_it_is_asked_for():
    """Feet 4 mm in the ground that go to the left at 0.3 m/s each cost 0.8 * 0.3^2 times the weight."""
    rewards = {}
    for weight in (None, 0.5):
        env = ImitationEnv(Task(CHARACTER, standing()), EnvConfig(slide_weight=weight), 1)
        down, left = np.zeros((2, 1, env.model.nv))
        down[0, 2], left[0, 1] = -0.004, 0.3
        env.start(np.zeros(1, dtype=np.int64), offset=down, speed_offset=left)
        rewards[weight] = env.compare().reward[0]
    assert rewards[None] - rewards[0.5] == pytest.approx(0.5 * 2 * 0.8 * 0.3**2, rel=1e-6)


def test_model_has_ground_and_the_body_weighs_the_same():
    model = build_model(CHARACTER, Scene())
    assert model.geom("ground").type[0] == mujoco.mjtGeom.mjGEOM_PLANE
    assert model.body_mass.sum() == pytest.approx(CHARACTER.model.body_mass.sum())
    assert model.opt.timestep == pytest.approx(1 / 120)


def test_what_rests_starts_where_the_ground_bears_it_and_what_flies_or_sinks_does_not_touch():
    """Frames on the ground, 5 mm above it, in flight and 4 cm below it; the first three by hand, all by the geoms."""
    motion = standing(frames=4)
    env = make_env(replace(motion, qpos=raise_to(motion.qpos, np.array([0.0, 0.005, 0.3, -0.04]))))
    np.testing.assert_allclose(env.reference.rise, [-0.006, -0.011, 0.0, 0.034], atol=1e-9)
    frames = np.arange(4)
    env.start(frames, offset=env.rest(frames))
    lowest = env.lowest(GeomShapes.of(env.model, solid_bodies(env.model))).min(axis=1)
    np.testing.assert_allclose(lowest, [-0.006, -0.006, 0.3, -0.006], atol=1e-9)


def test_who_starts_at_rest_is_borne_at_once_and_who_starts_on_the_surface_drops():
    """Force of the ground in body weights over the first control step: about 1, instead of a fall with little of it."""
    env = make_env(standing(), environments=2)
    offset = env.rest(np.zeros(2, dtype=np.int64))
    offset[1] = 0.0
    env.start(np.zeros(2, dtype=np.int64), offset=offset)
    before = env.com[:, 2].copy()
    env.step(np.zeros((2, env.action_size)))
    dropped = before - env.com[:, 2]
    assert abs(dropped[0]) < 0.0012 < 0.0025 < dropped[1]


def raise_to(qpos: np.ndarray, height: np.ndarray) -> np.ndarray:
    """Poses that stand, moved so that their lowest point is at these heights [m], (T, nq) x (T,) -> (T, nq)."""
    env = make_env(standing(frames=2), environments=1)
    env.start(np.zeros(1, dtype=np.int64))
    lowest = env.lowest(GeomShapes.of(env.model, solid_bodies(env.model))).min()
    moved = qpos.copy()
    moved[:, 2] += height - lowest
    return moved
