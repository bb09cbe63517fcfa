"""Where feet go on a ground that is known: footholds for all steps of a walk at once, by dynamic programming.

Cadence stays that of the walk; strides are shortened on stairs and stretched over gaps. A cost over steps is least:
their difference from the walk's own, its change from step to step, the rise, and how near edges are.
"""

import numpy as np

from imitate.scene.ground import Ground

FIXED = 2
"""So many heels stay where the walk has them: the step between the last two is what the first choice goes on from."""
GRID = 0.02
"""Distance of places that are tried [m]."""
SHORTEST, LONGEST = 0.16, 0.96
"""Steps, from heel to the other heel [m]."""
HIGHEST = 0.2
"""Rise or fall of a step [m]: one tread at a time."""
HEEL_FREE, TOE_FREE, BEFORE_RISER = 0.05, 0.01, 0.015
"""Heel and toe may overhang by so much; the toe stays so far from what rises before it [m]."""
MARGIN = 0.05
"""Within this distance an edge costs [m]."""
STEP_SCALE, CHANGE_SCALE, RISE_SCALE = 0.17, 0.1, 0.4
"""Differences of a step from the walk's, of two steps that follow each other, and rises, that cost 1 [m]."""
# A body that is in its stride and finds its next step shorter by half falls over its feet: they stop, it does not.


def rate_places(ground: Ground, places: np.ndarray, length: float) -> tuple[np.ndarray, np.ndarray]:
    """Costs and heights of footholds.

    Args:
      ground: a profile along x.
      places: of heels, (I,) [m].
      length: of the foot [m].

    Returns:
      Cost, infinite where a foot cannot stand, and height [m], (I,) each.
    """

    def read(offsets: np.ndarray) -> np.ndarray:
        x = places[:, None] + offsets
        return ground.height(np.stack([x, np.zeros_like(x)], axis=-1))

    sole = read(np.linspace(HEEL_FREE, length - TOE_FREE, 8))
    near = read(np.linspace(0.0, length + BEFORE_RISER, 10))
    top = near.max(1)
    stands = (np.abs(sole - top[:, None]) < 1e-9).all(1)
    around = np.linspace(-MARGIN, length + MARGIN, 16)
    rough = (np.abs(read(around) - top[:, None]) > 1e-9).mean(1)
    return np.where(stands, rough, np.inf), top


def choose_footholds(ground: Ground, nominal: np.ndarray, length: float) -> np.ndarray:
    """Places of heels for all steps of a walk, left and right in turn.

    Args:
      ground: a profile along x.
      nominal: where the walk's own heels would be on level ground [m], (K,); the first two must be able to stand there.
      length: of the foot [m].

    Returns:
      (K,) [m].

    Raises:
      ValueError: there is no way.
    """
    steps = GRID * np.arange(round(SHORTEST / GRID), round(LONGEST / GRID) + 1)
    counts = np.arange(round(SHORTEST / GRID), round(LONGEST / GRID) + 1)
    begin = nominal[FIXED - 1]
    places = begin + GRID * np.arange(-counts[-1], round((nominal[-1] - begin) / GRID) + 2 * counts[-1])
    own, top = rate_places(ground, places, length)
    own_steps = np.diff(nominal)
    change = ((steps[:, None] - steps) / CHANGE_SCALE) ** 2
    # value[i, d]: least cost of a way whose last heel is at place i after a step d
    first = int(np.argmin(np.abs(places - begin)))
    value = np.full((len(places), len(steps)), np.inf)
    value[first, int(np.argmin(np.abs(steps - own_steps[FIXED - 2])))] = 0.0
    before = np.arange(len(places))[:, None] - counts
    valid = before >= 0
    before = np.maximum(before, 0)
    rise = top[:, None] - top[before]
    allowed = valid & (np.abs(rise) <= HIGHEST)
    choices = list[np.ndarray]()
    for step in own_steps[FIXED - 1 :]:
        costs = value[:, None, :] + change  # (I, d, d before)
        best = costs.argmin(2)
        reached = np.take_along_axis(costs, best[..., None], axis=2)[..., 0]
        columns = np.broadcast_to(np.arange(len(steps)), before.shape)
        way = ((steps - step) / STEP_SCALE) ** 2 + (rise / RISE_SCALE) ** 2
        value = np.where(allowed, reached[before, columns] + own[:, None] + way, np.inf)
        choices.append(best[before, columns])
    if not np.isfinite(value).any():
        raise ValueError("no way over this ground: steps as long and as high as this body can take are too short")
    place, column = np.unravel_index(int(value.argmin()), value.shape)
    found = list[float]()
    for best in reversed(choices):
        found.append(float(places[place]))
        place, column = place - counts[column], best[place, column]
    return np.concatenate([nominal[:FIXED], found[::-1]])
