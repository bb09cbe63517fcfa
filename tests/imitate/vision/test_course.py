from dataclasses import replace

import numpy as np
import pytest

from imitate.locomotion.dynamics import NOMINAL
from imitate.locomotion.robot import STAND
from imitate.locomotion.terrain import Terrain, make_course
from imitate.vision.course import KINDS, LENGTH, WIDTH, Course, make_lanes
from imitate.vision.depth_camera import CameraConfig
from imitate.vision.env import EXTRINSICS_SIZE, SENSED_SIZE, CourseConfig, CourseEnv
from imitate.vision.scandots import DOTS, read_scandots
from imitate.vision.walker import TOUCH, FootholdMap, Walker, make_goals, share_force
from reconstruct import rotations

pytestmark = pytest.mark.usefixtures("go1")
CAMERA = CameraConfig(rows=6, columns=8)


@pytest.fixture(scope="module")
def course():
    return make_lanes((0.0, 0.5), 3)


@pytest.fixture
def env(course) -> CourseEnv:
    env = CourseEnv(course, CourseConfig(ranges=NOMINAL), 8, 0, CAMERA)
    env.start(np.arange(8), np.random.default_rng(0))
    return env


def test_lanes_are_the_courses_of_their_kind_and_level(course):
    for lane in range(course.lanes):
        kind, level = KINDS[lane // 2], course.levels[lane % 2]
        alone = make_course(kind, level, 3000 + lane % 2, LENGTH, WIDTH)
        xy = np.random.default_rng(lane).uniform([-7.9, -1.1], [7.9, 1.1], (50, 2))
        moved = xy + [0.0, course.middle(np.array(lane))]
        np.testing.assert_allclose(course.terrain.height(moved), alone.height(xy), atol=1e-9)
    np.testing.assert_array_equal(course.terrain.heights, make_lanes((0.0, 0.5), 3).terrain.heights)
    assert (course.terrain.heights != make_lanes((0.0, 0.5), 4).terrain.heights).any()


def test_robots_start_level_on_their_lanes(env, course):
    np.testing.assert_allclose(env.qpos[:, 1], course.middle(env.lane), atol=0.31)
    assert not env.has_fallen().any() and not env.has_arrived.any()
    np.testing.assert_allclose(env.qpos[:, 7:], np.tile(STAND, (8, 1)), atol=0.15)


def test_observation_ends_with_the_scandots(env):
    env.step(np.zeros((8, 12)))
    seen = env.observe()
    assert seen.shape == (8, SENSED_SIZE + EXTRINSICS_SIZE + len(DOTS))
    dots = read_scandots(env.terrain, env.qpos[:, :3], rotations.yaw(env.qpos[:, 3:7]))
    np.testing.assert_allclose(seen[:, -len(DOTS) :], dots, atol=1e-6)
    np.testing.assert_allclose(env.read_dots(np.array([2]), np.zeros((1, 2))), dots[[2]])


def test_pictures_show_the_moment_they_were_taken(env):
    """Ten pictures a second, each that of the robot's pose when it was due; it has moved on when they arrive."""
    arrived = 0
    for _ in range(50):
        env.step(np.zeros((8, 12)))
        arrived += int(env.eyes.is_new.sum())
    assert env.eyes.camera is not None
    assert arrived == pytest.approx(80, abs=8)
    env.eyes.schedule.next[:], env.eyes.schedule.arrival[:] = 9.0, np.inf
    env.eyes.schedule.next[3] = env.clock
    env.eyes.schedule.config = replace(CAMERA, latency=(0.02, 0.02))
    before = env.eyes.camera.see(env.qpos[[3], :3], env.rotation[[3]])[0]
    env.eyes.is_new[:] = False
    env.eyes.look(env.clock, env.qpos[:, :3], env.rotation, env.rng)
    assert not env.eyes.is_new.any()
    env.qpos[3, 2] += 0.3  # between the picture's moment and its arrival
    after = env.eyes.camera.see(env.qpos[[3], :3], env.rotation[[3]])[0]
    env.clock += 0.02
    env.eyes.look(env.clock, env.qpos[:, :3], env.rotation, env.rng)
    assert np.flatnonzero(env.eyes.is_new).tolist() == [3]
    kept = env.eyes.pictures[3] > 0.0
    np.testing.assert_allclose(env.eyes.pictures[3][kept], before[kept], rtol=0.06)  # six times its noise
    assert (np.abs(after - before)[kept] > 0.2).any()


def test_falls_by_hand(env):
    env.qpos[0, 3:7] = [np.cos(0.5), np.sin(0.5), 0.0, 0.0]  # rolled by 1 rad
    env.qpos[1, 2] = 0.06
    env.qpos[2, 1] += 1.2
    assert env.has_fallen().tolist() == [True, True, True] + [False] * 5
    env.qpos[3, 0] = 7.5
    assert env.has_arrived[3]


def test_curriculum_goes_up_and_down(env):
    env.lane[:] = [0, 1, 2, 3, 4, 5, 6, 7]
    env.begin_xy[:, 0] = -7.5
    env.qpos[:, 0] = [1.0, 1.0, -7.0, -7.0, -2.0, -2.0, 1.0, -7.0]  # far, far, near, near, middling, ...
    env.change_levels(np.arange(8))
    assert env.lane[0] == 1 and env.lane[1] in (0, 1) and env.lane[2:].tolist() == [2, 2, 4, 5, 7, 6]


def test_a_state_continues_bit_for_bit(course, env):
    def go(env: CourseEnv) -> np.ndarray:
        for _ in range(8):
            env.step(np.zeros((8, 12)))
        return np.concatenate([env.qpos.ravel(), env.eyes.pictures.ravel()])

    go(env)
    state = env.state()
    expected = go(env)
    other = CourseEnv(course, CourseConfig(ranges=NOMINAL), 8, 5, CAMERA)
    other.restore(state)
    np.testing.assert_array_equal(go(other), expected)


def test_forces_add_up_to_what_is_wished():
    """Four feet can make any small force and moment, to a tenth (regularisation); what cannot be pulled is not."""
    arm = np.array([[[0.2, -0.1, -0.3], [0.2, 0.1, -0.3], [-0.2, -0.1, -0.3], [-0.2, 0.1, -0.3]]])
    wish = np.array([[5.0, -3.0, 120.0, 1.0, -2.0, 0.5]])
    force = share_force(wish, arm, np.ones((1, 4), dtype=bool), 300.0)[0]
    np.testing.assert_allclose(force.sum(0), wish[0, :3], rtol=0.1)
    np.testing.assert_allclose(np.cross(arm[0], force).sum(0), wish[0, 3:], atol=0.15)
    lifted = share_force(wish, arm, np.array([[True, False, False, True]]), 300.0)[0]
    assert not lifted[[1, 2]].any() and lifted[[0, 3], 2].sum() == pytest.approx(120.0, rel=0.05)
    assert not share_force(-wish, arm, np.ones((1, 4), dtype=bool), 300.0).any()


def test_the_walker_walks_and_steps_over_edges(course, env):
    """In 3 s on the easy lanes: ahead, upright, and no foot in a pit."""
    ground, walker, goals = FootholdMap(course.terrain), Walker(), make_goals(env.num_envs)
    env.running = np.array([0, 2, 4, 6])
    lowest, loads = 0.0, 0
    for _ in range(150):
        env.step(walker.act(env, ground, goals))
        loaded = env.force[2] > TOUCH
        lowest, loads = min(lowest, env.feet[2, loaded, 2].min(initial=0.0)), loads + int(loaded.sum())
    easy = env.running
    assert (env.distance[easy] > 0.6).all() and not env.has_fallen()[easy].any()
    assert (
        loads > 100 and lowest > -0.1
    )  # of the feet on the ground; the pits between the stones are deeper than half a metre
    start = course.start(np.array([2]))[0]
    way = start + np.stack([np.linspace(0.0, 4.0, 400), np.zeros(400)], axis=1)
    pits = course.terrain.height(way) < -0.5
    assert pits.any() and (ground.read_cost(way[pits]) > 0.0).all()
    assert ground.read_cost(start) == 0.0


def test_a_foot_between_two_stones_keeps_its_goal():
    """A pit under where FR would step, stones equally far to both sides: it goes on to the one it was going to."""
    heights = np.full((101, 101), -0.6)
    course = Course(Terrain(heights, 0.04), (0.0,), ("stones",))
    env = CourseEnv(course, CourseConfig(ranges=NOMINAL), 1, 0)
    env.start(np.arange(1), np.random.default_rng(0))
    env.qvel[:], env.qpos[0, :7] = 0.0, [0.0, 0.0, 0.3, 1.0, 0.0, 0.0, 0.0]
    walker, wanted, swing = Walker(), np.zeros((1, 2)), np.array([[0.5, 1.0, 1.0, 1.0]])
    feet = np.array([[[0.188, -0.127, 0.1], [0.188, 0.127, 0.0], [-0.188, -0.127, 0.0], [-0.188, 0.127, 0.0]]])
    for x in (0.36, 0.04):  # stones around FR's place, 16 cm ahead and behind of it
        rows, columns = round((x + 2.0) / 0.04), round((-0.127 + 2.0) / 0.04)
        heights[columns - 2 : columns + 3, rows - 2 : rows + 3] = 0.0
    ground = FootholdMap(Terrain(heights, 0.04))
    for x in (0.36, 0.04):
        goals = make_goals(1)
        goals[0, 0] = [x, -0.127]
        chosen = walker._choose(env, ground, goals, swing, feet, wanted)[0, 0]
        assert chosen[0] == pytest.approx(x, abs=0.09) and chosen[2] == pytest.approx(0.0)
        assert np.isfinite(goals[0, 0]).all() and np.isnan(goals[0, 1:]).all()  # of those that stand, nothing


def test_the_walker_goes_aside_to_where_both_feet_find_ground():
    """Two rails at its feet's distance, 12 cm to the left of where it walks; on level ground it goes straight on."""
    heights = np.zeros((101, 201))
    env = CourseEnv(Course(Terrain(heights, 0.04), (0.0,), ("stones",)), CourseConfig(ranges=NOMINAL), 1, 0)
    env.start(np.arange(1), np.random.default_rng(0))
    env.qpos[0, :3] = [0.0, 0.0, 0.3]
    assert Walker()._steer(env, FootholdMap(env.terrain))[0] == 0.0
    rails = np.full((101, 201), -0.6)
    for y in (0.12 - 0.127, 0.12 + 0.127):
        row = round((y + 2.0) / 0.04)
        rails[row - 1 : row + 2] = 0.0
    assert Walker()._steer(env, FootholdMap(Terrain(rails, 0.04)))[0] > 0.05
