"""How tall the person is, as a density: one camera shows no sizes, but what falls, falls with 9.81 m/s2.

In a fit with a body of an assumed height, a flight bends the path of the centre of mass by g times the assumed height
over the true one. Steps are a weaker clock: those of a given length, as a share of the leg, have a usual frequency that
goes with the inverse root of the leg's length. What people's heights are is known as well. All three are densities over
the logarithm of the height; their product is the estimate.

The same two clocks show how fast a film is played (`pose.timeline.playback_speed`), and a film of unknown speed and
height is ambiguous: a child's jump is a man's at 1.25 times its speed. Slow motion and time lapse are factors of two
and more, heights from 1.1 to 2.0 m factors of 0.8 to 1.08. So the speed goes first and takes factors beyond 1.45
alone; within that the speed is 1, and the height takes the rest. A film whose speed is not 1 has spent its evidence on
it, and says nothing of the height.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pose.keypoints import Keypoints
from pose.timeline.playback_speed import SEGMENTS_HEIGHT, measure_gaits
from reconstruct.characters.character import Character
from reconstruct.contacts import find_runs
from reconstruct.fit.fit_on_ground import OnGround
from reconstruct.kinematics import GRAVITY, com_positions, point_positions
from reconstruct.support import Support

SHORTEST, LONGEST = 0.85, 2.30
"""Heights that are thought of [m]."""
GRID = np.linspace(np.log(SHORTEST), np.log(LONGEST), 400)
"""Logarithms of heights at which densities are computed."""
ADULTS, ALL = (0.80, 1.70, 0.06), (0.20, 1.50, 0.25)
"""Share, median [m] and standard deviation of the logarithm: of adults, and of children, the very tall and small."""
# Adults: 1.72 m and 1.60 m for men and women, each with 4 % (NCD Risk Factor Collaboration 2016, eLife 5:e13410).
SAGITTA = 0.01
"""Standard deviation of the centre of mass against its parabola, at a flight's middle against its ends [m]."""
# 2026-11-29: in six films with truth and four real jumps of adults the error was 0.3 to 1.7 times this.
LOST = 8.0
"""How much that grows with the share of frames that fit into no steady motion: the detector lost the body there."""
PROPORTIONS = 0.03
"""Standard deviation of the logarithm that all flights of a film share: the body's proportions, the camera's tilt."""
GAIT_LOG_STD = 0.24
"""Of the height from steps: twice that of their frequency (`pose.timeline.playback_speed.GAIT_LOG_STD`)."""
SHORTEST_FLIGHT = 0.17
"""Flights that are shorter say nothing [s]."""
FEWEST = 5
"""Fewest frames of a flight."""
SURE = 0.01
"""Probability that the height is on the other side of an assumed one, from which on another height is taken."""
TAIL = 0.05
"""Probability below and above the interval that is given."""
FREEDOM = 4.0
"""Degrees of freedom of Student's t, in place of Gaussians: one flight that is none must not decide."""


@dataclass(frozen=True)
class HeightEstimate:
    """A person's standing height."""

    metres: float
    """Median of the density [m]."""
    low: float
    """There are 5 % below [m]."""
    high: float
    """There are 5 % above [m]."""
    evidence: str
    """What it comes from, in words."""
    assumed: float
    """Height of the body that was fitted first [m]."""
    certainty: float = 0.0
    """Probability that it is not the height that was assumed, but smaller, or larger: from 0.5 to 1 (0 if unknown)."""

    @property
    def is_other(self) -> bool:
        """Whether the film is sure that the height is not the assumed one."""
        return self.certainty > 1.0 - SURE

    def describe(self) -> str:
        """In words: `1.12 m, between 1.05 and 1.20, from 1 flight`."""
        return f"{self.metres:.2f} m, between {self.low:.2f} and {self.high:.2f}, {self.evidence}"


@dataclass(frozen=True)
class Flight:
    """What one flight says."""

    fall: float
    """Downward acceleration of the centre of mass, in metres of the body that was assumed [m/s2]."""
    sigma: float
    """Its standard deviation [m/s2]."""


def estimate_height(keypoints: Keypoints, first: OnGround, support: Support) -> HeightEstimate:
    """The height of the person in a film.

    Args:
      keypoints: of the person, at the speed that was found for them.
      first: the motion of a body of an assumed height, before gravity is imposed on it.
      support: what carries that body, and when it flies.
    """
    assumed = first.problem.character.height
    flights = measure_flights(first, support) if keypoints.speed == 1.0 else []
    gaits = measure_gaits(keypoints) if keypoints.speed == 1.0 else []
    steps = [np.log(SEGMENTS_HEIGHT) + 2.0 * np.log(speed) for speed, _ in gaits]
    density = prior_density() * flight_likelihood(flights, assumed) * gait_likelihood(steps)
    said = [f"{n} {word}{'s' * (n > 1)}" for n, word in ((len(flights), "flight"), (len(steps), "gait")) if n]
    return summarise(density, assumed, f"from {' and '.join(said)}" if said else "as people are")


def summarise(density: np.ndarray, assumed: float, evidence: str) -> HeightEstimate:
    """Median and interval of a density on `GRID`, held against an assumed height [m]."""
    below = np.cumsum(density) - 0.5 * density
    below /= density.sum()
    low, middle, high = np.exp(np.interp([TAIL, 0.5, 1.0 - TAIL], below, GRID))
    smaller = float(np.interp(np.log(assumed), GRID, below))
    return HeightEstimate(float(middle), float(low), float(high), evidence, assumed, max(smaller, 1.0 - smaller))


def prior_density() -> np.ndarray:
    """Of the heights of people in films, on `GRID`."""
    parts = [
        share / sigma * np.exp(-0.5 * ((GRID - np.log(median)) / sigma) ** 2) for share, median, sigma in (ADULTS, ALL)
    ]
    return np.sum(parts, axis=0)


def flight_likelihood(flights: Sequence[Flight], assumed: float) -> np.ndarray:
    """Of falls in metres of a body of the assumed height, on `GRID`."""
    density = np.ones(len(GRID))
    if not flights:
        return density
    expected = GRAVITY * assumed / np.exp(GRID)
    for one in flights:
        density *= (1.0 + ((expected - one.fall) / one.sigma) ** 2 / FREEDOM) ** (-0.5 * (FREEDOM + 1.0))
    # The error that they share does not average away, however many they are.
    shared = np.exp(-0.5 * ((GRID[:, None] - GRID) / PROPORTIONS) ** 2)
    return shared @ density


def gait_likelihood(steps: Sequence[float]) -> np.ndarray:
    """Of logarithms of heights that steps have shown, on `GRID`."""
    density = np.ones(len(GRID))
    for one in steps:
        density *= (1.0 + ((GRID - one) / GAIT_LOG_STD) ** 2 / FREEDOM) ** (-0.5 * (FREEDOM + 1.0))
    return density


def measure_flights(first: OnGround, support: Support) -> list[Flight]:
    """How fast the body falls in each of its flights.

    The smoothness of the fit pulls at a parabola too, so what the landmarks say beyond it, on the mean of each frame,
    is added to the path of the centre of mass again.

    Args:
      first: the motion before gravity is imposed on it.
      support: when the body flies.
    """
    problem, view = first.problem, first.view
    if problem.carried is not None or problem.view_known or (support.touches is not None and support.touches.any()):
        return []  # the unit of a carried camera's path comes from gravity itself
    steepness = float(np.cos(view.pitch))
    if steepness < 0.5:
        return []
    height = com_positions(problem.model, first.qpos)[:, 2] + measure_lift(first)
    fps, found = problem.fps, list[Flight]()
    assert problem.observations is not None
    weight = problem.observations.weight.mean(axis=1)
    for start, end in find_runs(support.flight):
        duration = (end - start) / fps
        if end - start < FEWEST or duration < SHORTEST_FLIGHT:
            continue
        times = (np.arange(end - start) - 0.5 * (end - start - 1)) / fps
        fit = np.polyfit(times, height[start:end], 2)
        misfit = float(np.sqrt(np.mean((np.polyval(fit, times) - height[start:end]) ** 2)))
        lost = 1.0 - min(weight[start:end].mean() / max(float(np.median(weight)), 1e-9), 1.0)
        sigma = 8.0 * max(SAGITTA, misfit) * (1.0 + LOST * lost) / steepness / duration**2
        found.append(Flight(-2.0 * float(fit[0]), sigma))
    return found


def measure_lift(first: OnGround) -> np.ndarray:
    """How much higher the landmarks are seen than the motion has them, on the mean of each frame [m], (T,)."""
    problem, view = first.problem, first.view
    seen = problem.observations
    assert seen is not None
    points_w = point_positions(problem.model, first.qpos, seen.points)
    points_c = seen.view_points((points_w - [0.0, 0.0, view.height]) @ view.rotation().T)
    metre = np.exp(view.log_focal) / np.maximum(points_c[..., 2], 0.2)
    away = seen.plane_px / metre[..., None] - points_c[..., :2]
    up = view.rotation()[:2, 2]
    upwards = away @ (up / np.linalg.norm(up))
    weight = seen.weight + 1e-9
    middle = np.sum(weight * upwards, axis=1) / weight.sum(axis=1)
    spread = np.clip(upwards - middle[:, None], -0.1, 0.1)  # a limb that is seen elsewhere is not the body
    return middle + np.sum(weight * spread, axis=1) / weight.sum(axis=1)


def scale_character(character: Character, height: float) -> Character:
    """The same body at another standing height [m]."""
    return replace(character, height=height, scale=character.scale * height / character.height)
