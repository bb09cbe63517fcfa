"""How much noise a motion bears: halved while the draft's controller falls, and measured by its own rollouts."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imitate.env.env import ImitationEnv
from imitate.env.task import Task
from imitate.policy import Policy
from imitate.training import bearable_noise, train
from imitate.training.bearable_noise import find_bearable_std, measure_survival
from imitate.training.config import ResolvedTrainConfig
from imitate.training.job import Job
from imitate.training.loop import BEST_POLICY
from tests.imitate.training.test_distill import made_up_draft, turning
from tests.samples import CHARACTER

CONFIG = ResolvedTrainConfig(initial_std=0.16)
GLIDING = turning(loop=False, frames=31)
TASK = Task(CHARACTER, replace(GLIDING, qpos=np.repeat(GLIDING.qpos[:1], 31, axis=0)))


def calm_draft(seconds: float) -> Any:
    draft = made_up_draft(TASK.motion, seconds)
    still = replace(draft.rollout, qpos=draft.rollout.reference_qpos)
    return replace(draft, rollout=still, controls=0.0 * draft.controls, gains=0.0 * draft.gains)


@pytest.mark.parametrize(("borne", "expected"), [(1.0, 0.16), (0.16, 0.16), (0.1, 0.08), (0.05, 0.04), (0.001, 0.04)])
def test_noise_is_halved_until_the_draft_survives_it(borne: float, expected: float, monkeypatch: pytest.MonkeyPatch):
    def survive(task: Task, draft: Any, config: ResolvedTrainConfig, std: float) -> float:
        return 0.8 if std == 0.0 else 0.48 if std <= borne else 0.47

    monkeypatch.setattr(bearable_noise, "measure_survival", survive)
    assert find_bearable_std(TASK, made_up_draft(TASK.motion, 0.2), CONFIG) == expected


def test_what_falls_without_noise_is_not_spared_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bearable_noise, "measure_survival", lambda *_: 0.2)
    assert find_bearable_std(TASK, made_up_draft(TASK.motion, 0.2), CONFIG) == 0.16


def test_survival_is_of_the_drafts_own_rollouts():
    """A body that does nothing stands for a second, but not if it is shaken."""
    draft = calm_draft(0.2)
    assert measure_survival(TASK, draft, CONFIG, 0.0) == 1.0
    assert measure_survival(TASK, draft, CONFIG, 30.0) < 0.5
    pushed = replace(CONFIG, env=replace(CONFIG.env, push_speed=20.0, push_interval=0.1))
    assert measure_survival(TASK, draft, pushed, 0.0) == 1.0, "noise is measured, not pushes"
    empty = replace(draft, controls=draft.controls[:0], gains=draft.gains[:0])
    assert measure_survival(TASK, empty, CONFIG, 30.0) == 1.0


@pytest.mark.parametrize(
    ("options", "expected"), [({}, 0.04), ({"reduce_std": False}, 0.16), ({"warm_start": "none"}, 0.16)]
)
def test_training_begins_with_it_and_says_so(
    options: dict[str, Any], expected: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    begun = list[float]()

    def run(job: Job, progress: Any) -> dict[str, Any]:
        begun.append(job.config.initial_std)
        Policy(ImitationEnv(job.task, job.config.env, 1).policy_layout((4,))).save(tmp_path / BEST_POLICY)
        numbers = {"train_seconds": 1.0, "cpu_seconds": 1.0, "samples": 1, "best_return": 0.5, "best_completed": 1.0}
        return numbers | {"skill_seconds": None, "reason": "tried", "outlook": ""}

    monkeypatch.setattr(train, "run_job", run)
    monkeypatch.setattr(bearable_noise, "measure_survival", lambda *given: float(given[-1] == 0.0))
    draft = made_up_draft(TASK.motion, 0.2)
    made = train.train_policy(TASK, replace(CONFIG, **options), tmp_path, draft=draft)
    assert begun == [made.metrics["initial_std"]] == [expected]
    assert ("began with noise 0.04" in made.summary) == (expected == 0.04)
