"""Where episodes start: at the first frame, anywhere along the reference, or where it pays most to learn from."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch

from imitate.env.reference import Reference
from imitate.training.process_group import ProcessGroup


@dataclass(frozen=True)
class Starts:
    """Initial states of M episodes."""

    rows: np.ndarray
    """Rows of the reference, int (M,)."""
    offset: np.ndarray
    """Tangent step from the reference's pose to the start's, (M, nv)."""
    component: np.ndarray
    """Component of the distribution that each came from, int (M,)."""

    def put(self, ids: np.ndarray, others: "Starts") -> None:
        """Replaces the starts of some episodes."""
        self.rows[ids], self.offset[ids], self.component[ids] = others.rows, others.offset, others.component

    def at(self, ids: np.ndarray) -> "Starts":
        """The starts of some episodes."""
        return Starts(self.rows[ids], self.offset[ids], self.component[ids])


class InitialStates(Protocol):
    """A distribution of initial states that may learn from how episodes went."""

    def choose(self, count: int, rng: np.random.Generator) -> Starts:
        """Samples starts."""
        ...

    def learn(self, starts: Starts, returns: np.ndarray, lost: np.ndarray) -> None:
        """Takes note of finished episodes: how they started, their return (M,), which failed soon, bool (M,)."""
        ...

    def improve(self, group: ProcessGroup) -> None:
        """Makes one step on what was noted since the last one, in all processes together."""
        ...

    def state(self) -> dict[str, Any]:
        """What a checkpoint must hold."""
        ...

    def restore(self, state: dict[str, Any]) -> None:
        """The opposite of `state`."""
        ...


class ReferenceStart:
    """Reference state initialisation (DeepMimic): every row of the reference is as likely."""

    def __init__(self, reference: Reference):
        self.rows, self.nv = reference.starts, reference.qvel.shape[1]

    def choose(self, count: int, rng: np.random.Generator) -> Starts:
        """Uniform over the rows that can be started from."""
        none = np.zeros(count, dtype=np.int64)
        return Starts(rng.integers(0, self.rows, size=count), np.zeros((count, self.nv)), none)

    def learn(self, starts: Starts, returns: np.ndarray, lost: np.ndarray) -> None:
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
        self.rows = 1


class FailureStart(ReferenceStart):
    """Starts where they end in failure soon, the more often the more of them do.

    A reference breaks physics here and there: a foot in the ground, a leap that nothing pushed off. States taken from
    such rows can be saved, but only by movements of their own, and episodes from them are over so soon that they hardly
    count among the samples. Akin to adaptive sampling in motion tracking on robots (BeyondMimic, Liao et al. 2025);
    unlike the paper's adaptive initialisation it follows failures instead of returns, and does not change the poses.
    """

    FLOOR = 0.3
    """Share of starts that stays uniform: what has been mastered is not to be forgotten."""
    SOON = 1.0
    """A failure later than this after the start is not the start's [s]."""
    MEMORY = 0.98
    """Weight of what was seen before against that of one more update."""

    def __init__(self, reference: Reference):
        super().__init__(reference)
        self.seen = np.zeros((2, self.rows))
        """Episodes that began at each row, and those of them that were lost."""
        self._noted = np.zeros((2, self.rows))

    @property
    def probability(self) -> np.ndarray:
        """Of each row as a start, (rows,)."""
        begun, lost = self.seen
        share = (lost + 0.05) / (begun + 1.0)  # as if each row had begun one episode, and hardly ever lost it
        return self.FLOOR / self.rows + (1.0 - self.FLOOR) * share / share.sum()

    def choose(self, count: int, rng: np.random.Generator) -> Starts:
        """Rows by their probability, poses as the reference has them."""
        rows = rng.choice(self.rows, size=count, p=self.probability)
        return Starts(rows, np.zeros((count, self.nv)), np.zeros(count, dtype=np.int64))

    def learn(self, starts: Starts, returns: np.ndarray, lost: np.ndarray) -> None:
        """Counts episodes and failures."""
        np.add.at(self._noted[0], starts.rows, 1.0)
        np.add.at(self._noted[1], starts.rows[lost], 1.0)

    def improve(self, group: ProcessGroup) -> None:
        """Adds up what all processes have counted."""
        self.seen = self.MEMORY * self.seen + group.sum(torch.from_numpy(self._noted)).numpy()
        self._noted = np.zeros((2, self.rows))

    def state(self) -> dict[str, Any]:
        """Counts remembered."""
        return {"seen": self.seen.copy()}

    def restore(self, state: dict[str, Any]) -> None:
        """The opposite of `state`."""
        self.seen[:] = state["seen"]


class AdaptiveStart:
    """Adaptive state initialisation (SFV, section 7): the start is chosen by a second agent.

    The distribution rho_omega(s0) is a mixture of components spread evenly over the motion. Component k covers a
    stretch of it, and its poses are Gaussian about the reference's, shifted by mu_k in joint coordinates. omega =
    (logits, mu) follows the policy gradient with the same objective as the policy:

        grad J = E[(R - b) grad log rho_omega(s0)],   R = sum gamma^t r_t of the episode that began in s0, b their mean.

    The paper leaves open what keeps the mixture from collapsing onto the easiest stretch, such as the end of a flip;
    here every component keeps at least `FLOOR` of an even share.
    """

    COMPONENTS = 10
    FLOOR = 0.5
    """With a quarter, 70 % of a backflip's starts were in its last tenth, and it was learnt worse than from even ones.
    """
    SPREAD = 0.02
    """Standard deviation of joint angles within a component [rad]; `EnvConfig.pose_noise` comes on top, as always."""
    LOGIT_STEP = 0.1
    SHIFT_STEP = 0.1
    """Steps of the two parameters, for advantages of deviation 1; shifts in units of the spread."""
    SHIFT_LIMIT = 0.3
    """A component's mean pose stays this near to the reference [rad]."""

    def __init__(self, reference: Reference):
        self.nv = reference.qvel.shape[1]
        count = min(self.COMPONENTS, reference.starts)
        self.bounds = (np.arange(count + 1) * reference.starts) // count
        self.logits = np.zeros(count)
        self.shift = np.zeros((count, self.nv))
        self._noted: list[tuple[Starts, np.ndarray]] = []

    @property
    def probability(self) -> np.ndarray:
        """Weight of each component, (K,)."""
        return (1.0 - self.FLOOR) * self._softmax() + self.FLOOR / len(self.logits)

    def _softmax(self) -> np.ndarray:
        exponent = np.exp(self.logits - self.logits.max())
        return exponent / exponent.sum()

    def choose(self, count: int, rng: np.random.Generator) -> Starts:
        """A component by its weight, a row within it, a pose about its mean."""
        component = rng.choice(len(self.logits), size=count, p=self.probability)
        rows = rng.integers(self.bounds[component], self.bounds[component + 1])
        offset = self.shift[component] + self.SPREAD * rng.standard_normal((count, self.nv))
        offset[:, :6] = 0.0  # the root stays on its path, or feet would start in the ground
        return Starts(rows, offset, component)

    def learn(self, starts: Starts, returns: np.ndarray, lost: np.ndarray) -> None:
        """Keeps episodes for the next step."""
        self._noted.append((starts, returns))

    def score(self, starts: Starts) -> tuple[np.ndarray, np.ndarray]:
        """grad log rho of each start by the logits (M, K) and by the mean pose of its own component (M, nv)."""
        soft, weight = self._softmax(), self.probability
        own = np.eye(len(soft))[starts.component]
        chosen = starts.component
        by_logits = (1.0 - self.FLOOR) * (soft / weight)[chosen, None] * (own - soft)
        by_shift = (starts.offset - self.shift[chosen]) / self.SPREAD**2
        by_shift[:, :6] = 0.0
        return by_logits, by_shift

    def improve(self, group: ProcessGroup) -> None:
        """One step of policy gradient ascent on the episodes noted, of all processes."""
        count = len(self.logits)
        returns = np.concatenate([noted for _, noted in self._noted]) if self._noted else np.zeros(0)
        moments = torch.tensor([len(returns), returns.sum(), (returns**2).sum()], dtype=torch.float64)
        episodes, total, squares = group.sum(moments).tolist()
        gradient = np.zeros((count, 1 + self.nv))
        if episodes >= 2:
            mean = total / episodes
            deviation = max(squares / episodes - mean**2, 0.0) ** 0.5 + 1e-6
            for starts, earned in self._noted:
                advantage = (earned - mean) / deviation
                by_logits, by_shift = self.score(starts)
                gradient[:, 0] += advantage @ by_logits
                np.add.at(gradient[:, 1:], starts.component, advantage[:, None] * by_shift)
        gradient = group.sum(torch.from_numpy(gradient)).numpy() / max(episodes, 1.0)
        self._noted.clear()
        self.logits += self.LOGIT_STEP * gradient[:, 0]
        self.logits -= self.logits.mean()
        self.shift += self.SHIFT_STEP * self.SPREAD**2 * gradient[:, 1:]
        np.clip(self.shift, -self.SHIFT_LIMIT, self.SHIFT_LIMIT, out=self.shift)

    def state(self) -> dict[str, Any]:
        """The parameters; episodes noted since the last step belong to the iteration that is saved after it."""
        return {"logits": self.logits.copy(), "shift": self.shift.copy()}

    def restore(self, state: dict[str, Any]) -> None:
        """The opposite of `state`."""
        self.logits[:], self.shift[:] = state["logits"], state["shift"]
