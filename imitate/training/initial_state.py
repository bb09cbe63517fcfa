"""Where episodes start: at the first frame, anywhere along the reference, or where most is to be learnt."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch

from imitate.env.reference import Reference
from imitate.training.process_group import ProcessGroup


@dataclass(frozen=True)
class Starts:
    """Initial states of M episodes."""

    frames: np.ndarray
    """Frames of the reference, int (M,)."""
    offset: np.ndarray
    """Tangent step from the reference's pose to the initial pose, (M, nv)."""
    component: np.ndarray
    """Component of the distribution that each was drawn from, int (M,)."""

    def put(self, ids: np.ndarray, others: "Starts") -> None:
        """Replaces the starts of some episodes, in place."""
        self.frames[ids], self.offset[ids], self.component[ids] = others.frames, others.offset, others.component

    def take(self, ids: np.ndarray) -> "Starts":
        """The starts of some episodes."""
        return Starts(self.frames[ids], self.offset[ids], self.component[ids])


class InitialStates(Protocol):
    """A distribution of initial states that may learn from how episodes went."""

    def choose(self, count: int, rng: np.random.Generator) -> Starts:
        """Samples starts."""
        ...

    def record(self, starts: Starts, returns: np.ndarray, failed_soon: np.ndarray) -> None:
        """Takes note of M finished episodes.

        Args:
          starts: how they started.
          returns: their discounted returns, (M,).
          failed_soon: they failed within `FailureStart.SOON`, bool (M,).
        """
        ...

    def improve(self, group: ProcessGroup) -> None:
        """Takes one step on the episodes recorded since the last one, in all processes together."""
        ...

    def state(self) -> dict[str, Any]:
        """What a checkpoint holds."""
        ...

    def restore(self, state: dict[str, Any]) -> None:
        """Continues from what `state` returned."""
        ...


class ReferenceStart:
    """Reference state initialisation (DeepMimic, Peng et al. 2018): every frame of the reference is as likely."""

    def __init__(self, reference: Reference):
        self.frames, self.nv = reference.starts, reference.qvel.shape[1]

    def choose(self, count: int, rng: np.random.Generator) -> Starts:
        """Uniform over the frames that can be started from."""
        none = np.zeros(count, dtype=np.int64)
        return Starts(rng.integers(0, self.frames, size=count), np.zeros((count, self.nv)), none)

    def record(self, starts: Starts, returns: np.ndarray, failed_soon: np.ndarray) -> None:
        """Nothing to learn."""

    def improve(self, group: ProcessGroup) -> None:
        """Nothing to improve."""

    def state(self) -> dict[str, Any]:
        """Nothing to keep."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Nothing to restore."""


class FixedStart(ReferenceStart):
    """Fixed state initialisation: always the first frame."""

    def __init__(self, reference: Reference):
        super().__init__(reference)
        self.frames = 1


class FailureStart(ReferenceStart):
    """The more often episodes from a frame fail soon, the more often they start there.

    A reference breaks physics here and there: a foot in the ground, a leap that nothing pushed off. Such states can be
    saved, but only by movements of their own, and episodes from them are over so soon that they hardly count among the
    samples. Akin to adaptive sampling in motion tracking on robots (BeyondMimic, Liao et al. 2025); unlike the adaptive
    initialisation of SFV it follows failures instead of returns, and does not change the poses.
    """

    FLOOR = 0.3
    """Fraction of starts that stays uniform, so that what has been mastered is not forgotten."""
    SOON = 1.0
    """Time after the start within which a failure is attributed to the start [s]."""
    MEMORY = 0.98
    """Factor on earlier counts at each update."""

    def __init__(self, reference: Reference):
        super().__init__(reference)
        self.counts = np.zeros((2, self.frames))
        """Episodes that started at each frame, and those of them that failed soon, with `MEMORY`."""
        self._new_counts = np.zeros((2, self.frames))

    @property
    def probability(self) -> np.ndarray:
        """Probability of each frame as a start, (frames,)."""
        started, failed = self.counts
        # As if one episode had started at each frame, and hardly ever failed.
        failure_rate = (failed + 0.05) / (started + 1.0)
        return self.FLOOR / self.frames + (1.0 - self.FLOOR) * failure_rate / failure_rate.sum()

    def choose(self, count: int, rng: np.random.Generator) -> Starts:
        """Frames by their probability, poses of the reference."""
        frames = rng.choice(self.frames, size=count, p=self.probability)
        return Starts(frames, np.zeros((count, self.nv)), np.zeros(count, dtype=np.int64))

    def record(self, starts: Starts, returns: np.ndarray, failed_soon: np.ndarray) -> None:
        """Counts episodes and failures."""
        np.add.at(self._new_counts[0], starts.frames, 1.0)
        np.add.at(self._new_counts[1], starts.frames[failed_soon], 1.0)

    def improve(self, group: ProcessGroup) -> None:
        """Adds up the counts of all processes."""
        self.counts = self.MEMORY * self.counts + group.sum(torch.from_numpy(self._new_counts)).numpy()
        self._new_counts = np.zeros((2, self.frames))

    def state(self) -> dict[str, Any]:
        """The counts."""
        return {"counts": self.counts.copy()}

    def restore(self, state: dict[str, Any]) -> None:
        """Continues from what `state` returned."""
        self.counts[:] = state["counts"]


class AdaptiveStart:
    """Adaptive state initialisation (SFV, Peng et al. 2018, section 7): a second agent chooses the start.

    The distribution rho_omega(s0) is a mixture of components at even distances along the motion. Component k covers a
    stretch of it, and its poses are Gaussian about the reference's, shifted by mu_k in joint coordinates. omega =
    (logits, mu) follows the policy gradient with the same objective as the policy:

        grad J = E[(R - b) grad log rho_omega(s0)],   R = sum gamma^t r_t of the episode that began in s0, b their mean.

    The paper leaves open what keeps the mixture from collapsing onto the easiest stretch, such as the end of a flip;
    here every component keeps at least `FLOOR` of an even share.
    """

    COMPONENTS = 10
    FLOOR = 0.5
    """Least weight of a component, as a fraction of an even share."""
    # With a quarter, 70 % of a backflip's starts were in its last tenth, and it was learnt worse than from even ones.
    STD = 0.02
    """Standard deviation of joint angles within a component [rad]; `EnvConfig.pose_noise` is added to it."""
    LOGIT_STEP = 0.1
    """Step size of the logits, for advantages of standard deviation 1."""
    SHIFT_STEP = 0.1
    """Step size of the shifts, in units of `STD`, for advantages of standard deviation 1."""
    SHIFT_LIMIT = 0.3
    """Largest shift of a component's mean pose from the reference [rad]."""

    def __init__(self, reference: Reference):
        self.nv = reference.qvel.shape[1]
        count = min(self.COMPONENTS, reference.starts)
        self.bounds = (np.arange(count + 1) * reference.starts) // count
        """First frame of each component, and the end of the last, (K + 1,)."""
        self.logits = np.zeros(count)
        self.shift = np.zeros((count, self.nv))
        """Tangent step from the reference to each component's mean pose, (K, nv)."""
        self._episodes: list[tuple[Starts, np.ndarray]] = []

    @property
    def probability(self) -> np.ndarray:
        """Weight of each component, (K,)."""
        return (1.0 - self.FLOOR) * self._softmax() + self.FLOOR / len(self.logits)

    def _softmax(self) -> np.ndarray:
        exponent = np.exp(self.logits - self.logits.max())
        return exponent / exponent.sum()

    def choose(self, count: int, rng: np.random.Generator) -> Starts:
        """A component by its weight, a frame within it, a pose about its mean."""
        component = rng.choice(len(self.logits), size=count, p=self.probability)
        frames = rng.integers(self.bounds[component], self.bounds[component + 1])
        offset = self.shift[component] + self.STD * rng.standard_normal((count, self.nv))
        offset[:, :6] = 0.0  # the root stays on its path, or feet would start in the ground
        return Starts(frames, offset, component)

    def record(self, starts: Starts, returns: np.ndarray, failed_soon: np.ndarray) -> None:
        """Keeps episodes for the next step."""
        self._episodes.append((starts, returns))

    def score(self, starts: Starts) -> tuple[np.ndarray, np.ndarray]:
        """grad log rho of each start by the logits (M, K) and by the mean pose of its own component (M, nv)."""
        softmax, weight, component = self._softmax(), self.probability, starts.component
        own = np.eye(len(softmax))[component]
        by_logits = (1.0 - self.FLOOR) * (softmax / weight)[component, None] * (own - softmax)
        by_shift = (starts.offset - self.shift[component]) / self.STD**2
        by_shift[:, :6] = 0.0
        return by_logits, by_shift

    def improve(self, group: ProcessGroup) -> None:
        """One step of policy gradient ascent on the recorded episodes of all processes."""
        returns = np.concatenate([values for _, values in self._episodes]) if self._episodes else np.zeros(0)
        moments = torch.tensor([len(returns), returns.sum(), (returns**2).sum()], dtype=torch.float64)
        count, total, squares = group.sum(moments).tolist()
        gradient = np.zeros((len(self.logits), 1 + self.nv))
        if count >= 2:
            mean = total / count
            std = max(squares / count - mean**2, 0.0) ** 0.5 + 1e-6
            for starts, values in self._episodes:
                advantage = (values - mean) / std
                by_logits, by_shift = self.score(starts)
                gradient[:, 0] += advantage @ by_logits
                np.add.at(gradient[:, 1:], starts.component, advantage[:, None] * by_shift)
        gradient = group.sum(torch.from_numpy(gradient)).numpy() / max(count, 1.0)
        self._episodes.clear()
        self.logits += self.LOGIT_STEP * gradient[:, 0]
        self.logits -= self.logits.mean()
        self.shift += self.SHIFT_STEP * self.STD**2 * gradient[:, 1:]
        np.clip(self.shift, -self.SHIFT_LIMIT, self.SHIFT_LIMIT, out=self.shift)

    def state(self) -> dict[str, Any]:
        """The parameters; a checkpoint is written after a step, when no episode is recorded."""
        return {"logits": self.logits.copy(), "shift": self.shift.copy()}

    def restore(self, state: dict[str, Any]) -> None:
        """Continues from what `state` returned."""
        self.logits[:], self.shift[:] = state["logits"], state["shift"]


KINDS: dict[str, Callable[[Reference], InitialStates]] = {
    "fixed": FixedStart,
    "reference": ReferenceStart,
    "adaptive": AdaptiveStart,
    "failures": FailureStart,
}
"""Distributions by the name that `TrainConfig.initial_state` gives them."""
