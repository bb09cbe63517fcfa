"""Ground that rises or falls along a walk: what speaks for it, and its angle as an unknown of the fit.

A tilted camera makes level ground look like a slope. The difference is the plumb line: whoever goes up a slope
stands upright to gravity and not to the ground. So the fit stays in a world whose ground is z = 0, and gravity is
tilted in it; by Einstein's equivalence that is one constant acceleration more.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from reconstruct.camera import Camera, View, tilt_from_up
from reconstruct.characters.character import Character
from reconstruct.contacts import clean_contacts, contact_points, find_runs
from reconstruct.kinematics import GRAVITY, point_positions
from reconstruct.rotations import from_matrix, multiply
from reconstruct.scene_objects import LIMITS, SceneObject
from reconstruct.solver.blocks import Block
from reconstruct.terms.dynamics import CentroidalMotion
from reconstruct.terms.residuals import GLOBALS
from reconstruct.world_frame import centre_world, find_start

LEAST = np.radians(4.0)
"""Angle of a slope from which on it is sure [rad]."""
SURE = 2.0
"""Angle of a slope from which on it is sure, in standard deviations of the plumb line."""
ACROSS = 0.5
"""Sine of the angle between walk and line of sight from which the picture shows a slope: depth shows none."""
LEAST_WAY = 1.2
"""Way of somebody who walks, at least [m]."""
LEAST_PLACES, APART = 3, 0.2
"""Number of places on which feet stand, at least, and how far they are apart [m]."""
STANDS_SPEED, STANDS_S = 0.5, 0.12
"""Speed of a foot that stands at most [m/s], and least time for which it does [s]."""
STEP = 1e-4
"""Step of angles in finite differences [rad]."""
SLOPE_WIDTH = 2.0
"""Of what is drawn of a slope [m]."""
SLOPE_OVER = 0.5
"""How far it goes on beyond the walk [m]."""


@dataclass(frozen=True)
class Slope:
    """The incline of ground that is z = 0 in the world of a fit."""

    angle: float
    """Rise along `way` [rad]; negative goes down."""
    way: tuple[float, float]
    """Unit vector on the ground along which somebody walks, and the only one along which it rises."""
    known: bool = False
    """The angle is given and no unknown."""

    @property
    def up(self) -> np.ndarray:
        """Against gravity, in the world whose ground is z = 0, (3,)."""
        return np.array([*(np.sin(self.angle) * np.array(self.way)), np.cos(self.angle)])

    @property
    def inertia(self) -> np.ndarray:
        """What adds to every acceleration so that gravity along -z becomes that along -`up` [m/s2], (3,)."""
        return GRAVITY * (self.up - [0.0, 0.0, 1.0])

    @property
    def to_plumb(self) -> np.ndarray:
        """R_plumb_ground: turns the world whose ground is z = 0 into one whose z is against gravity, (3, 3)."""
        along = np.array([*self.way, 0.0])
        side = np.array([-self.way[1], self.way[0], 0.0])
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        ground = np.stack([along, side, [0.0, 0.0, 1.0]])
        return ground.T @ np.array([[cos, 0.0, -sin], [0.0, 1.0, 0.0], [sin, 0.0, cos]]) @ ground

    def steepen(self, angle: float) -> "Slope":
        """The same way at another angle [rad]."""
        return replace(self, angle=angle)

    def is_sure(self, tilt_sigma: tuple[float, ...]) -> bool:
        """Whether the angle is more than an error of the plumb line, in a world whose x is the camera's heading.

        Args:
          tilt_sigma: standard deviation of the plumb line's pitch and roll [rad].
        """
        pitch, roll = tilt_sigma
        return abs(self.angle) > max(LEAST, SURE * float(np.hypot(self.way[0] * pitch, self.way[1] * roll)))

    def turn(self, angle: float) -> "Slope":
        """The same in a world that is turned about the ground's normal [rad]."""
        (x, y), cos, sin = self.way, float(np.cos(angle)), float(np.sin(angle))
        return replace(self, way=(cos * x - sin * y, sin * x + cos * y))


def find_way(character: Character, qpos: np.ndarray, fps: float) -> tuple[float, float] | None:
    """Which way somebody walks on the ground, a unit vector; None if they do not, or not across the picture.

    Args:
      character: whose motion it is.
      qpos: in a world whose ground is z = 0 and whose x is the camera's heading, (T, nq).
      fps: frames a second.
    """
    way = qpos[-1, :2] - qpos[0, :2]
    length = float(np.linalg.norm(way))
    if length < LEAST_WAY or abs(way[1]) < ACROSS * length:
        return None
    along = np.sort(find_standing_places(character, qpos, fps)[:, :2] @ way / length)
    apart = 1 + int((np.diff(along) > APART).sum())
    x, y = (way / length).tolist()
    return (x, y) if apart >= LEAST_PLACES else None


def find_standing_places(character: Character, qpos: np.ndarray, fps: float) -> np.ndarray:
    """Where feet stand, the lowest point of each, once for each time that it does [m], (K, 3)."""
    points = contact_points(character, feet_only=True)
    paths = point_positions(character.model, qpos, points)
    paths[..., 2] -= points.radius
    speed = np.linalg.norm(np.gradient(paths, 1.0 / fps, axis=0), axis=-1)
    places = list[np.ndarray]()
    for body in np.unique(points.bodies):
        mine = np.flatnonzero(points.bodies == body)
        stands = clean_contacts((speed[:, mine].min(axis=1) < STANDS_SPEED)[:, None], round(STANDS_S * fps), 1)[:, 0]
        for start, end in find_runs(stands):
            slowest = mine[speed[start:end, mine].argmin(axis=1)]
            places.append(np.median(paths[np.arange(start, end), slowest], axis=0))
    return np.array(places).reshape(-1, 3)


def plumb_prior(view: View, slope: Slope, expected: View, sigma: np.ndarray, nv: int) -> Block:
    """As `view_prior`, but it is the plumb line that the camera is expected to see so, (1, G + 1).

    Args:
      view: camera before the slope.
      slope: at its present angle, the unknown after the view.
      expected: camera before level ground.
      sigma: standard deviation of each unknown of the view, (G,).
      nv: width of the tangent space.
    """

    def compare(pitch: float, roll: float, angle: float) -> np.ndarray:
        seen = replace(view, pitch=pitch, roll=roll)
        plumb = tilt_from_up(seen.rotation() @ slope.steepen(angle).up)
        return np.concatenate([plumb - expected.vector()[:2], (view.vector() - expected.vector())[2:]]) / sigma

    at = (view.pitch, view.roll, slope.angle)
    residual, jacobian = compare(*at), np.zeros((GLOBALS, GLOBALS + 1))
    jacobian[2:, 2:GLOBALS] = np.diag(1.0 / sigma[2:])
    for column, k in ((0, 0), (1, 1), (GLOBALS, 2)):
        moved = [value + STEP * (i == k) for i, value in enumerate(at)]
        jacobian[:, column] = (compare(*moved) - residual) / STEP
    if slope.known:
        jacobian[:, GLOBALS] = 0.0
    return Block("view", residual[None], np.zeros((1, 1, GLOBALS, nv)), jacobian[None])


def add_angle(terms: Callable[[CentroidalMotion], list[Block]], body: CentroidalMotion, slope: Slope) -> list[Block]:
    """Dynamic terms under the gravity of a slope, with their derivative by its angle, the unknown after the view.

    Args:
      terms: of a body on level ground.
      body: its motion as it is.
      slope: at its present angle.
    """
    here = terms(tilt_gravity(body, slope))
    if slope.known:
        return here
    moved = terms(tilt_gravity(body, slope.steepen(slope.angle + STEP)))
    blocks = list[Block]()
    for block, other in zip(here, moved, strict=True):
        by_angle = np.zeros((*block.residual.shape, GLOBALS + 1))
        by_angle[..., GLOBALS] = (other.residual - block.residual) / STEP
        blocks.append(replace(block, global_jacobian=by_angle))
    return blocks


def tilt_gravity(body: CentroidalMotion, slope: Slope | None) -> CentroidalMotion:
    """The same motion under a gravity along -z, with the acceleration that gravity on a slope has beyond that."""
    return body if slope is None else replace(body, acceleration=body.acceleration + slope.inertia)


def stand_plumb(
    slope: Slope, qpos: np.ndarray, camera: Camera, given: SceneObject | None = None
) -> tuple[np.ndarray, Camera, SceneObject]:
    """A motion from a world whose ground is z = 0 to one whose z is against gravity.

    Args:
      slope: the ground.
      qpos: the motion, (T, nq).
      camera: that saw it.
      given: the slope as it is known in the world that the motion is to have; None for one that was found.

    Returns:
      Motion, camera and the slope in the world whose origin lies under the first root, and whose x is its heading: on
      the ground, or where the given slope has it.
    """
    turn = slope.to_plumb
    moved = turn_world(qpos, turn)
    heading, origin = find_start(moved)
    shift = np.array([0.0, 0.0, float(turn[:2, 2] @ origin / turn[2, 2])])
    moved[:, :3] += shift
    ahead = (turn @ [*slope.way, 0.0])[:2] / np.cos(slope.angle)
    highest = LIMITS["height"][1] / max(abs(float(np.tan(slope.angle))), 1e-9)
    length = min(float(np.ptp(moved[:, :2] @ ahead)) + SLOPE_OVER, highest, LIMITS["length"][1])
    x, y = origin.tolist()
    yaw = float(np.degrees(np.arctan2(ahead[1], ahead[0])))
    thing = SceneObject("slope", x, y, float(np.tan(slope.angle)) * length, length, SLOPE_WIDTH, yaw=yaw)
    centred, seen_from = centre_world(moved, camera.change_world(turn, shift))
    if given is None:
        return centred, seen_from, thing.move_back(float(np.degrees(heading)), (x, y))
    rise = np.array([0.0, 0.0, -np.tan(given.incline) * float(given.along @ [given.x, given.y, 0.0])])
    centred[:, :3] += rise
    return centred, seen_from.change_world(np.eye(3), rise), given


def turn_world(qpos: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """A motion (T, nq) in the axes of another world with the same origin, x_new = turn x_old, (3, 3)."""
    moved = qpos.copy()
    moved[:, :3] = qpos[:, :3] @ turn.T
    moved[:, 3:7] = multiply(from_matrix(turn), qpos[:, 3:7])
    return moved


def slope_of(thing: SceneObject, qpos: np.ndarray) -> Slope:
    """A slope that is known, in a plumb world.

    Args:
      thing: the slope in the world whose origin lies under the first root position and whose x is its heading.
      qpos: the motion, (T, nq).
    """
    angle = np.radians(thing.yaw) + find_start(qpos)[0]
    return Slope(thing.incline, (float(np.cos(angle)), float(np.sin(angle))), known=True)
