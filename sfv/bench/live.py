"""`python -m sfv bench live`: skills in a live page in headless Chromium, compared with the same skills in Python."""

import json as json_format
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tyro

from imitate.env.env import ImitationEnv
from imitate.rollout import choose_start_frames, run_episodes
from sfv.bench.sequences import measure_sequences
from sfv.commands.live import choose_all
from sfv.console import bar
from sfv.live.browser import OpenPage, open_page
from sfv.live.libraries import load_libraries
from sfv.live.page_file import write_page
from sfv.live.skill_data import LOOP_SECONDS
from sfv.rows import Row, show
from sfv.skill import Skill

ROLLOUTS, OBSERVED_STEPS = 32, 50
DRAWN_SECONDS = 4.0
SIZE = (960, 540)
LARGEST_BYTES = 20e6


def bench_live(
    skills: tyro.conf.Positional[tuple[str, ...]] = ("walk", "backflip", "cartwheel", "jump"),
    character: str | None = None,
    sequences: int = 100,
    json: bool = False,
) -> None:
    """Compares skills in a live page with the same in Python; measures size, speed, pictures a second, transitions.

    Args:
      skills: shipped skills, runs, or runs' folders, of one body.
      character: the body; default the humanoid.
      sequences: random sequences of four of the skills that are performed in Python; 0 leaves transitions out.
      json: one JSON object on standard output instead of a table.
    """
    chosen = choose_all(skills, character)
    with tempfile.TemporaryDirectory() as folder:
        path = write_page(chosen, Path(folder) / "live.html", load_libraries())
        began = time.perf_counter()
        with open_page(path, SIZE) as opened:
            loaded = time.perf_counter() - began
            rows = [*compare_skills(opened, chosen), *measure_drawing(opened)]
            rows.append(Row("live_requests", len(opened.requests), goal=0.0))
        rows.append(Row("live_first_frame_s", loaded, "s", note="from the browser's start"))
        rows.append(Row("live_bytes", path.stat().st_size, "B", goal=LARGEST_BYTES, note=f"{len(chosen)} skills"))
    if sequences:
        with bar("sequences") as progress:
            rows += measure_sequences(chosen, sequences, progress=progress)
    show("live", rows, json)


def compare_skills(opened: OpenPage, skills: Sequence[Skill], skip: int = 0) -> list[Row]:
    """Rollouts from the same frames in the page and in Python: the greatest differences over the skills.

    Args:
      opened: the page.
      skills: those of the page, or the ones that follow its first `skip`.
      skip: skills of the page that are left out.
    """
    returns, completed, observations, seconds, steps = [], [], [], 0.0, 0
    opened.evaluate("sfvLive.live.paused = true")
    for k, skill in enumerate(skills, skip):
        env = ImitationEnv.for_policy(skill.policy, skill.task, ROLLOUTS, LOOP_SECONDS)
        frames = choose_start_frames(env.reference, ROLLOUTS)
        scores = run_episodes(env, skill.policy, frames)
        text = json_format.dumps(frames.tolist())
        found = opened.evaluate(f"sfvLive.measureRollouts({k}, {text}, {env.episode_steps})")
        returns.append(abs(float(np.mean(found["returns"])) - float(scores.normalised_return.mean())))
        completed.append(abs(sum(found["completed"]) - int(scores.completed.sum())))
        seconds, steps = seconds + found["seconds"], steps + found["steps"]
        seen = np.array(opened.evaluate(f"sfvLive.measureObservations({k}, 0, {OBSERVED_STEPS})"))
        observations.append(float(np.abs(seen - observe_start(skill, len(seen))).max()))
    n = ROLLOUTS * len(skills)
    return [
        Row("live_return_difference", max(returns), n=n, goal=0.02, note="greatest of the skills, of means"),
        Row("live_completed_difference", max(completed), n=n, goal=1.0, note="rollouts, greatest of the skills"),
        Row("live_observation_difference", max(observations), n=OBSERVED_STEPS, goal=1e-4, note="greatest number"),
        Row("live_realtime_factor", steps / 30.0 / seconds, n=steps, goal=1.0, note="one core, without drawing"),
    ]


def observe_start(skill: Skill, steps: int) -> np.ndarray:
    """What the policy sees in Python at the first steps of the skill from its first frame on, (steps, O)."""
    env, policy = ImitationEnv.for_policy(skill.policy, skill.task, 1, LOOP_SECONDS), skill.policy
    first = np.zeros(1, dtype=np.int64)
    env.start(first, offset=env.rest(first))
    rows = []
    for _ in range(steps):
        rows.append(env.observe()[0])
        env.step(policy.act(rows[-1][None]))
    return np.array(rows)


def measure_drawing(opened: OpenPage) -> list[Row]:
    """Pictures a second while the skill runs, without and with the page's own saving where drawing is slow."""
    opened.evaluate("sfvLive.live.paused = false; sfvLive.live.player.begin(0, 0); sfvLive.live.adapts = false")
    full, full_cpu = _count_frames(opened)
    opened.evaluate("sfvLive.live.adapts = true")
    opened.page.wait_for_timeout(4000)
    adapted, cpu = _count_frames(opened)
    ratio = opened.evaluate("sfvLive.live.stage.pixelRatio")
    note = "Chromium's software GL, 960x540"
    return [
        Row("live_frames_per_second", adapted, "1/s", goal=30.0, note=f"{note}; {ratio:.2f} of the pixels each way"),
        Row("live_frames_per_second_all_pixels", full, "1/s", note=note),
        Row("live_cpu_per_picture", cpu, "ms", note=f"all processes and cores; {ratio:.2f} of the pixels each way"),
        Row("live_cpu_per_picture_all_pixels", full_cpu, "ms", note="all processes and cores, physics included"),
    ]


def _count_frames(opened: OpenPage) -> tuple[float, float]:
    """Pictures a second, and what one costs on all cores together [ms]."""
    before, used, began = opened.evaluate("sfvLive.live.frames"), opened.cpu_seconds(), time.perf_counter()
    opened.page.wait_for_timeout(1000.0 * DRAWN_SECONDS)
    count = opened.evaluate("sfvLive.live.frames") - before
    seconds, cpu = time.perf_counter() - began, opened.cpu_seconds() - used
    return count / seconds, 1000.0 * cpu / max(1, count)
