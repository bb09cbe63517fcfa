"""A camera that looks down on the body: push-ups, a roll, a dance filmed from above."""

from dataclasses import replace

import numpy as np

from reconstruct.camera import View
from reconstruct.fit.problem import Problem
from reconstruct.kinematics import BodyPoints, point_positions
from reconstruct.world_frame import to_view

DOWN_SIGMA = 0.25
"""Standard deviation of the line of sight from the vertical [rad]."""


def set_below_camera(problem: Problem, qpos: np.ndarray, view: View) -> tuple[Problem, np.ndarray, View]:
    """Takes the line of sight for the vertical, and puts the ground under the body's lowest points.

    A body that is seen from above shows no balance, which is what `Problem.set_on_ground` takes the vertical from.

    Args:
      problem: of the body alone.
      qpos: its motion in the world of `view`, (T, nq).
      view: that of a level camera.

    Returns:
      The problem with this as its prior for the camera, motion and view in the world thus found.
    """
    down = replace(view, pitch=np.pi / 2, roll=0.0)
    solid = BodyPoints.of_geoms(problem.model)
    heights = point_positions(problem.model, to_view(qpos, view, down), solid)[..., 2] - solid.radius
    stood = replace(down, height=down.height - float(np.percentile(heights.min(axis=1), 25)))
    known = replace(problem, expected=stood, tilt_sigma=(DOWN_SIGMA, DOWN_SIGMA), plumb=None, held_up=False)
    return known, to_view(qpos, view, stood), stood
