"""Randomised dynamics against models that MuJoCo compiles, and against mechanics by hand."""

from dataclasses import replace

import mujoco
import numpy as np
import pytest

from imitate.env.dynamics import PARTS, DynamicsConfig, columns, nominal_extrinsics
from imitate.env.env import EnvConfig, ImitationEnv
from imitate.env.muscle_groups import GROUPS, find_muscle_groups, find_trunk
from imitate.env.task import Task
from imitate.scene.scene import Scene
from pose.errors import InputError
from reconstruct.characters.character import load_character
from sfv.demo.motions import load_demo_motion


@pytest.fixture(scope="module")
def task():
    character = load_character("humanoid")
    return Task(character, load_demo_motion("walk", character))


@pytest.fixture
def env(task):
    """Nominal until a test sets something."""
    return ImitationEnv(task, EnvConfig(), 3, dynamics=DynamicsConfig(), varied=np.zeros(3, dtype=bool))


def extrinsics(**parts) -> np.ndarray:
    values = nominal_extrinsics()
    for part, value in parts.items():
        values[columns(part)] = value
    return values[None]


def test_groups_of_muscles(task):
    model = task.model
    found = {model.actuator(u).name: GROUPS[g] for u, g in enumerate(find_muscle_groups(task.character))}
    for side in ("left", "right"):
        of_side = {name: group for name, group in found.items() if name.startswith(side)}
        for part, group in (("thigh", "hip"), ("hip", "hip"), ("knee", "knee"), ("ankle", "ankle"), ("foot", "ankle")):
            assert {group_ for name, group_ in of_side.items() if part in name} <= {f"{side}_{group}"}
        assert {group for name, group in of_side.items() if "shoulder" in name or "elbow" in name} == {"arms"}
    assert set(found.values()) == set(GROUPS) and model.body(find_trunk(task.character)).name == "chest"


def test_a_load_is_a_point_mass_on_the_trunk(env, task):
    place = np.array([-0.15, 0.05, 0.1])
    values = extrinsics(payload=0.4, payload_place=place, com=[0.02, 0.0, -0.01])
    env.dynamics.set(np.array([1]), values)
    loaded, plain = env._batch.get_model(1), env._batch.get_model(0)
    # The same, compiled: the trunk with its centre moved, and a body of 30 kg without size welded to it.
    spec = task.character.spec()
    chest = spec.body("chest")
    own = task.model.body("chest")
    inertia = own.inertia.copy()
    chest.explicitinertial = True
    chest.mass, chest.inertia, chest.iquat = own.mass[0], inertia, own.iquat
    chest.ipos = own.ipos + [0.02, 0.0, -0.01]
    load = chest.add_body(name="load", pos=chest.ipos + place)
    load.explicitinertial, load.ipos = True, np.zeros(3)
    load.mass, load.inertia = 0.4 * task.model.body_subtreemass[1], np.full(3, 1e-9)
    expected = spec.compile()
    matrices = []
    for model in (expected, loaded):
        data, matrix = mujoco.MjData(model), np.zeros((model.nv, model.nv))
        data.qpos[:] = task.motion.qpos[5]
        mujoco.mj_forward(model, data)
        mujoco.mj_fullM(model, data, matrix)
        matrices.append(matrix)
    np.testing.assert_allclose(matrices[1], matrices[0], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(plain.body_mass, task.model.body_mass)


def test_slope_is_gravity_that_is_turned(env):
    """Falling freely, the body accelerates along the slope, downhill, by g sin(8 deg)."""
    env.start(np.zeros(3, dtype=np.int64))
    env.all_qpos[:, 2] += 3.0
    angle = np.deg2rad(8.0)
    env.dynamics.set(np.array([2]), extrinsics(slope=[-np.sin(angle), 0.0]))
    env._batch.forward()
    before = env.com.copy()
    env.simulate()
    moved = env.com - before
    # x = v t + g h^2 n (n + 1) / 2 over the n = 4 steps h of a control step; both have the same v.
    fallen = (moved[2] - moved[0]) / (10.0 / 120**2)
    np.testing.assert_allclose(fallen[0], -9.81 * np.sin(angle), rtol=0.01)
    assert abs(fallen[1]) < 0.05 and 0.0 < fallen[2] < 0.3


def test_friction_is_the_grounds_alone_and_strength_scales_torques(env):
    env.start(np.zeros(3, dtype=np.int64))
    left_knee = env.model.actuator("left_knee").id
    env.dynamics.set(np.array([1]), extrinsics(friction=0.2))
    weak = nominal_extrinsics()
    weak[columns("strength")][GROUPS.index("left_knee")] = 0.7
    env.dynamics.set(np.array([2]), weak[None])
    env.set_targets(env.targets(np.zeros((3, env.action_size))) + 0.3)
    env._batch.forward()
    force = env.actuator_force.copy()
    np.testing.assert_allclose(force[2, left_knee], 0.7 * force[0, left_knee], rtol=1e-6)
    others = np.arange(env.action_size) != left_knee
    np.testing.assert_allclose(force[2, others], force[0, others])
    model, data = env._batch.get_model(1), env._batch.get_data(1)
    mujoco.mj_forward(model, data)
    assert data.ncon and (data.contact.friction[: data.ncon, 0] == 0.2).all()


def test_draws_stay_within_their_ranges_and_repeat_themselves(task):
    config = DynamicsConfig(payload=(0.1, 0.3), friction=(0.4, 0.5), slope=5.0, redraw=0.5, seed=3)
    envs = [ImitationEnv(task, EnvConfig(), 64, dynamics=config, varied=np.arange(64) < 48) for _ in range(2)]
    for env in envs:
        env.start(np.zeros(64, dtype=np.int64))
        env.simulate()
    first, again = (env.dynamics.values for env in envs if env.dynamics is not None)
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(first[48:], np.tile(nominal_extrinsics(), (16, 1)))
    varied = {part: first[:48, columns(part)] for part in PARTS}
    for part, low, high in (("payload", 0.1, 0.3), ("friction", 0.4, 0.5), ("strength", 0.7, 1.1)):
        assert (
            (varied[part] >= low).all() and (varied[part] <= high).all() and np.ptp(varied[part]) > 0.5 * (high - low)
        )
    assert np.abs(varied["slope"]).max() <= np.sin(np.deg2rad(5.0)) + 1e-9
    wider = config.widen(1.2)
    np.testing.assert_allclose(wider.payload, (0.1, 0.36))
    np.testing.assert_allclose(wider.strength, (0.64, 1.12))


def test_wider_ranges_hold_those_that_were_asked_for():
    """Also where these lie on one side of what is nominal, or below what is learnt in else."""
    asked = DynamicsConfig(friction=(0.01, 0.04), strength=(1.2, 1.4), payload=(0.2, 0.4))
    for margin in (1.0, 1.5):
        wider = asked.widen(margin).check()
        for part in ("friction", "strength", "payload"):
            (low, high), (least, most) = getattr(asked, part), getattr(wider, part)
            assert least <= low and most >= high


def test_extrinsics_end_the_observation_and_a_restored_environment_goes_on_alike(env, task):
    env.dynamics.config = replace(env.dynamics.config, redraw=0.3)
    env.dynamics.varied[:] = True
    env.start(np.array([0, 10, 20]))
    observation = env.observe()
    assert observation.shape == (3, env.observation_layout.size + len(nominal_extrinsics()))
    np.testing.assert_allclose(observation[:, -18:-2], env.dynamics.values[:, :-2], rtol=1e-6)
    state = env.state()
    runs = []
    for _ in range(2):
        env.restore(state)
        for _ in range(5):
            env.step(np.zeros((3, env.action_size)))
        runs.append(env.observe().copy())
    np.testing.assert_array_equal(*runs)


def test_what_cannot_vary_is_said(task):
    with pytest.raises(InputError, match="slope"):
        ImitationEnv(replace(task, scene=Scene("stairs")), EnvConfig(), 1, dynamics=DynamicsConfig())
    with pytest.raises(InputError, match="friction"):
        DynamicsConfig(friction=(0.5, 0.2)).check()
    with pytest.raises(InputError, match="slope"):
        DynamicsConfig(slope=60.0).check()
    with pytest.raises(InputError, match="com nan"):
        DynamicsConfig(com=np.nan).check()
    with pytest.raises(InputError, match="payload_place"):
        DynamicsConfig(payload_place=(0.1, -0.1, 0.1)).check()
    with pytest.raises(InputError, match="payload"):
        DynamicsConfig(payload=(0.0, np.inf)).check()


def test_an_episode_may_begin_in_the_dynamics_of_the_last_one(task):
    for keep in (0.0, 1.0):
        env = ImitationEnv(task, EnvConfig(), 4, dynamics=DynamicsConfig(redraw=0.0, keep=keep))
        drawn = []
        for _ in range(2):
            env.start(np.zeros(4, dtype=np.int64))
            assert env.dynamics is not None
            drawn.append(env.dynamics.values.copy())
        assert (drawn[0] != nominal_extrinsics()).any(axis=1).all()  # the first time they are drawn
        assert (drawn[0] == drawn[1]).all() == (keep == 1.0)
