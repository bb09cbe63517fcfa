"""How long the unit of a carried camera's path is: as long as feet stand still with it."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from pose.keypoints import Keypoints
from reconstruct.camera import Camera, View, tilt_from_up
from reconstruct.carried_camera import CarriedCamera
from reconstruct.contacts import LOW
from reconstruct.fit.problem import Problem
from reconstruct.kinematics import BodyPoints, point_positions
from reconstruct.world_frame import to_view

MISFIT = 1.0
"""Error of a velocity beyond which a larger one counts no more [m/s]."""
UNITS = np.geomspace(0.1, 100.0, 700)
"""Lengths of the unit that are tried where the ground is not seen [m]; the background is about one unit away."""
NEARBY = np.geomspace(0.87, 1.15, 41)
"""Lengths that are tried where it is seen, relative to that with which it is under the feet."""
INCLINED = np.radians(20.0)
"""Largest angle between the ground's normal and the vertical of the body's balance [rad]."""
LEVEL = 0.002
"""Standard deviation of the vertical that the ground shows [rad]."""
CLEARLY = 0.6
"""Share of the misfit with the ground under the feet below which feet that stand say that it is not the ground."""
BETTER = 0.8
"""Share of the misfit of a camera that stays in its place below which the feet are believed."""


def find_unit(problem: Problem, qpos: np.ndarray, view: View) -> tuple[float | None, Problem]:
    """Length of the path's unit [m] for a motion (T, nq) seen as if the camera only turned; None if it has none.

    The ground, where it is seen, must be under the feet; feet that stand decide within `NEARBY` of that, or alone. If
    they contradict it clearly, the plane was not the ground (a table), and is left out of the problem, as is one that
    is inclined.
    """
    problem = leave_out_inclined(problem, qpos, view)
    carried, rotation = problem.carried, view.rotation()
    assert carried is not None
    points_c = (problem.contact_positions(qpos) - np.array([0.0, 0.0, view.height])) @ rotation.T
    feet = estimate_unit(points_c, rotation[:, 2], carried, problem.fps, UNITS)
    if carried.ground is None:
        return feet.unit, problem
    high = estimate_unit_by_height(points_c, carried.ground, carried)
    near = estimate_unit(points_c, rotation[:, 2], carried, problem.fps, high * NEARBY)
    if feet.unit is not None and feet.misfit < CLEARLY * near.misfit:
        return feet.unit, problem.with_carried(replace(carried, ground=None))
    return near.unit or high, problem


def leave_out_inclined(problem: Problem, qpos: np.ndarray, view: View) -> Problem:
    """The problem without a plane that is inclined by more than `INCLINED` to the vertical of the body's balance.

    The body does not stand on it. Where the camera goes matters not: balance is a matter of directions.
    """
    if problem.carried is None or problem.carried.ground is None:
        return problem
    up_c = -problem.carried.ground / np.linalg.norm(problem.carried.ground)
    if up_c @ problem.set_on_ground(qpos, view)[2].rotation()[:, 2] >= np.cos(INCLINED):
        return problem
    return problem.with_carried(replace(problem.carried, ground=None))


def estimate_unit_by_height(points_c: np.ndarray, ground: np.ndarray, carried: CarriedCamera) -> float:
    """Length of the path's unit [m] with which the ground is under the body's lowest points.

    Args:
      points_c: points that may touch the ground, first camera's axes, seen from each frame's place [m], (T, P, 3).
      ground: from the first camera straight down to the ground, in units, (3,).
      carried: the camera.
    """
    size = float(np.linalg.norm(ground))
    down = ground / size
    above = size - np.cumsum(carried.steps, axis=0) @ down
    deepest = (points_c @ down).max(axis=1)
    return float(np.median(deepest / np.maximum(above, 0.1 * size)))


class UnitByFeet(NamedTuple):
    """The path's unit with which feet stand still."""

    unit: float | None
    """[m]; None if they do not stand clearly better than with a camera that stays in its place."""
    misfit: float
    """Mean velocity of the foot that stands best [m/s]."""


def estimate_unit(
    points_c: np.ndarray, up_c: np.ndarray, carried: CarriedCamera, fps: float, units: np.ndarray
) -> UnitByFeet:
    """Length of the path's unit with which feet stand still.

    In nearly every frame some low point of the body rests on the ground. Seen from the camera it moves as the ground
    does: against the camera's way.

    Args:
      points_c: points that may touch the ground, first camera's axes, seen from each frame's place [m], (T, P, 3).
      up_c: the vertical in these axes, (3,).
      carried: the camera.
      fps: frames a second.
      units: those that are tried, increasing [m], (N,).
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

    misfits = [misfit(unit) for unit in units]
    best = int(np.argmin(misfits))
    return UnitByFeet(float(units[best]) if misfits[best] < BETTER * misfit(0.0) else None, misfits[best])


def level_with_ground(problem: Problem, qpos: np.ndarray, view: View) -> tuple[Problem, np.ndarray, View]:
    """Problem, motion (T, nq) and view with the vertical of the ground that the background shows, if it does."""
    if problem.carried is None or problem.carried.ground is None:
        return problem, qpos, view
    up_c = -problem.carried.ground / np.linalg.norm(problem.carried.ground)
    pitch, roll = tilt_from_up(up_c)
    tilted = replace(view, pitch=pitch, roll=roll)
    moved = to_view(qpos, view, tilted)
    solid = BodyPoints.of_geoms(problem.model)
    lowest = (point_positions(problem.model, moved, solid)[..., 2] - solid.radius).min(axis=1)
    stood = replace(tilted, height=tilted.height - float(np.percentile(lowest, 25)))
    problem = replace(problem, expected=stood, tilt_sigma=(LEVEL, LEVEL), held_up=False)
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
    return replace(keypoints, camera_motion=replace(keypoints.camera_motion, path=None, ground=None))
