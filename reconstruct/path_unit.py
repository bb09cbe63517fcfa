"""How long the unit of a carried camera's path is: as long as feet stand still with it."""

from dataclasses import replace

import numpy as np

from pose.keypoints import Keypoints
from reconstruct.camera import Camera, View, tilt_from_up
from reconstruct.carried_camera import CarriedCamera
from reconstruct.kinematics import BodyPoints, point_positions
from reconstruct.problem import Problem
from reconstruct.world_frame import to_view

LOW = 0.1
"""Height above the lowest point up to which points may rest on the ground [m]."""
MISFIT = 1.0
"""Error of a velocity beyond which a larger one counts no more [m/s]."""
UNITS = np.geomspace(0.1, 100.0, 160)
"""Lengths of the unit that are tried first [m]; the background is about one unit away."""
INCLINED = np.radians(20.0)
"""Largest angle between the ground's normal and the vertical of the body's balance [rad]."""
LEVEL = 0.002
"""Standard deviation of the vertical that the ground shows [rad]."""
BETTER = 0.8
"""Share of the misfit of a camera that stays in its place below which the path is believed."""


def find_unit(problem: Problem, qpos: np.ndarray, view: View) -> float | None:
    """`estimate_unit` of a motion that is seen as if the camera only turned, (T, nq)."""
    assert problem.carried is not None
    rotation = view.rotation()
    points_c = (problem.contact_positions(qpos) - np.array([0.0, 0.0, view.height])) @ rotation.T
    return estimate_unit(points_c, rotation[:, 2], problem.carried, problem.fps)


def estimate_unit(points_c: np.ndarray, up_c: np.ndarray, carried: CarriedCamera, fps: float) -> float | None:
    """Length of the path's unit [m] with which feet stand still; None if they do not do so better with any.

    In nearly every frame some low point of the body rests on the ground. Seen from the camera it moves as the ground
    does: against the camera's way.

    Args:
      points_c: points that may touch the ground, first camera's axes, seen from each frame's place [m], (T, P, 3).
      up_c: the vertical in these axes, (3,).
      carried: the camera.
      fps: frames a second.
    """
    path = np.cumsum(carried.steps, axis=0)
    velocity, pace = np.gradient(points_c, 1.0 / fps, axis=0), np.gradient(path, 1.0 / fps, axis=0)
    height = points_c @ up_c
    low = height - height.min(axis=1, keepdims=True) < LOW
    # Motion along the line of sight is badly known and counts little.
    sight = points_c / np.maximum(np.linalg.norm(points_c, axis=-1, keepdims=True), 1e-9)

    def misfit(unit: float) -> float:
        moved = velocity + unit * pace[:, None]
        moved -= 0.7 * np.sum(moved * sight, axis=-1, keepdims=True) * sight
        least = np.where(low, np.linalg.norm(moved, axis=-1), np.inf).min(axis=1)
        return float(np.minimum(least, MISFIT).mean())

    misfits = np.array([misfit(unit) for unit in UNITS])
    best = float(UNITS[misfits.argmin()])
    fine = best * np.geomspace(0.95, 1.05, 41)
    best = float(fine[np.argmin([misfit(unit) for unit in fine])])
    return best if misfit(best) < BETTER * misfit(0.0) else None


def level_with_ground(problem: Problem, qpos: np.ndarray, view: View) -> tuple[Problem, np.ndarray, View]:
    """Problem, motion (T, nq) and view with the vertical of the ground that the background shows.

    A plane that is inclined by more than `INCLINED` to the vertical of the body's balance is not what it stands on.
    """
    if problem.carried is None or problem.carried.ground is None:
        return problem, qpos, view
    up_c = -problem.carried.ground / np.linalg.norm(problem.carried.ground)
    if up_c @ view.rotation()[:, 2] < np.cos(INCLINED):
        return problem.with_carried(replace(problem.carried, ground=None)), qpos, view
    pitch, roll = tilt_from_up(up_c)
    tilted = replace(view, pitch=pitch, roll=roll)
    moved = to_view(qpos, view, tilted)
    solid = BodyPoints.of_geoms(problem.model)
    lowest = (point_positions(problem.model, moved, solid)[..., 2] - solid.radius).min(axis=1)
    stood = replace(tilted, height=tilted.height - float(np.percentile(lowest, 25)))
    problem = replace(problem, expected=stood, tilt_sigma=(LEVEL, LEVEL))
    return problem, to_view(qpos, view, stood), stood


def go_along(problem: Problem, qpos: np.ndarray, view: View, unit: float) -> tuple[Problem, np.ndarray]:
    """Problem and motion (T, nq) with the camera on its path, of this unit [m]."""
    assert problem.carried is not None
    carried = problem.carried.with_units(np.full(problem.carried.unknowns, np.log(unit)))
    moved = qpos.copy()
    moved[:, :3] += carried.place @ view.rotation()
    return problem.with_carried(carried), moved


def carry(camera: Camera, carried: CarriedCamera) -> Camera:
    """The first frame's camera, with its way."""
    return replace(camera, turn=carried.turn, path=carried.place @ camera.R_camera_world)


def stay_in_place(keypoints: Keypoints) -> Keypoints:
    """The same before a camera that only turns and zooms."""
    assert keypoints.camera_motion is not None
    return replace(keypoints, camera_motion=replace(keypoints.camera_motion, path=None))
