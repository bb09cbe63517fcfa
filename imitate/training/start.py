"""What a training may begin with instead of a policy that knows nothing; `imitate.adapt` begins with a skill."""

from typing import Any, Protocol

from imitate.env.env import ImitationEnv
from imitate.env.task import Task
from imitate.training.config import ResolvedTrainConfig
from imitate.training.distill import Labeller
from imitate.training.evaluation import Evaluator
from imitate.training.initial_state import InitialStates
from imitate.training.process_group import ProcessGroup


class Start(Protocol):
    """A beginning of a training."""

    @property
    def value_samples(self) -> int:
        """Control steps that only the value function learns from, before PPO."""
        ...

    @property
    def digest(self) -> str:
        """Names all that the outcome depends on."""
        ...

    def make_env(self, task: Task, config: ResolvedTrainConfig, num_envs: int, rank: int) -> ImitationEnv:
        """The environments of a process."""
        ...

    def make_evaluator(self, task: Task, config: ResolvedTrainConfig, group: ProcessGroup) -> Evaluator:
        """What chooses the best policy, in the dynamics that it is to be good in."""
        ...

    def make_expert(self, env: ImitationEnv) -> Labeller | None:
        """Who is imitated before PPO; None where PPO follows at once on the value function."""
        ...

    def make_initial_states(self, env: ImitationEnv) -> InitialStates | None:
        """Where episodes start; None for what the config says."""
        ...

    def make_policy(self) -> Any:
        """The policy as it is at first, a copy of its own; it has all that `Policy` has."""
        ...
