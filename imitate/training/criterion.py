"""When a skill is learnt: a criterion on evaluations in a row, the end of the rise, and whether the time will do."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from imitate.tracking.draft import Draft
from imitate.training.evaluation import COMPLETED, Score

DRAFT_SHARE = 0.94
"""Part of the draft's mean reward that a policy's return reaches once the skill is learnt."""
# The draft plans anew at every step and knows the model. In November 2026 the trained policies of SFV's videos whose
# drafts reached the end had .94 to 1.00 of it (docs/table.md).
PLATEAU = 0.003
"""A gain over some evaluations in a row that is no rise any more."""
FEWEST = 4
"""Evaluations that an outlook needs."""
EARLIEST = 0.2
"""Part of the budget that must be used before an outlook is given."""


@dataclass(frozen=True)
class Criterion:
    """What evaluations must show. A mean over `in_a_row` of them counts: one alone has too few rollouts."""

    least_return: float
    """Normalised return of undisturbed rollouts that the draft makes likely; 0 where there is no draft."""
    in_a_row: int
    """Evaluations that must be at criterion, one after the other, at least 2."""

    @classmethod
    def of(cls, draft: Draft | None, in_a_row: int) -> "Criterion":
        """The criterion of a motion: `DRAFT_SHARE` of the draft's mean reward, until it falls if it does."""
        reward = draft.rollout.reward[1:] if draft is not None else np.zeros(0)
        return cls(DRAFT_SHARE * float(reward.mean()) if len(reward) else 0.0, in_a_row)

    def find_first(self, scores: Sequence[Score]) -> int | None:
        """Index of the first evaluation of the first `in_a_row` that are at criterion; None if there are none."""
        return next(
            (i for i in range(len(scores) - self.in_a_row + 1) if self._is_met(scores[i : i + self.in_a_row])), None
        )

    def choose_end(self, scores: Sequence[Score]) -> str:
        """Why to end after these evaluations, in words for people; empty to go on.

        The skill is learnt when the last `in_a_row` evaluations are at criterion and have not risen. Where there is no
        draft, or the return stays below what it makes likely though nobody falls, twice as many without a rise end it.
        It goes on where the last one's rollouts from other starts fall: evaluations in a row have the same starts.
        """
        count, learnt = self.in_a_row, "the skill is learnt and no longer improves"
        if scores and scores[-1].confirmed is not None and not scores[-1].is_confirmed:
            return ""
        late = scores[-count:]
        if self.least_return and len(late) == count and self._is_met(late) and not is_rising(late):
            return learnt
        late = scores[-2 * count :]
        if len(late) < 2 * count or _mean_completed(late) < COMPLETED or is_rising(late):
            return ""
        found = float(np.mean([score.episode_return for score in late]))
        if found >= self.least_return:
            return learnt
        return f"the return no longer rises, at {found:.2f}; the draft made {self.least_return:.2f} likely"

    def _is_met(self, scores: Sequence[Score]) -> bool:
        returns = np.mean([score.episode_return for score in scores])
        return bool(_mean_completed(scores) >= COMPLETED and returns >= self.least_return)

    def predict_miss(self, scores: Sequence[Score], samples: Sequence[float], limit: float) -> str:
        """Why the criterion will not be met in time, in one line; empty where it may be, or too little is known.

        Completed share and return of the later half of the evaluations are continued along a straight line, with the
        slope's standard error on top. Learning curves flatten, so a line that misses is a strong sign.

        Args:
          scores: evaluations so far.
          samples: control steps before each, as many.
          limit: control steps when the budget is used.
        """
        if len(scores) < FEWEST or samples[-1] < EARLIEST * limit or self.find_first(scores) is not None:
            return ""
        late = slice(-max(FEWEST, len(scores) // 2), None)
        x = np.array(samples[late])
        completed = _extrapolate(x, np.array([score.completed for score in scores[late]]), limit)
        returns = _extrapolate(x, np.array([score.episode_return for score in scores[late]]), limit)
        last = scores[-1]
        if completed < COMPLETED:
            where = "" if last.fall_time is None else f"; most fall about {last.fall_time:.1f} s into the motion"
            return f"{last.completed:.0%} of the rollouts reach the end, {completed:.0%} at best when time is up{where}"
        if returns < self.least_return:
            return (
                f"the return is {last.episode_return:.2f}, {returns:.2f} at best when time is up; "
                f"the draft makes {self.least_return:.2f} likely"
            )
        return ""


def is_rising(scores: Sequence[Score]) -> bool:
    """The least-squares line through these evaluations, at least 2, rises by more than chance and `PLATEAU`.

    It goes through the overall score, undisturbed and pushed: the former alone has long stopped rising while a walk
    still learns to stay on its feet. By chance, it rises by the standard error of the undisturbed return's line.
    """
    x = np.arange(len(scores)) - (len(scores) - 1) / 2.0
    overall = np.array([score.overall for score in scores])
    span = len(scores) - 1
    gain = float(x @ overall / (x @ x)) * span
    error = float(np.mean([score.return_error for score in scores])) / float(np.sqrt(x @ x)) * span
    return gain > max(PLATEAU, error)


def _mean_completed(scores: Sequence[Score]) -> float:
    return float(np.mean([score.completed for score in scores]))


def _extrapolate(places: np.ndarray, values: np.ndarray, limit: float) -> float:
    """Where the line through values (K,) at places (K,) is at the limit, one standard error steeper; at most 1."""
    x = places - places.mean()
    spread = max(float(x @ x), 1e-9)
    slope = float(x @ values) / spread
    residual = values - values.mean() - slope * x
    error = float(np.sqrt(residual @ residual / max(len(x) - 2, 1) / spread))
    return min(float(values.mean()) + (slope + error) * (limit - float(places.mean())), 1.0)
