"""Where the box lies that a motion pushes: before the body, on the ground, as fast as the body."""

from dataclasses import replace

import numpy as np
import pytest

from imitate.env.box_course import GAP, plan_box
from imitate.env.task import Task
from imitate.scene.scene import CONTROL_HZ, Scene
from reconstruct.rotations import rotate
from tests.samples import CHARACTER, standing


def glide(speed: float = 1.0) -> Task:
    """A standing body that moves along x at a constant speed, 2 s."""
    motion = standing(61)
    qpos = motion.qpos.copy()
    qpos[:, 0] += np.linspace(0.0, 2.0 * speed, 61)
    return Task(CHARACTER, replace(motion, qpos=qpos), Scene("box"))


def test_the_box_is_a_gap_ahead_of_the_body_and_on_the_ground():
    task = glide()
    reference, half = task.reference(1.0), task.model.geom("box").size
    qpos, qvel = plan_box(task, reference)
    np.testing.assert_allclose(qpos[:, 0] - half[0] - reference.reach, GAP, atol=1e-9)
    np.testing.assert_allclose(qpos[:, 2], half[2])
    np.testing.assert_allclose(qpos[:, 3:], np.tile([1.0, 0.0, 0.0, 0.0], (len(qpos), 1)))
    np.testing.assert_allclose(qvel, np.tile([1.0, 0.0, 0.0, 0.0, 0.0, 0.0], (len(qvel), 1)), atol=1e-6)
    np.testing.assert_allclose(np.diff(qpos[:, 0]) * CONTROL_HZ, 1.0, atol=1e-6)


def test_who_goes_back_pulls_no_box():
    qpos, qvel = plan_box(glide(-0.2), glide(-0.2).reference(1.0))
    assert np.ptp(qpos[:, 0]) == 0.0 and not qvel.any()


@pytest.mark.parametrize("kind", ["box_uphill", "box_downhill"])
def test_on_a_slope_the_box_is_tilted_as_the_slope_is(kind):
    task = replace(glide(), scene=Scene(kind, angle=12.0))
    qpos, qvel = plan_box(task, task.reference(1.0))
    slope = np.tan(np.radians(12.0)) * (1.0 if kind == "box_uphill" else -1.0)
    forward = rotate(qpos[:, 3:], np.array([1.0, 0.0, 0.0]))
    np.testing.assert_allclose(forward[:, 2] / forward[:, 0], slope, atol=1e-9)
    np.testing.assert_allclose(qvel[:, 2] / qvel[:, 0], slope, atol=1e-9)
    # Its middle is half a height off the surface, at a right angle to it.
    below = qpos[:, :3] - task.box_half[2] * rotate(qpos[:, 3:], np.array([0.0, 0.0, 1.0]))
    np.testing.assert_allclose(below[:, 2], task.ground.height(below[:, :2]), atol=1e-9)
