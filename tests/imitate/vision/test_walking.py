"""A person who walks over courses: planner, environment, eyes."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from imitate.env.config import EnvConfig
from imitate.env.env import ImitationEnv
from imitate.rollout import Rollout
from imitate.scene.ground import Ground
from imitate.tracking.draft import Draft
from imitate.tracking.feasibility import Verdict
from imitate.training.config import TrainConfig
from imitate.training.distill import WarmStart
from imitate.training.job import Job
from imitate.training.learner import BeforePPO
from imitate.training.loop import TrainingRun
from imitate.training.process_group import ProcessGroup
from imitate.vision import plans as plans_module
from imitate.vision import walking_course as course_module
from imitate.vision.depth_camera import CameraConfig
from imitate.vision.drafts import AFTER, BEFORE, PlanExpert, choose_segments
from imitate.vision.fitted_walk import carry_along, even_out, fit_walk, lift_along, list_feet, make_level_walk
from imitate.vision.footholds import HEEL_FREE, LONGEST, TOE_FREE, choose_footholds, rate_places
from imitate.vision.guide import ClimbStart, CourseTask, GuideConfig, GuideStart, extend_to_ground, train_guide
from imitate.vision.imitation import ImitationConfig
from imitate.vision.plans import Walk, make_plans
from imitate.vision.regression import StudentConfig
from imitate.vision.train import VisionTrainConfig, train_student, train_teacher
from imitate.vision.walking_course import KINDS, START, WalkingCourse, make_course_row, make_walking_course
from imitate.vision.walking_env import CAMERA, DOTS, GuideActor, WalkingEnv, find_head
from imitate.vision.walking_setting import WalkingSetting
from pose.errors import InputError
from reconstruct.characters.character import load_character
from reconstruct.contacts import contact_points
from reconstruct.kinematics import point_positions
from reconstruct.motion import ReferenceMotion
from sfv.skill import skills_named

FOOT = 0.27
STEPS = START + 0.64 * np.arange(14)


@pytest.fixture(scope="module")
def skill():
    return next(skill for skill in skills_named("walk") if skill.body == "humanoid")


@pytest.fixture(scope="module")
def walk(skill) -> Walk:
    return Walk.of(skill.reference, skill.character)


@pytest.fixture(scope="module")
def stairs() -> WalkingCourse:
    """Three treads of 16 cm, 2.5 m ahead of the start."""
    levels = 0.16 * np.arange(4)
    return WalkingCourse("stairs", START + 2.5 + 0.3 * np.arange(3), levels, levels)


@pytest.fixture(scope="module")
def task(skill, stairs, tmp_path_factory) -> CourseTask:
    """One course, planned from one phase."""
    folder = tmp_path_factory.mktemp("plans")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plans_module, "PHASES", 1)
        task = CourseTask(skill.character, skill.reference, courses=1, plans_folder=folder)
        task.__dict__["row"] = replace(task.row, courses=(stairs,))
        assert len(task.plans.first) == 1
    return task


def stand(ground: Ground, heels: np.ndarray) -> np.ndarray:
    return rate_places(ground, heels, FOOT)[0]


def test_courses_are_seeded_and_in_range():
    row = make_course_row(30, 4)
    again = make_course_row(33, 4)
    for one, same in zip(row.courses, again.courses, strict=False):
        np.testing.assert_array_equal(one.edges, same.edges)
    assert (row.courses[0].edges[:4] != make_course_row(1, 5).courses[0].edges[:4]).any()
    for begin, course in zip(row.begins, row.courses, strict=False):
        x = np.linspace(0.0, course.goal, 200)
        there, own = (np.stack([along, np.zeros(200)], axis=-1) for along in (begin + x, x))
        np.testing.assert_array_equal(row.ground.height(there), course.ground.height(own))
        first = course.edges[0] - START
        assert course_module.APPROACH[0] <= first <= course_module.APPROACH[1]
        if course.kind == "stairs":
            rises, treads = np.diff(course.levels), np.diff(course.edges)
            assert (rises >= 0.12).all() and (rises <= 0.17).all() and np.ptp(rises) < 1e-9
            assert (treads >= 0.27).all() and (treads <= 0.33).all()
        else:
            gaps = [
                b - a for (a, b), level in zip(pairwise(course.edges), course.levels[1:], strict=False) if level < -0.5
            ]
            assert gaps and min(gaps) >= 0.08 and max(gaps) <= 0.4
    assert set(KINDS) == {course.kind for course in row.courses}
    with pytest.raises(ValueError, match="expected stairs"):
        make_walking_course("ladder", np.random.default_rng(0))


def test_on_level_ground_the_walks_own_footholds_are_kept():
    found = choose_footholds(Ground(edges=np.array([99.0]), levels=np.zeros(2), bridged=np.zeros(2)), STEPS, FOOT)
    np.testing.assert_allclose(np.diff(found), 0.64, atol=0.021)


def test_no_foot_is_set_into_a_gap_and_a_gap_too_wide_is_refused():
    levels = np.array([0.0, -1.0, 0.0])
    for begin in START + np.linspace(2.0, 2.6, 7):
        ground = Ground(edges=np.array([begin, begin + 0.4]), levels=levels, bridged=np.zeros(3))
        heels = choose_footholds(ground, STEPS, FOOT)
        assert np.isfinite(stand(ground, heels)).all() and (np.diff(heels) <= LONGEST).all()
        over = (heels + HEEL_FREE < begin + 0.399) & (heels + FOOT - TOE_FREE > begin + 0.001)
        assert not over.any()
    wide = Ground(edges=np.array([5.0, 6.2]), levels=levels, bridged=np.zeros(3))
    with pytest.raises(ValueError, match="no way"):
        choose_footholds(wide, np.concatenate([STEPS, STEPS[-1] + 0.64 * np.arange(1, 40)]), FOOT)


def test_stairs_are_climbed_tread_by_tread(stairs):
    heels = choose_footholds(stairs.ground, STEPS, FOOT)
    tops = rate_places(stairs.ground, heels, FOOT)[1]
    rises = np.diff(tops)
    assert np.isfinite(stand(stairs.ground, heels)).all()
    np.testing.assert_allclose(rises[rises > 0.0], 0.16)
    assert tops[-1] == pytest.approx(0.48)
    steps = np.diff(heels)
    climbing = steps[np.flatnonzero(rises)[1:]]
    assert climbing[0] < 0.45 and steps[:2].min() > 0.5  # shorter there, not before


def test_a_body_follows_its_footholds_as_a_pendulum(walk):
    """d - d'' / w^2 = m away from a step of m; half of it is done when the step comes."""
    level = make_level_walk(walk.cycle, walk.character, 6.0)
    count = len(level.footfalls)
    np.testing.assert_allclose(carry_along(level, np.full(count, 0.3)), 0.3, atol=1e-9)
    ahead = np.where(np.arange(count) < count // 2, 0.0, -0.2)
    moved = carry_along(level, ahead)
    omega = np.sqrt(9.81 / level.frames[0, 2])
    second = np.diff(moved, 2) * 30.0**2
    borne = moved[1:-1] - second / omega**2
    assert borne.min() > -0.21 and borne.max() < 0.01 and (np.diff(moved) <= 1e-12).all()
    fall = level.footfalls[count // 2]
    middle = (level.footfalls[count // 2 - 1].end + fall.start) // 2
    assert moved[middle] == pytest.approx(-0.1, abs=0.02)
    np.testing.assert_allclose(borne[: fall.start - 3], 0.0, atol=0.004)


def test_a_body_rises_by_the_leg_that_bears(walk):
    """A tenth of a tread when the foot comes to rest on it, 65 % midway to the next one's rest, all of it then."""
    level = make_level_walk(walk.cycle, walk.character, 6.0)
    falls, count = level.footfalls, len(level.footfalls)
    k = count // 2
    risen = lift_along(level, np.where(np.arange(count) < k, 0.0, 0.16))
    assert (np.diff(risen) >= -1e-12).all() and risen[0] == 0.0 and risen[-1] == pytest.approx(0.16)
    begin, then = falls[k].start, falls[k + 1].start
    shares = risen[[falls[k - 1].start - 8, begin, (begin + then) // 2, then + 8]] / 0.16
    np.testing.assert_allclose(shares, [0.0, 0.1, 0.65, 1.0], atol=0.06)


def test_short_steps_do_not_sway_and_long_ones_do(walk):
    level = make_level_walk(walk.cycle, walk.character, 6.0)
    count, time = len(level.footfalls) - 1, np.arange(len(level.frames))
    ahead = 0.02 * time
    way = np.stack([ahead, 0.03 * np.sin(2.0 * np.pi * time * (2 * count) / (2 * len(time)))], axis=1)
    np.testing.assert_allclose(even_out(level, way, np.ones(count)), way, atol=1e-12)
    even = even_out(level, way, np.zeros(count))
    np.testing.assert_allclose(even[:, 0], ahead, atol=1e-9)
    assert np.abs(even[30:-30, 1]).max() < 0.003


def test_feet_rest_on_treads_and_pass_over_edges(walk, stairs):
    level = make_level_walk(walk.cycle, walk.character, 12.0)
    qpos, heels = fit_walk(level, stairs.ground, START, stairs.goal)
    soles = point_positions(walk.character.model, qpos, contact_points(walk.character))
    feet = soles[:, : 2 * len(level.feet)]
    depth = feet[..., 2] - stairs.ground.height(feet[..., :2])
    assert depth.min() > -0.03
    for fall, heel in zip(level.footfalls, heels, strict=False):
        middle = (fall.start + fall.end) // 2
        points = soles[middle, level.feet[fall.foot]]
        assert points[0, 0] == pytest.approx(heel, abs=0.03)
        assert abs(points[1, 2] - stairs.ground.height(points[1, :2])) < 0.015
    assert qpos[-1, 2] - qpos[0, 2] == pytest.approx(0.48, abs=0.05)
    speed = 30.0 * np.diff(qpos[:, [0, 2]], axis=0)
    assert speed[:, 0].min() > 0.1  # not back at every tread, as legs that are held to their angles would have it
    assert np.abs(speed[:, 1]).max() < 0.9


def test_only_a_cycle_that_goes_ahead_can_learn_to_see(skill):
    once = replace(skill.reference, loop=False)
    with pytest.raises(InputError, match="passed once"):
        Walk.of(once, skill.character)
    still = skill.reference.qpos.copy()
    still[:, :2] = 0.0
    with pytest.raises(InputError, match="does not go ahead"):
        Walk.of(ReferenceMotion(**{**vars(skill.reference), "qpos": still}), skill.character)


def test_a_walk_that_no_plan_takes_ahead_and_a_body_without_a_head_are_refused(walk, task, tmp_path, monkeypatch):
    monkeypatch.setattr(plans_module, "LONGEST", 3.0)  # as a walk that is too slow
    with pytest.raises(InputError, match=r"^amble: no plan leads over course 1, stairs: .*; it goes 1\.\d m/s"):
        make_plans(walk, task.row, tmp_path, name="amble")
    assert not list(tmp_path.iterdir())
    g1 = load_character("g1")
    assert len(list_feet(g1)) == 2
    with pytest.raises(InputError, match="no part called head"):
        find_head(g1.model)


def make_env(task: CourseTask, camera: CameraConfig | None = None) -> WalkingEnv:
    env = WalkingEnv(task, EnvConfig(pose_noise=0.0, velocity_noise=0.0), 2, 0, camera)
    env.start(np.arange(2), np.random.default_rng(0))
    return env


def test_scandots_are_heights_above_the_lower_sole(task):
    env = make_env(task)
    first = task.plans.first
    env.start_on(np.repeat(first, 2), np.arange(2), np.random.default_rng(0))
    assert (env.step_of_cycle == task.plans.step[first]).all() and (np.abs(env.progress) < 0.01).all()
    seen = env.observe()
    root = env.sim.qpos[0]
    x = root[0] + DOTS[:, 0]
    sole = root[2] - env.find_height(np.arange(2))[0]
    wanted = task.ground.height(np.stack([x, np.zeros_like(x)], axis=-1)) - sole
    np.testing.assert_allclose(seen[0, env.first_dot :], np.clip(wanted, -0.5, 0.5), atol=1e-5)
    env.sim.all_qpos[1, 1] += 0.1  # aside the ground is the same
    env.sim._batch.forward(stage=0)
    np.testing.assert_allclose(env.observe()[1, env.first_dot :], seen[1, env.first_dot :], atol=1e-6)


def test_the_guide_as_actions_around_the_level_walk_is_what_it_does_along_the_plan(task, skill):
    env = make_env(task)
    guide = extend_to_ground(skill.plain_policy)
    wanted = env.sim.targets(guide.act(env.sim.observe()))
    action = GuideActor(env, guide).act(env.observe())
    np.testing.assert_allclose(env.level_targets(action), wanted, atol=1e-6)


def test_who_is_late_follows_a_nearer_plan_and_who_falls_is_done(task):
    env = make_env(task)
    plans = task.plans
    frame = int(plans.first[0]) + 5
    near, apart = plans.find_nearest(np.zeros(1, int), plans.step[[frame]], plans.feet[[frame]] + 0.001)
    assert near.tolist() == [frame] and apart[0] < 0.002
    env.sim.all_qpos[0, 2] = 0.3
    assert env.has_fallen().tolist() == [True, False]
    env.sim.all_qpos[1, 0] = env.row.goals[0] + 0.1
    assert env.has_arrived.tolist() == [False, True]


def make_draft(task: CourseTask, env: ImitationEnv) -> tuple[int, Draft]:
    """A draft of 50 steps that falls, and its first frame."""
    reference, first = env.reference, int(choose_segments(task.plans, task.row, 1)[0][0])
    poses, steps = reference.qpos[first : first + 51], 50
    rollout = Rollout(poses, poses, {"pose": np.zeros(51)}, True, 30.0)
    sound = Verdict(np.ones(51, dtype=bool), ("",) * 51, *np.zeros((3, 51)))
    controls, gains = np.full((steps, env.action_size), 0.1), np.zeros((steps, env.action_size, 2 * env.body.nv))
    return first, Draft(rollout, sound, controls, reference.qvel[first : first + 51], gains)


def test_what_led_to_a_drafts_fall_is_not_imitated(task, skill):
    """A draft of 50 steps that falls counts for 20; on level ground the skill is right, on other stairs nobody."""
    env = ImitationEnv(task, EnvConfig(), 3)
    first, draft = make_draft(task, env)
    policy = extend_to_ground(skill.plain_policy)
    expert = PlanExpert([(first, draft)], policy, task.plans, task.row, env)
    assert np.flatnonzero(expert.covered).tolist() == list(range(first, first + 20))
    env.start(np.array([first + 5, first + 25, int(task.plans.first[0])]))
    label, weight = expert.label(env)
    np.testing.assert_allclose(weight, [1.0, 0.0, 1.0], atol=1e-6)
    np.testing.assert_allclose(label[0], 0.1 / env.config.action_scale, rtol=1e-6)
    np.testing.assert_allclose(label[2], policy.act(env.observe())[2], atol=1e-6)


def test_imitating_drafts_is_a_warm_start_like_any_other(task, skill, tmp_path):
    options = TrainConfig(num_envs=4, num_steps=4, workers=1, hidden_sizes=skill.plain_policy.layout.hidden).resolve()
    drafts = (make_draft(task, ImitationEnv(task, EnvConfig(), 1)),)
    for given, imitates in ((drafts, True), ((), False)):
        start = GuideStart(skill.plain_policy, given)
        run = TrainingRun(Job(task, options, tmp_path, start=start), ProcessGroup())
        assert isinstance(run.learner, WarmStart) == imitates
        assert run.handover == (options.distill.samples if imitates else 0)
        assert isinstance(run.learner, BeforePPO) and run.learner.ppo.ppo.keep_normaliser == imitates


def test_half_of_the_guides_episodes_begin_on_stairs(task, stairs):
    starts = ClimbStart(task)
    frames = starts.choose(4000, np.random.default_rng(0)).frames
    x = task.plans.reference.qpos[frames, 0] - task.row.begins[0]
    on = (x >= stairs.edges[0] - BEFORE) & (x <= stairs.edges[-1] + AFTER)
    own = len(starts.climbs) / starts.frames
    assert 0.1 < own < 0.6 and on.mean() == pytest.approx(0.5 + own / 2.0, abs=0.03)


@pytest.mark.slow
def test_a_guide_learns_whole_but_tiny(task, skill, tmp_path, monkeypatch):
    monkeypatch.setattr(plans_module, "PHASES", 1)
    options = GuideConfig(samples=64, num_envs=4, drafts=0)
    guide = train_guide(skill.plain_policy, task, options, tmp_path)
    assert "ground" in guide.layout.observation


def test_teacher_and_student_learn_one_from_the_other(task, skill, tmp_path):
    """Both, whole but tiny; the same call again learns nothing more."""
    setting = WalkingSetting(task, extend_to_ground(skill.plain_policy))
    layout = replace(setting.make_env(1, 0).make_layout("true"), memory=4, hidden=(4,))
    camera = CameraConfig(rows=26, columns=30, place=CAMERA.place, pitch_degrees=48.0, far=4.0)
    config = VisionTrainConfig(
        layout=layout,
        imitation=ImitationConfig(samples=16, updates=1, sequences=2),
        samples=0,
        num_envs=2,
        num_steps=8,
        camera=camera,
        student=StudentConfig(samples=16, num_envs=2, num_steps=8, updates=1, sequences=2),
    )
    teacher = train_teacher(config, tmp_path, setting=setting)
    student = train_student(config, teacher, tmp_path, setting=setting)
    assert student.layout.body == "humanoid" and student.camera == camera
    again = train_student(config, train_teacher(config, tmp_path, setting=setting), tmp_path, setting=setting)
    for one, same in zip(student.state_dict().values(), again.state_dict().values(), strict=True):
        np.testing.assert_array_equal(one, same)


def test_eyes_on_the_head_see_the_stairs(task):
    """Every point of the picture lies on the ground, seen from where the head is."""
    env = make_env(task, CAMERA)
    assert env.eyes.camera is not None
    place, rotation = env.head_pose()
    depth = env.eyes.camera.see(place, rotation)[0]
    rays = CAMERA.rays() @ rotation[0].T
    points = place[0] + rotation[0] @ np.array(CAMERA.place) + depth[..., None] * rays
    inside = depth < CAMERA.far - 0.01
    above = np.abs(points[..., 2] - task.ground.height(points[..., :2]))[inside]
    assert inside.mean() > 0.6 and np.quantile(above, 0.9) < 0.03
    for _ in range(8):
        env.step(np.zeros((2, env.sim.action_size)))
    assert env.eyes.pictures.any()


def test_a_state_continues(task):
    env = make_env(task)
    state = env.state()

    def go(env: WalkingEnv) -> np.ndarray:
        for _ in range(4):
            env.step(np.zeros((2, env.sim.action_size)))
        return env.sim.qpos.copy()

    wanted = go(env)
    other = make_env(task)
    other.restore(state)
    np.testing.assert_array_equal(go(other), wanted)
