"""A thing that both hands push ahead of the body: found by the force without which the body would fall."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from reconstruct.characters.character import Character
from reconstruct.contacts import contact_points
from reconstruct.kinematics import GRAVITY, BodyPoints, PointSet, compute_kinematics
from reconstruct.scene.surfaces import carried_points, hand_columns
from reconstruct.scene_objects import LIMITS, PUSHED_FRICTION, SceneObject
from reconstruct.terms.contact_wrench import NONE, PUSHES, Contacts, contact_wrench
from reconstruct.terms.dynamics import CentroidalMotion

SPEED = 0.25
"""Least speed at which something is pushed [m/s]."""
WAY = 0.3
"""Least way that it goes [m]."""
AHEAD = 0.25
"""Least distance of the hands ahead of the centre of mass [m]."""
RIGID = (0.1, 0.06)
"""Greatest standard deviation of a hand's place relative to the other one, and of its height [m]."""
STEADY = 0.6
"""Greatest standard deviation of the hands' speed, as a share of its mean."""
SMOOTH_S = 0.12
"""Standard deviation of the window over which speeds are averaged [s]."""
FORCE = 0.06
"""Least push against the hands, on the mean [shares of the body's weight]."""
NEEDED = 0.05
"""Least force, on the mean, that only the hands can give [shares of the body's weight]: a lean or a moment."""
EXPLAINED = 0.5
"""Greatest share of it that is left when the hands push."""
LENGTH, WIDTH = 1.6, 0.8
"""Of what is pushed [m]: nobody sees where it ends. A box as short as it is wide tips over and turns."""
OVER_HANDS = 0.06
"""Height of its upper edge above the middle of the hands [m]: upon it they would press it to the ground."""


@dataclass(frozen=True)
class Pushed:
    """What is pushed, and why it must be there."""

    box: SceneObject
    """Where it is in the first frame; its mass is that which slides under the push that was found."""
    force: float
    """Mean push [N]."""
    speed: float
    """Mean speed [m/s]."""

    @property
    def why(self) -> str:
        """What speaks for it, in words."""
        return f"both hands push with {self.force:.0f} N what goes at {self.speed:.1f} m/s"


def find_pushed(character: Character, qpos: np.ndarray, contact: np.ndarray, fps: float) -> Pushed | None:
    """The box that both hands push ahead, if the body needs its resistance.

    Three things must be so: the hands move rigidly with each other, ahead of the body, at one height and steadily; the
    wrench that the motion needs (Newton, Euler) leaves the cone of what the feet can give; and a push against the
    hands, along their way, gives what is left. Its mean is what slides with `PUSHED_FRICTION`, less the weight that the
    hands put upon it: that is the mass.

    Args:
      character: whose motion it is.
      qpos: (T, nq).
      contact: points on the ground, bool (T, P), in the order of `contact_points`.
      fps: frames a second.

    Returns:
      None where nothing is pushed, and for a body without two hands.
    """
    points, count = carried_points(character), len(contact_points(character))
    hands = np.flatnonzero(hand_columns(character))
    if len(np.unique(points.bodies[hands])) != 2 or len(qpos) < 0.5 * fps:
        return None
    together = PointSet.of(carried=points, masses=BodyPoints.of_masses(character.model))
    kin = compute_kinematics(character.model, qpos, together, derivatives=False)
    paths = kin["carried"].pos_w
    way = _find_way(paths[:, hands], kin.com_w, fps)
    if way is None:
        return None
    grounded = np.zeros(paths.shape[:2], dtype=bool)
    grounded[:, :count] = contact
    grounded[:, hands] = False
    body = CentroidalMotion.of(character.model, kin, fps)
    _, lacking = _find_forces(body, paths, grounded, hands[:0], way)
    given, left = _find_forces(body, paths, grounded, hands, way)
    on_hands = given[:, hands].sum(axis=1).mean(axis=0) * body.mass
    push, weight = float(-on_hands @ way), float(on_hands[2])
    if push < FORCE * body.mass * GRAVITY or lacking < NEEDED or left > EXPLAINED * lacking:
        return None
    low, high = LIMITS["mass"]
    mass = float(np.clip((push / PUSHED_FRICTION - weight) / GRAVITY, max(low, 1.0), high))
    speed = float(np.linalg.norm(paths[-1, hands].mean(axis=0) - paths[0, hands].mean(axis=0))) * fps / (len(qpos) - 1)
    return Pushed(_place(paths[:, hands], float(points.radius[hands].max()), way, mass), push, speed)


def _find_way(hands_w: np.ndarray, com_w: np.ndarray, fps: float) -> np.ndarray | None:
    """Level unit vector along which hands (T, H, 3) go as if they held one thing ahead of the body, (3,)."""
    middle = gaussian_filter1d(hands_w.mean(axis=1), SMOOTH_S * fps, axis=0, mode="nearest")
    shift = (middle[-1] - middle[0]) * [1.0, 1.0, 0.0]
    distance = float(np.linalg.norm(shift))
    if distance < max(WAY, SPEED * (len(hands_w) - 1) / fps):
        return None
    way = shift / distance
    speed = np.gradient(middle, 1.0 / fps, axis=0) @ way
    apart = (hands_w - middle[:, None]).std(axis=0)
    rigid = np.linalg.norm(apart[:, :2], axis=1).max() < RIGID[0] and hands_w[..., 2].std(axis=0).max() < RIGID[1]
    ahead = ((middle - com_w) @ way).min() > AHEAD
    return way if rigid and ahead and speed.std() < STEADY * speed.mean() else None


def _find_forces(
    body: CentroidalMotion, paths: np.ndarray, grounded: np.ndarray, hands: np.ndarray, way: np.ndarray
) -> tuple[np.ndarray, float]:
    """Forces by mass [m/s2], (T - 2, N, 3), and what they leave, on the mean [share of the body's weight].

    Args:
      body: motion of the whole body.
      paths: points that may touch something [m], (T, N, 3).
      grounded: which of them are on the ground, bool (T, N).
      hands: which of them are pushed back, against `way`, in all frames.
      way: unit vector, (3,).
    """
    mode, normal = np.where(grounded, PUSHES, NONE), np.zeros(paths.shape)
    normal[..., 2] = 1.0
    mode[:, hands], normal[:, hands] = PUSHES, -way
    # A moment counts as a force at half a metre.
    counts = np.ones(len(paths), dtype=bool)
    block, given = contact_wrench(body, Contacts(paths, None, mode, normal), counts, (1.0, 0.5))
    return given, float(np.linalg.norm(block.residual, axis=1).mean()) / GRAVITY


def _place(hands_w: np.ndarray, radius: float, way: np.ndarray, mass: float) -> SceneObject:
    """The box before the hands (T, H, 3) in their first frame, as wide and long as usual."""
    across = np.array([-way[1], way[0], 0.0])
    # Along the way the hands stay in one place of it; over the clip their noise is averaged out.
    along = (hands_w @ way) - np.linspace(0.0, float((hands_w[-1] - hands_w[0]).mean(axis=0) @ way), len(hands_w))[
        :, None
    ]
    face = float(along.mean(axis=0).max()) + radius
    side, top = float((hands_w @ across).mean()), float(np.median(hands_w[..., 2])) + OVER_HANDS
    x, y, _ = ((face + 0.5 * LENGTH) * way + side * across).tolist()
    angle = float(np.degrees(np.arctan2(way[1], way[0])))
    width = max(WIDTH, float(np.abs((hands_w @ across) - side).max()) * 2.0 + 0.2)
    return SceneObject("box", x, y, top, LENGTH, width, top, angle, mass)
