"""`python -m sfv adapt`: a skill learns to adapt to its load, its strength and the ground (RMA)."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from imitate.adapt.adapt import AdaptConfig
from imitate.env.dynamics import check_task
from imitate.rollout import EvaluateConfig
from pose.errors import InputError
from sfv import __version__, stages, stages_adapt
from sfv.console import console
from sfv.pipeline import find_commit
from sfv.run import Run, find_run_folder
from sfv.run_folder import RUNS, lock_folder, open_run, read_command_line
from sfv.skill import Skill, run_skills, skills_named
from sfv.stage import StageResult, plain, run_stage


@dataclass(frozen=True)
class AdaptRunConfig:
    """Which skill learns to adapt, and how."""

    clip: Path | None = None
    """A finished run's folder, or its name in runs/: its skill learns to adapt."""
    skill: str | None = None
    """Instead, a shipped skill, e.g. walk."""
    character: str | None = None
    """Body that has the skill; default the humanoid, else the first that has it."""
    out: Path | None = None
    """Folder of the run of a shipped skill; default runs/<skill>_adaptive."""
    adapt: Annotated[AdaptConfig, tyro.conf.arg(name="")] = field(default_factory=AdaptConfig)
    evaluate: EvaluateConfig = field(default_factory=EvaluateConfig)


def adapt(config: Annotated[AdaptRunConfig, tyro.conf.arg(name="")]) -> None:
    """A skill learns to adapt to its load, its strength and the ground, and to stand pushes.

    The result lies next to the plain one, as <body>@adaptive, and plays, exports and performs as every skill does. The
    same command again skips what is done; Ctrl-C loses nothing.
    """
    run_adapt(config, read_command_line())


def run_adapt(config: AdaptRunConfig, command: str | None = None) -> Run:
    """Learns to adapt and evaluates.

    Args:
      config: which skill, and how.
      command: what the user typed or called, noted in the run.

    Raises:
      InputError: there is no such skill, it is not performed on the plane, or its body lacks the limbs.
      WorkError: training ended against its will; the same call goes on.
    """
    config.adapt.check()
    config.evaluate.check()
    skill = choose_skill(config)
    check_task(skill.task)
    if config.clip is not None:
        folder = find_run_folder(config.clip)
        with lock_folder(folder):
            motion = folder / "2_motion" / skill.reference.character / "motion.npz"
            return _learn(skill, StageResult(motion.parent, "", {}, 0.0), folder, config, command)
    folder = config.out or RUNS / f"{skill.name}_adaptive"
    reference = skill.policy_path.with_suffix(".npz")
    record = {"config": plain(config), "version": __version__, "commit": find_commit(), "command": command}
    with open_run(folder, reference, record):
        motion = run_stage(folder, stages_adapt.keep_motion(reference, skill.task), command)
        return _learn(skill, motion, folder, config, command)


def choose_skill(config: AdaptRunConfig) -> Skill:
    """The skill that is to adapt.

    Raises:
      InputError: none or two are named, or the body has none that is plain and on the plane.
    """
    if (config.clip is None) == (config.skill is None):
        raise InputError("which skill is to adapt? give --clip RUN or --skill NAME, one of them")
    found = skills_named(config.skill) if config.skill else list(run_skills(find_run_folder(Path(str(config.clip)))))
    plain_ones = [skill for skill in found if not skill.adaptive]
    bodies = list(dict.fromkeys(skill.reference.character for skill in plain_ones))
    wanted = config.character or ("humanoid" if "humanoid" in bodies else bodies[0] if bodies else "humanoid")
    own = [skill for skill in plain_ones if skill.reference.character == wanted]
    if not own:
        raise InputError(f"'{found[0].name}' has been learnt by {', '.join(bodies) or 'nobody'}, not by '{wanted}'")
    on_plane = [skill for skill in own if skill.task.ground.flat and not skill.scene.has_box]
    return on_plane[0] if on_plane else own[0]


def _learn(skill: Skill, motion: StageResult, folder: Path, config: AdaptRunConfig, command: str | None) -> Run:
    console.print(f"[bold]{skill.name} by {skill.body}[/bold] -> {folder}")
    policy = run_stage(folder, stages_adapt.adapt(motion, skill.policy_path, skill.task, config.adapt), command)
    evaluation = stages.evaluate(motion, policy, skill.task, config.evaluate, None, config.adapt)
    result = run_stage(folder, evaluation, command)
    console.print(f"[bold]result[/bold]  {result['side_by_side.mp4']}")
    return Run(folder, result.folder.name)
