"""Where a motion touches the ground and where its hands go: gaps and boxes are laid out by it."""

from itertools import pairwise

import numpy as np

from imitate.scene.ground import Ground
from reconstruct.characters.character import Character
from reconstruct.contacts import contact_points
from reconstruct.kinematics import BodyPoints, com_positions, point_positions
from reconstruct.motion import ReferenceMotion

SOLE = 0.06
"""Extent of the sole around a contact site [m]."""
MIN_HAND_DISTANCE = 0.3
"""Least distance of pushing hands ahead of the centre of mass [m]."""
MAX_HAND_STD = (0.12, 0.08)
"""Greatest standard deviation of pushing hands' distance ahead and of their height [m]."""
MIN_PUSHING_SPEED = 0.4
"""Least speed of someone who pushes [m/s]."""


def part_sites(character: Character) -> list[slice]:
    """Which of `contact_points` belong to each part that may touch the ground, in the order of `contacts`."""
    ends = np.cumsum([0, *(len(sites) for sites in character.contacts.values())])
    return [slice(int(a), int(b)) for a, b in pairwise(ends)]


def stands_on(character: Character, motion: ReferenceMotion, ground: Ground) -> bool:
    """Whether a motion is made for a ground already: its lowest points are nearer to it than to the plane z = 0."""
    points = contact_points(character)
    points_w = point_positions(character.model, motion.qpos, points)
    height = points_w[..., 2] - points.radius
    above = height - ground.support(points_w[..., :2])
    off, level = (float(np.median(np.abs(one.min(axis=1)))) for one in (above, height))
    return off <= level


def find_footprints(character: Character, motion: ReferenceMotion, ground: Ground) -> np.ndarray:
    """Stretches along the ground's direction that hands and feet rest on in one pass or cycle, (K, 2) [m]."""
    points_w = point_positions(character.model, motion.qpos, contact_points(character))
    u, _ = ground.local(points_w[..., :2])
    prints = [
        (u[t, sites].min() - SOLE, u[t, sites].max() + SOLE)
        for part, sites in enumerate(part_sites(character))
        for t in np.flatnonzero(motion.contacts[:, part])
    ]
    return np.array(prints).reshape(-1, 2)


def find_free_stretches(
    character: Character, motion: ReferenceMotion, ground: Ground, begin: float, end: float
) -> np.ndarray:
    """Stretches between `begin` and `end` [m] along the ground's direction that nothing rests on, (K, 2) [m].

    A cycle's prints are repeated as long as it would go on; a cycle that turns is taken for a straight one.
    """
    prints = find_footprints(character, motion, ground)
    if motion.loop:
        u, _ = ground.local(motion.qpos[[0, -1], :2])
        stride = u[1] - u[0]
        times = np.arange(int((end - begin) / stride) + 2) if stride > 0.1 else np.zeros(1)
        prints = (prints + stride * times[:, None, None]).reshape(-1, 2)
    free, reached = [], begin
    for low, high in prints[np.argsort(prints[:, 0])]:
        if low > reached:
            free.append((reached, min(low, end)))
        reached = max(reached, high)
        if reached >= end:
            break
    if reached < end:
        free.append((reached, end))
    return np.array(free).reshape(-1, 2)


def find_palms(character: Character, motion: ReferenceMotion) -> np.ndarray:
    """Positions of the palms, world [m], (T, 2, 3); the wrists' where a body has no palms."""
    return point_positions(character.model, motion.qpos, BodyPoints.of_sites(character.model, name_palms(character)))


def name_palms(character: Character) -> tuple[str, str]:
    """Sites of the left and the right palm; those of the wrists where a body has no palms."""
    left, right = (
        character.contacts.get(f"{side}_hand", (character.landmarks[f"{side}_wrist"],))[0] for side in ("left", "right")
    )
    return left, right


def hands_stay_ahead(character: Character, motion: ReferenceMotion, plane: Ground) -> bool:
    """Both hands stay ahead of the body and at one height while it goes on in the plane's direction."""
    palms = find_palms(character, motion)
    centre, _ = plane.local(com_positions(character.model, motion.qpos)[:, :2])
    ahead = plane.local(palms[..., :2])[0] - centre[:, None]
    speed = abs(centre[-1] - centre[0]) / motion.duration
    still = (ahead.std(axis=0) < MAX_HAND_STD[0]).all() and (palms[..., 2].std(axis=0) < MAX_HAND_STD[1]).all()
    return bool(ahead.min() >= MIN_HAND_DISTANCE and still and speed >= MIN_PUSHING_SPEED)
