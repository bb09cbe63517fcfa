"""A training as all its processes are given it."""

from dataclasses import dataclass
from pathlib import Path

from imitate.env.task import Task
from imitate.tracking.draft import Draft
from imitate.training.checkpoint import task_digest
from imitate.training.config import ResolvedTrainConfig
from imitate.training.start import Start


@dataclass(frozen=True)
class Job:
    """What all processes must know to train together."""

    task: Task
    config: ResolvedTrainConfig
    folder: Path
    draft: Draft | None = None
    """What the policy is distilled from first, where the config wants that."""
    start: Start | None = None
    """Another beginning than a policy that knows nothing: what has been learnt before, and where it goes on."""

    @property
    def used_draft(self) -> Draft | None:
        """The draft, unless the config wants none."""
        return None if self.config.warm_start == "none" else self.draft

    @property
    def digest(self) -> str:
        """Names all that the outcome depends on: a checkpoint of another one is not continued."""
        expert = {"draft": self.used_draft.digest} if self.used_draft else {}
        start = {"start": self.start.digest} if self.start else {}
        return task_digest(self.task, self.config.without_budget() | expert | start)
