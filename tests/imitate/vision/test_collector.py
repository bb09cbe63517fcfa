import numpy as np
import pytest
import torch

from imitate.locomotion.dynamics import NOMINAL
from imitate.vision.collector import CourseCollector, StudentRunner
from imitate.vision.course import make_lanes
from imitate.vision.depth_camera import CameraConfig
from imitate.vision.env import FIRST_DOT, CourseConfig, CourseEnv
from imitate.vision.networks import SeeingLayout, SeeingPolicy, Student
from pose.errors import InputError

pytestmark = pytest.mark.usefixtures("go1")


@pytest.fixture(scope="module")
def course():
    return make_lanes((0.0,), 3)


def make_env(course, number: int = 8) -> CourseEnv:
    return CourseEnv(course, CourseConfig(ranges=NOMINAL), number, 0, CameraConfig(rows=26, columns=30))


def watch_looks(env: CourseEnv, monkeypatch, **options: bool):
    """A student in use on pictures that are numbered by robot from 1; acts and says whose each robot was shown."""
    student = Student(SeeingPolicy(SeeingLayout(memory=4, hidden=(4,))), CameraConfig(rows=26, columns=30))
    shown, look = list[list[int]](), student.look

    def remember(pictures: torch.Tensor) -> torch.Tensor:
        shown.append([round(float(picture.mean())) for picture in pictures])
        return look(pictures)

    monkeypatch.setattr(student, "look", remember)
    runner = StudentRunner(student, env, **options)
    env.eyes.pictures[:] = 1.0 + np.arange(env.num_envs)[:, None, None]

    def act(new: list[int], running: list[int] | None = None) -> list[int]:
        env.eyes.is_new[:] = False
        env.eyes.is_new[new] = True
        env.running = None if running is None else np.array(running)
        shown.clear()
        runner.act(np.zeros((env.num_envs, SeeingLayout().observation_size), np.float32))
        return shown[0] if shown else []

    return act


def test_a_student_is_given_no_other_pictures_than_its_own(course):
    policy = SeeingPolicy(SeeingLayout(memory=4, hidden=(4,)))
    for camera in (CameraConfig(rows=28, columns=30), CameraConfig(rows=26, columns=30, far=3.0)):
        with pytest.raises(InputError, match="give it such a camera"):
            StudentRunner(Student(policy, camera), make_env(course))


def test_robots_see_their_own_pictures_or_nothing_when_covered(course, monkeypatch):
    env = make_env(course)
    assert watch_looks(env, monkeypatch)([1, 4]) == [2, 5]
    assert watch_looks(env, monkeypatch, masked=True)([1, 4]) == [0, 0]


def test_swapped_pictures_are_those_of_robots_that_walk_on_other_lanes(course, monkeypatch):
    """Eight robots on lanes 0 1 2 3 0 1 2 3; robot 0 sees 2's, and when that has fallen the next one's that walks."""
    act = watch_looks(make_env(course), monkeypatch, swapped=True)
    assert act([0, 7]) == [3, 2]
    assert act([0], [0, 1, 4, 5]) == [6]  # 3 has fallen, 4 is on robot 0's own lane
    assert act([0], [0, 1, 4, 5, 2]) == [6]  # it stays with it
    assert act([0], [0, 1]) == [2]
    assert act([0], [0, 4]) == []  # none walks on another lane
    few = make_env(course, 1)
    with pytest.raises(ValueError, match="on one lane"):
        watch_looks(few, monkeypatch, swapped=True)


def test_who_is_continued_begins_a_new_episode_on_the_lane_where_it_was(course):
    """Memories and errors of maps are not kept, so nobody may go on in the middle of an episode."""
    collector = CourseCollector(make_env(course), 0, noisy=True)
    collector.env.lane[:] = [1, 1, 2, 3, 0, 1, 2, 3]
    for _ in range(8):
        collector.step(np.zeros((8, 12)))
    assert not collector.begins.all()
    state = collector.state()
    other = CourseCollector(make_env(course), 5, noisy=True)
    other.restore(state)
    env = other.env
    assert other.begins.all() and env.eyes.is_new.all() and not env.eyes.pictures.any() and (env.distance == 0.0).all()
    assert env.lane.tolist() == [1, 1, 2, 3, 0, 1, 2, 3]
    np.testing.assert_allclose(env.qpos[:, 1], course.middle(env.lane), atol=0.31)
    assert env.clock == collector.env.clock and other.errors is not None and other.errors.shift.any()


def test_some_episodes_show_nothing(course):
    """Neither on the map, with or without errors, nor in pictures; the others see."""
    env = make_env(course, 64)
    collector = CourseCollector(env, 0, noisy=True, blank=0.25)
    assert 6 <= env.eyes.covered.sum() <= 26
    for _ in range(12):
        collector.step(np.zeros((64, 12)))
    after, covered = collector.observe(), env.eyes.covered
    assert not after[covered, FIRST_DOT:].any() and (after[~covered, FIRST_DOT:] != 0.0).all()
    assert not env.eyes.pictures[covered].any() and env.eyes.pictures[~covered].any((1, 2)).all()
    env.eyes.covered[:] = True
    collector.start(np.arange(64))
    assert 6 <= env.eyes.covered.sum() <= 26
