"""What a long motion's memory grows with: the normal equations twice, and nothing with the square of its length."""

import tracemalloc

import mujoco
import numpy as np
import pytest

from pose.camera.camera_motion import CameraMotion
from reconstruct.observations import find_middle_frame
from reconstruct.rotations import from_rotvec, to_matrix
from reconstruct.solver.blocks import Block, cut_windows
from reconstruct.solver.solve import minimise
from reconstruct.solver.tangent import TangentSpace

FRAMES = 6000
BALL = "<mujoco><worldbody><body><freejoint/><geom size='.1'/></body></worldbody></mujoco>"


@pytest.fixture
def peak_mb():
    tracemalloc.start()
    yield lambda: tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()


def test_a_refused_step_does_not_keep_its_equations(peak_mb):
    """Gauss-Newton's steps on the arctangent overshoot from afar: they are refused until they are damped enough."""
    space, evaluations = TangentSpace.of(mujoco.MjModel.from_xml_string(BALL)), {"begun": 0, "ended": 0}

    def residuals(qpos, _):
        evaluations["begun"] += 1
        for part in cut_windows(len(qpos)):
            x = qpos[part.frames, :3][part.rows]
            jacobian = np.zeros((len(x), 1, 3, space.nv))
            jacobian[:, 0, range(3), range(3)] = 1.0 / (1.0 + x**2)
            yield Block("far", np.arctan(x), jacobian, first=part.frames.start)
        evaluations["ended"] += 1

    start = np.tile([3.0, 3.0, 3.0, 1.0, 0.0, 0.0, 0.0], (FRAMES, 1))
    found = minimise(residuals, space, start, np.zeros(0), np.zeros(0, dtype=bool), 8)
    assert evaluations["begun"] > evaluations["ended"]  # the sums of a refused step end early
    assert np.abs(found.qpos[:, :3]).max() < 3.0
    assert peak_mb() < 2.9 * FRAMES * 3 * space.nv**2 * 8 / 1e6


def test_the_middle_of_a_long_pan_is_found_without_the_square_of_its_length(peak_mb):
    angle = np.radians(50.0) * np.sin(np.linspace(-1.5, 1.5, FRAMES))
    motion = CameraMotion(to_matrix(from_rotvec(np.outer(angle, [0.0, 1.0, 0.0]))), np.ones(FRAMES), 1000.0, True)
    assert abs(find_middle_frame(motion) - FRAMES // 2) <= 1
    assert peak_mb() < 0.5 * 8 * FRAMES**2 / 1e6
