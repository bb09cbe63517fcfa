"""Tracking control on the real humanoid: derivatives, cost, a short performance, and what it says of the impossible."""

from dataclasses import dataclass, fields, replace

import mujoco
import numpy as np
import pytest

from imitate.env.env import EnvConfig, ImitationEnv
from imitate.env.task import Simulated, Task
from imitate.scene.scene import CONTROL_HZ, SUBSTEPS, Scene, build_model
from imitate.tracking.derivatives import (
    DIFFERENCE,
    JUMP,
    SAME_POSE,
    SAME_SPEED,
    SAME_TARGET,
    StepDerivatives,
    differentiate_step,
    target_derivatives,
)
from imitate.tracking.draft import Draft
from imitate.tracking.feasibility import (
    FOLLOWED,
    SEAT,
    SUPPORT,
    TORQUE,
    Verdict,
    compute_unsupported_force,
    explain,
    find_causes,
    find_off_balance,
    ground_force,
)
from imitate.tracking.ilqg import Regulariser
from imitate.tracking.physics_filter import compute_filter_metrics, to_physical_motion
from imitate.tracking.track import TrackConfig, Tracker, Tracking, choose_second_try, track_motion
from reconstruct.kinematics import BodyPoints, com_positions, point_positions
from reconstruct.motion import ReferenceMotion

FULL = mujoco.mjtState.mjSTATE_INTEGRATION
QUICK = TrackConfig(horizon=8, first_iterations=2, final_iterations=1)


def after_a_control_step(model, data, state, ctrl, step) -> np.ndarray:
    """State after a control step that began displaced by the tangent step, as (qpos, qvel)."""
    mujoco.mj_setState(model, data, state, FULL)
    mujoco.mj_integratePos(model, data.qpos, step[: model.nv], 1.0)
    data.qvel[:] += step[model.nv :]
    data.ctrl[:] = ctrl
    mujoco.mj_step(model, data, SUBSTEPS)
    return np.concatenate([data.qpos, data.qvel])


def tangent(model, start, end) -> np.ndarray:
    step = np.empty(model.nv)
    mujoco.mj_differentiatePos(model, step, 1.0, start[: model.nq], end[: model.nq])
    return np.concatenate([step, end[model.nq :] - start[model.nq :]])


@pytest.mark.parametrize(("height", "tolerance"), [(1.0, 1e-3), (0.0, 0.03)])
def test_derivatives_agree_with_central_differences(character, height, tolerance):
    """In the air to a thousandth; on the ground, where forces bend, nearly so."""
    model = build_model(character, Scene())
    data, rng = mujoco.MjData(model), np.random.default_rng(0)
    data.qpos[2] += height
    data.qvel[:] = 0.2 * rng.normal(size=model.nv)
    ctrl = 0.1 * rng.normal(size=model.nu)
    data.ctrl[:] = ctrl
    # Settled on the soles before anything is differentiated.
    mujoco.mj_step(model, data, 20)
    state = np.empty(mujoco.mj_stateSize(model, FULL))
    mujoco.mj_getState(model, data, state, FULL)
    A, B = StepDerivatives(model)(state[None], ctrl[None], 0)

    for trial in range(6):
        direction = rng.normal(size=2 * model.nv)
        push = rng.normal(size=model.nu)
        if trial < 3:
            push[:] = 0.0
        else:
            direction[:] = 0.0
        ends = [
            after_a_control_step(model, data, state, ctrl + sign * push, sign * direction) for sign in (-1e-5, 1e-5)
        ]
        measured = tangent(model, *ends) / 2e-5
        predicted = A[0] @ direction + B[0] @ push
        assert np.linalg.norm(predicted - measured) < tolerance * np.linalg.norm(measured)


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_a_contact_that_a_perturbation_closes_is_no_slope(side):
    """A ball that goes at 2 m/s is nearer to a wall than a perturbation: towards it, it bounces; away, it goes on."""
    model = mujoco.MjModel.from_xml_string(
        f"<mujoco><option gravity='0 0 0'/><worldbody><geom type='plane' size='1 1 1' zaxis='0 0 {-side}'/>"
        "<body><freejoint/><geom type='sphere' size='.1'/></body></worldbody></mujoco>"
    )
    data = mujoco.MjData(model)
    data.qpos[2] = before = -side * (0.1 + 0.5 * DIFFERENCE)
    data.qvel[2] = 2.0 * side
    towards, nothing = np.empty((12, 12)), np.empty((12, 0))
    mujoco.mjd_transitionFD(model, data, side * DIFFERENCE, False, towards, nothing, None, None)
    assert np.abs(towards).max() > JUMP
    free = np.eye(12)
    free[:6, 6:] += model.opt.timestep * np.eye(6)
    A, B = differentiate_step(model, data)
    np.testing.assert_allclose(A, free, atol=1e-6)
    assert B.shape == (12, 0) and data.qpos[2] == before


def test_two_threads_derive_the_same(character):
    model = build_model(character, Scene())
    data, states, ctrl = mujoco.MjData(model), [], np.zeros((3, model.nu))
    for _ in range(3):
        mujoco.mj_step(model, data, 5)
        states.append(np.empty(mujoco.mj_stateSize(model, FULL)))
        mujoco.mj_getState(model, data, states[-1], FULL)
    for one, two in zip(
        StepDerivatives(model)(np.array(states), ctrl, 0),
        StepDerivatives(model, 2)(np.array(states), ctrl, 0),
        strict=True,
    ):
        np.testing.assert_array_equal(one, two)


BALL = mujoco.MjModel.from_xml_string(
    "<mujoco><worldbody><geom type='plane' size='1 1 1'/><body name='ball'><joint name='up' type='slide' axis='0 0 1'/>"
    "<geom type='sphere' size='.1'/></body></worldbody><actuator><position joint='up' kp='50'/></actuator></mujoco>"
)


def ball_state(height: float, speed: float = 0.0) -> np.ndarray:
    data, state = mujoco.MjData(BALL), np.empty(mujoco.mj_stateSize(BALL, FULL))
    data.qpos[0], data.qvel[0] = 0.1 + height, speed
    mujoco.mj_getState(BALL, data, state, FULL)
    return state[None]


@pytest.mark.parametrize(
    ("before", "after", "kept"),
    [
        ((0.5, 0.0, 0.0), (0.5 + 0.9 * SAME_POSE, 0.9 * SAME_SPEED, 0.9 * SAME_TARGET), True),
        ((0.5, 0.0, 0.0), (0.5 + 1.1 * SAME_POSE, 0.0, 0.0), False),
        ((0.5, 0.0, 0.0), (0.5, 1.1 * SAME_SPEED, 0.0), False),
        ((0.5, 0.0, 0.0), (0.5, 0.0, 1.1 * SAME_TARGET), False),
        ((-0.001, 0.0, 0.0), (-0.0005, 0.0, 0.0), True),
        ((-0.0005, 0.0, 0.0), (0.0005, 0.0, 0.0), False),  # lifted off the ground
    ],
)
def test_a_step_that_hardly_changes_keeps_its_derivatives(before, after, kept):
    derivatives, marked = StepDerivatives(BALL), 7
    derivatives(ball_state(*before[:2]), np.full((1, 1), before[2]), marked)
    for step in derivatives._known.values():
        step.A[:], step.B[:] = 5.0, 6.0  # unlike any that are computed
    state, ctrl = ball_state(*after[:2]), np.full((1, 1), after[2])
    A, B = derivatives(state, ctrl, marked)
    assert (A == 5.0).all() == kept and (B == 6.0).all() == kept
    if not kept:
        for found, expected in zip((A, B), StepDerivatives(BALL)(state, ctrl, 0), strict=True):
            np.testing.assert_array_equal(found, expected)


def test_kept_derivatives_are_of_their_own_step_and_state():
    """They do not wander off by small changes, are nobody's to change, and go when their step is out of sight."""
    derivatives, ctrl = StepDerivatives(BALL), np.zeros((2, 1))
    known, _ = derivatives(np.concatenate([ball_state(0.5), ball_state(0.0)]), ctrl, 0)
    known[:] = 3.0
    for height in (0.5 + 0.8 * SAME_POSE, 0.5 + 1.6 * SAME_POSE):
        derivatives(ball_state(height), ctrl[:1], 0)
    assert derivatives._known[0].qpos[0] == pytest.approx(0.6 + 1.6 * SAME_POSE), "far from the first, so new"
    assert not (derivatives(ball_state(0.5 + 1.6 * SAME_POSE), ctrl[:1], 0)[0] == 3.0).any()
    assert list(derivatives._known) == [0], "step 1 is out of sight"


def test_target_derivatives_agree_with_the_environments_targets(character, squat):
    env = ImitationEnv(Task(character, squat), EnvConfig(action_scale=1.0), 1)
    env.start(np.array([10]))
    rng = np.random.default_rng(0)
    pose = env.qpos[0].copy()
    mujoco.mj_integratePos(env.model, pose, 0.4 * rng.normal(size=env.model.nv), 1.0)
    env.qpos[0] = pose
    none = np.zeros((1, env.action_size))
    before = env.targets(none)[0]
    found = target_derivatives(env.joints, pose[None], env.reference.qpos[11:12])[0]
    for _ in range(5):
        direction = rng.normal(size=env.model.nv)
        moved = pose.copy()
        mujoco.mj_integratePos(env.model, moved, 1e-6 * direction, 1.0)
        env.qpos[0] = moved
        np.testing.assert_allclose(found @ direction, (env.targets(none)[0] - before) / 1e-6, atol=1e-4)


@pytest.mark.parametrize(("sunk", "kind"), [(0.0, "flat"), (0.03, "flat"), (0.0, "box")])
def test_gradient_of_the_cost_agrees_with_differences(character, squat, sunk, kind):
    """Also where the feet are in the ground, and with a box that is pushed."""
    tracker = Tracker(Task(character, squat, Scene(kind)), QUICK)
    env, cost = tracker.env, tracker.cost
    env.start(np.full(env.num_envs, 5))
    rng = np.random.default_rng(0)
    pose, speed = env.all_qpos[0].copy(), env.all_qvel[0] + rng.normal(size=env.model.nv)
    pose[2] -= sunk
    # Small: a rotation's difference is differentiated as a small one.
    mujoco.mj_integratePos(env.model, pose, 0.02 * rng.normal(size=env.model.nv), 1.0)
    n, m = 2 * env.model.nv, env.action_size
    model_of_cost = cost.expand(
        np.array([5, 6]),
        pose[None].repeat(2, 0),
        speed[None].repeat(2, 0),
        np.zeros((1, m)),
        np.eye(n)[None],
        np.zeros((1, n, m)),
    )
    direction = rng.normal(size=n)
    values = []
    for sign in (-1e-5, 1e-5):
        moved = pose.copy()
        mujoco.mj_integratePos(env.model, moved, sign * direction[: env.model.nv], 1.0)
        state = env.state()
        state["batch"][:, 1 : 1 + env.model.nq] = moved
        state["batch"][:, 1 + env.model.nq : 1 + env.model.nq + env.model.nv] = speed + sign * direction[env.model.nv :]
        env.restore(state)
        values.append(cost.of_states()[0])
    assert model_of_cost.lx[0] @ direction == pytest.approx((values[1] - values[0]) / 2e-5, rel=0.03)


@pytest.fixture(scope="module")
def tracking(character, squat) -> Tracking:
    return track_motion(Task(character, squat), QUICK)


@pytest.fixture(scope="module")
def draft(tracking) -> Draft:
    return tracking.draft


def test_a_squat_is_performed_in_simulation(tracking, draft, squat):
    assert tracking.metrics["draft_completed"] == 1.0
    assert tracking.metrics["draft_return"] > 0.95
    assert len(draft.rollout.qpos) == len(squat.qpos)
    assert tracking.metrics["penetration_p95_mm"] < 20.0
    assert draft.verdict.feasible.all()
    assert set(draft.verdict.reason) == {""}


def test_before_a_box_it_controls_what_it_sees_of_the_box(character, squat):
    """The feedback has the box's columns, and the draft is what the same controls do in an ordinary environment."""
    short = replace(squat, qpos=squat.qpos[:8], contacts=squat.contacts[:8])
    task = Task(character, short, Scene("box"))
    draft = track_motion(task, QUICK).draft
    steps, nv = len(draft.controls), character.model.nv + 6
    assert draft.gains.shape == (steps, task.model.nu, 2 * nv) and draft.qvel.shape == (steps + 1, nv)
    env = ImitationEnv(task, EnvConfig(action_scale=1.0), 1)
    env.start(np.array([0]))
    for t, control in enumerate(draft.controls):
        np.testing.assert_allclose(env.all_qpos[0], draft.rollout.all_qpos[t], atol=1e-6)
        env.step(control[None])


def test_its_controls_are_a_policys_actions(character, squat, draft):
    """The same offsets, played into an ordinary environment, give the same motion."""
    env = ImitationEnv(Task(character, squat), EnvConfig(action_scale=0.25), 1)
    env.start(np.array([0]))
    for t, control in enumerate(draft.controls):
        env.step(control[None] / 0.25)
        np.testing.assert_allclose(env.qpos[0], draft.rollout.qpos[t + 1], atol=1e-9)


def test_its_controls_jitter_less_than_with_controls_that_cost_next_to_nothing(character, squat, draft):
    """A policy cannot learn from a state what is noise from one step to the next."""
    config = replace(QUICK, cost=replace(QUICK.cost, control=0.0002))
    cheap = track_motion(Task(character, squat), config).draft

    def jitter(controls: np.ndarray) -> float:
        return float(np.square(np.diff(controls, n=2, axis=0)).mean())

    assert jitter(draft.controls) < 0.4 * jitter(cheap.controls)


def test_its_feedback_leads_back_after_a_push(character, squat, draft):
    """Pushed backwards at the first frame, it ends nearer to the reference with feedback than with controls alone."""
    lost = []
    for feedback in (False, True):
        env = ImitationEnv(Task(character, squat), EnvConfig(action_scale=1.0), 1)
        env.start(np.array([0]))
        env.qvel[0, 0] -= 0.2
        outcome = None
        for t, control in enumerate(draft.controls):
            pose = env.joints.difference(draft.rollout.qpos[t : t + 1], env.qpos)[0]
            away = np.concatenate([pose, env.qvel[0] - draft.qvel[t]])
            outcome = env.step((control + (draft.gains[t] @ away if feedback else 0.0))[None])
        assert outcome is not None
        lost.append(1.0 - outcome.reward[0])
    assert lost[1] < 0.5 * lost[0]


@pytest.mark.parametrize(("second", "kept"), [(0.99, 0.99), (0.95, 0.98)])
def test_a_cycle_that_is_not_followed_is_tried_with_a_heavier_root(
    character, squat, tracking, monkeypatch, second, kept
):
    """The better return is kept; what is followed, or no cycle, is not tried again."""
    tried: list[float] = []

    def pretend(task, config, progress):
        heavy = config.cost.root == 20.0
        tried.append(config.cost.root)
        metrics = {"feasible": 0.85, "draft_completed": 1.0, "draft_return": second if heavy else 0.98}
        return replace(tracking, metrics=metrics)

    monkeypatch.setattr("imitate.tracking.track.perform", pretend)
    task = Task(character, replace(squat, loop=True))
    assert track_motion(task, QUICK).metrics["draft_return"] == kept and tried == [5.0, 20.0]
    track_motion(task, replace(QUICK, least_followed=0.8))
    track_motion(Task(character, squat), QUICK)
    assert tried == [5.0, 20.0, 5.0, 5.0]


@pytest.mark.parametrize(
    ("completed", "feasible", "loop", "changed"),
    [
        (1.0, 0.9, False, {}),
        (1.0, 0.89, False, {"horizon": 15}),
        (0.0, 0.95, False, {"horizon": 15}),
        (0.0, 0.5, True, {"horizon": 15}),
        (1.0, 0.89, True, {"cost": replace(TrackConfig().cost, root=20.0)}),
        (1.0, 0.9, True, {}),
    ],
)
def test_the_second_try_is_another_one(character, squat, completed, feasible, loop, changed):
    """What falls, or is performed once and not followed, with shorter plans; a cycle with a heavier root."""
    task, metrics = Task(character, replace(squat, loop=loop)), {"draft_completed": completed, "feasible": feasible}
    config = TrackConfig()
    assert choose_second_try(task, config, metrics) == (replace(config, **changed) if changed else None)
    tried = replace(config, horizon=15, cost=replace(config.cost, root=20.0))
    assert choose_second_try(task, tried, metrics) is None, "it would be the same"


def test_a_body_that_hovers_lacks_contact(character, squat):
    hovering = replace(squat, qpos=squat.qpos + np.eye(squat.qpos.shape[1])[2] * 0.4)
    draft = track_motion(Task(character, hovering), replace(QUICK, first_iterations=1, final_iterations=0)).draft
    assert not draft.verdict.feasible.all()
    assert draft.verdict.reason[-1] == SUPPORT
    # Nothing carries it, so all of its weight is missing.
    assert np.median(draft.verdict.unsupported) == pytest.approx(1.0, abs=0.3)


def test_torque_is_blamed_where_muscles_give_all(character, squat):
    """Standing is supported; if the frames are off and a muscle was at its limit throughout, it is torque."""
    env = ImitationEnv(Task(character, squat), EnvConfig(), 1)
    saturated = np.zeros((10, env.action_size), dtype=bool)
    saturated[:, 3] = True
    verdict = find_causes(env.model, env.reference, np.linspace(0.0, 0.3, 10), saturated, False, 0.15)
    assert verdict.feasible.tolist() == [True] * 5 + [False] * 5
    assert verdict.reason[4:6] == ("", TORQUE)


def test_force_of_the_ground_stands_and_flies():
    time = np.arange(12) / CONTROL_HZ
    np.testing.assert_allclose(ground_force(np.zeros((5, 3))), np.tile([0.0, 0.0, 1.0], (5, 1)))
    flight = np.stack([2.0 * time, 0.0 * time, 3.0 * time - 0.5 * 9.81 * time**2], axis=1)
    np.testing.assert_allclose(ground_force(flight)[2:-2], 0.0, atol=1e-9)


def test_a_path_of_one_frame_is_at_rest():
    np.testing.assert_array_equal(ground_force(np.ones((1, 3))), [[0.0, 0.0, 1.0]])


def test_who_sits_on_nothing_is_carried_by_a_seat(character, squat):
    """The weight half a metre behind the feet: no muscle helps. Standing is in balance, and so is flight."""
    env = ImitationEnv(Task(character, squat), EnvConfig(), 1)
    qpos, com = env.reference.qpos[:40], env.reference.com[:40]
    assert not find_off_balance(env.model, qpos, com).any()
    assert find_off_balance(env.model, qpos, com - [0.5, 0.0, 0.0]).all()
    assert not find_off_balance(env.model, qpos + np.eye(qpos.shape[1])[2] * 0.4, com - [0.5, 0.0, 0.0]).any()
    sitting = replace(env.reference, com=env.reference.com - [0.5, 0.0, 0.0])
    strength = np.zeros((10, env.action_size), dtype=bool)
    verdict = find_causes(env.model, sitting, np.full(10, 0.3), strength, False, 0.15)
    assert set(verdict.reason) == {SEAT} and "such as a seat" in explain(verdict, 30.0)[0]


def test_the_physical_motion_stands_by_itself(draft, squat, character, tmp_path):
    """A squat is possible, so little changes: millimetres, and no force that nothing gives; both feet bear it."""
    metrics = compute_filter_metrics(draft, character)
    assert metrics["filter_mpjpe_mm"] < 15.0
    assert metrics["filter_unsupported"] < 0.05
    motion = to_physical_motion(draft, Task(character, squat))
    motion.save(tmp_path / "physical.npz")
    again = ReferenceMotion.load(tmp_path / "physical.npz")
    np.testing.assert_array_equal(again.qpos, draft.rollout.qpos)
    feet = [again.contact_names.index(name) for name in ("left_foot", "right_foot")]
    assert again.contacts[2:-2, feet].all()


def test_a_draft_is_the_same_after_a_round_trip(draft, tmp_path):
    draft.save(tmp_path / "draft.npz")
    again = Draft.load(tmp_path / "draft.npz")
    assert again.digest == draft.digest
    for name in ("controls", "qvel"):
        np.testing.assert_array_equal(getattr(again, name), getattr(draft, name))
    np.testing.assert_allclose(again.gains, draft.gains, rtol=1e-6)  # kept in float32
    assert again.rollout.reward_terms.keys() == draft.rollout.reward_terms.keys()
    np.testing.assert_array_equal(again.rollout.qpos, draft.rollout.qpos)
    for name, value in vars(draft.verdict).items():
        np.testing.assert_array_equal(getattr(again.verdict, name), value)


def test_stretches_are_explained_in_words_the_longest_first():
    reason = (FOLLOWED, TORQUE, TORQUE, FOLLOWED, SUPPORT, SUPPORT, SUPPORT)
    deviation = np.array([0.0, 0.16, 0.2, 0.0, 0.3, 0.4, 0.5])
    verdict = Verdict(np.array([not word for word in reason]), reason, deviation, 0 * deviation, 0 * deviation)
    assert explain(verdict, fps=10.0) == [
        "0.40-0.60 s: off by up to 500 mm; the reference needs a force where nothing supports it",
        "0.10-0.20 s: off by up to 200 mm; the muscles are at their limit",
    ]
    assert explain(Verdict(deviation == 0, (FOLLOWED,) * 7, deviation, deviation, deviation), 10.0) == []


@dataclass(frozen=True, eq=False)
class Fined(Task):
    """Every step costs more than the imitation can pay."""

    def compute_own_rewards(self, state: Simulated) -> dict[str, np.ndarray]:
        return {"fine": np.full(len(state.qpos), -10.0)}


def test_a_negative_reward_is_no_explosion(character, squat):
    tracker = Tracker(Fined(character, squat), QUICK)
    plan = tracker.extend(tracker.start(), 3)
    np.testing.assert_array_equal(plan.costs, Tracker(Task(character, squat), QUICK).extend(tracker.start(), 3).costs)
    better, _, improved = tracker.improve(plan, Regulariser())
    assert improved and tracker.total_cost(better) < tracker.total_cost(plan) < np.inf


def test_what_exploded_costs_most_whatever_the_reward(character, squat):
    tracker = Tracker(Fined(character, squat), QUICK)
    begin = tracker.start()
    begin.qvel[:], begin.states[:, 1 + tracker.env.model.nq + 8] = np.nan, np.nan
    assert np.isinf(tracker.total_cost(tracker.extend(begin, 1)))


def test_trajectories_are_cut_and_joined_again(character, squat):
    tracker = Tracker(Task(character, squat), QUICK)
    whole = tracker.extend(tracker.start(), 5)
    joined = whole.take(0, 2).join(whole.take(2, 5))
    assert len(whole) == 5 and whole.take(2, 5).frame == 2
    for field in fields(whole):
        np.testing.assert_array_equal(getattr(joined, field.name), getattr(whole, field.name))
    assert tracker.total_cost(joined) == tracker.total_cost(whole)
    better, _, improved = tracker.improve(whole, Regulariser())
    assert improved and tracker.total_cost(better) < tracker.total_cost(whole)


def test_who_stands_plumb_on_a_slope_is_carried_by_it(character):
    """Up a slope of 20 degrees feet are far above z = 0, and the weight is well inside of the friction cone."""
    model = build_model(character, Scene("slope", angle=20.0))
    qpos = np.tile(model.qpos0, (5, 1))
    qpos[:, 0] += 1.0
    lowest = point_positions(model, qpos, BodyPoints.of_geoms(model))[0]
    qpos[:, 2] += np.tan(np.radians(20.0)) * 1.0 - lowest[:, 2].min() + 0.02
    com = com_positions(model, qpos)
    assert compute_unsupported_force(model, qpos, com).max() < 0.01
    assert compute_unsupported_force(model, qpos + np.eye(model.nq)[2], com + [0.0, 0.0, 1.0]).min() > 0.9
