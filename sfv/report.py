"""`report.html`: one self-contained page for a person to look at."""

import base64
import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from markupsafe import Markup

from imitate.rollout import Rollout
from pose.files import replace_file
from pose.keypoints import Keypoints
from pose.quality import assess_keypoints
from sfv import __version__
from sfv.page_template import render_page
from sfv.stage import StageResult

TEMPLATE = Path(__file__).with_name("report.html")
MOST_EMBEDDED = 32_000_000
"""Films up to which the page holds them itself, so that it can be sent to somebody [bytes in all]."""


@dataclass(frozen=True)
class RunStages:
    """The finished stages of one result."""

    pose: StageResult | None
    """None for a motion that came as a file or from another body."""
    motion: StageResult
    draft: StageResult
    policy: StageResult
    result: StageResult

    @property
    def all(self) -> list[StageResult]:
        """Those that there are, in order."""
        return [*([self.pose] if self.pose else []), self.motion, self.draft, self.policy, self.result]


def write_report(
    folder: Path, source: Path, run: RunStages, name: str = "report.html", live: Path | None = None
) -> Path:
    """Writes the report into the run's folder from what the stages left; videos and pictures are embedded.

    Args:
      folder: the run's.
      source: the video or motion file.
      run: the finished stages.
      name: of the file.
      live: the live page beside it, to be linked; None where there is none.
    """
    metrics, pose, draft = run.result.metrics, run.pose, run.draft
    names = {stage.folder: stage.folder.relative_to(folder).as_posix() for stage in run.all}
    html = render_page(
        TEMPLATE,
        title=f"{folder.name}: a simulated skill from a {'video' if pose else 'motion file'}",
        filmed=pose is not None,
        lead=f"{source.name} | sfv {__version__}",
        live=live.name if live else None,
        verdict=verdict(metrics, draft.metrics),
        verdict_good=(metrics.get("completed") or 0.0) >= 0.9,
        side_by_side=embed_video(run.result["side_by_side.mp4"]),
        pose=pose.metrics if pose else None,
        motion_verdict=run.motion.metrics.get("verdict"),
        height=run.motion.metrics.get("height", ""),
        motion_poor=run.motion.metrics.get("level") == "poor",
        motion_findings=run.motion.metrics.get("findings", []),
        objects=run.motion.metrics.get("objects", []),
        scene=run.motion.metrics.get("scene", ""),
        confidence_curve=Markup(draw_confidence(Keypoints.load(pose["keypoints.npz"]))) if pose else "",
        draft=embed_video(draft["draft.mp4"]),
        problems=draft.metrics["problems"],
        headline=headline(run.motion.metrics, metrics),
        stages=[
            {"name": names[stage.folder], "summary": stage.summary, "seconds": f"{stage.seconds:.0f}"}
            for stage in run.all
        ],
        curves=Markup(draw_training(run.policy["curves.csv"])),
        reward_curves=Markup(draw_rewards(Rollout.load(run.result["rollout.npz"]))),
        tables=[(names[stage.folder], flatten_metrics(stage.metrics)) for stage in run.all],
        files=[
            path.relative_to(folder).as_posix()
            for stage in run.all
            for path in sorted(stage.folder.iterdir())
            if path.suffix in (".mp4", ".bvh", ".npz", ".json", ".pt")
        ],
    )
    path = folder / name
    with replace_file(path) as temporary:
        temporary.write_text(html, encoding="utf-8")
    return path


def embed_video(path: Path) -> Markup:
    """A video as the `src` of an HTML element."""
    return Markup("data:video/mp4;base64," + base64.b64encode(path.read_bytes()).decode("ascii"))


def show_films(films: list[Path | None], out: Path) -> list[str | None]:
    """Each film as the `src` of an element of a page in `out`: in the page itself, or, of many, where it lies.

    A page that holds hundreds of films is more than a browser and this program's memory can take.
    """
    if sum(film.stat().st_size for film in films if film) <= MOST_EMBEDDED:
        return [film and embed_video(film) for film in films]
    return [film and quote(film.relative_to(out).as_posix()) for film in films]


def verdict(metrics: Mapping[str, Any], draft: Mapping[str, Any]) -> str:
    """How far the skill was learnt, and what to do if it was not.

    Args:
      metrics: those of the result.
      draft: metrics of the draft: what it could do with the reference shows where the fault lies.
    """
    completed, returned = metrics.get("completed") or 0.0, metrics.get("normalised_return") or 0.0
    if completed >= 0.9 and returned >= 0.7:
        return f"Learnt: {completed:.0%} of the rollouts reach the end, at a normalised return of {returned:.2f}."
    falls = metrics.get("fall_time")
    most = f"Most falls are about {falls:.1f} s into the motion. " if falls is not None else ""
    if completed >= 0.5:
        longer = "Train longer: the same command with larger MINUTES goes on from here."
        if metrics.get("ended_by_itself"):
            longer = "Training ended because it no longer improved; the same command with --no-early-stop goes on."
        return (
            f"Half learnt: {completed:.0%} of the rollouts reach the end (normalised return {returned:.2f}). "
            f"{most}{longer}"
        )
    failed = f"Not learnt yet: {completed:.0%} of the rollouts reach the end (normalised return {returned:.2f}). {most}"
    if draft.get("draft_completed"):
        return f"{failed}The draft reaches the end of the reference, so it can be done: train longer (larger MINUTES)."
    where = f", worst at {draft['problems'][0]}" if draft.get("problems") else ""
    return (
        f"{failed}The draft falls, too{where}. Look at the reference there: if it is what the video shows, train "
        "longer (larger MINUTES); if not, try another START and END or a clearer video."
    )


def headline(motion: Mapping[str, Any], result: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The metrics that a reader looks for first: (value, meaning)."""
    wanted = (
        (result, "normalised_return", "{:.3f}", "normalised return"),
        (result, "completed", "{:.0%}", "of rollouts completed"),
        (result, "in_a_row_completed", "{:.0%}", "of rollouts do it ten times in a row"),
        (result, "tracking_mpjpe_mm", "{:.0f} mm", "tracking error"),
        (result, "foot_slide_mm_per_frame", "{:.1f} mm", "foot slide a frame"),
        (motion, "reprojection_px", "{:.1f} px", "reference against video"),
        (result, "samples", "{:,.0f}", "samples"),
        (result, "train_seconds", "{:.0f} s", "training time"),
        (result, "time_to_skill_seconds", "{:.0f} s", "from the file to the skill"),
    )
    return [(form.format(table[key]), text) for table, key, form, text in wanted if table.get(key) is not None]


def flatten_metrics(metrics: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested metrics as (dotted name, text) rows."""
    rows: list[tuple[str, str]] = []
    for key, value in metrics.items():
        if isinstance(value, Mapping):
            rows += flatten_metrics(value, f"{prefix}{key}.")
        elif isinstance(value, float):
            rows.append((prefix + key, f"{value:.4g}"))
        elif isinstance(value, list | tuple):
            rows.append((prefix + key, "; ".join(f"{v:.4g}" if isinstance(v, float) else str(v) for v in value)))
        else:
            rows.append((prefix + key, "not measured" if value is None else str(value)))
    return rows


def draw_confidence(keypoints: Keypoints) -> str:
    """How sure each frame's keypoints are, as SVG."""
    figure, axis = plt.subplots(figsize=(9, 2), layout="constrained")
    confidence = assess_keypoints(keypoints).frame_confidence
    axis.fill_between(range(len(confidence)), confidence, alpha=0.4, step="mid")
    axis.set_xlabel("frame")
    axis.set_ylabel("confidence")
    axis.set_xlim(0, max(len(confidence) - 1, 1))
    axis.set_ylim(0, 1)
    axis.grid(alpha=0.3)
    return _svg(figure)


def draw_training(path: Path) -> str:
    """The evaluations during training over samples, as SVG; empty if the policy was not trained here."""
    if not path.is_file():
        return ""
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if not rows:
        return ""
    samples = [float(row["samples"]) / 1e6 for row in rows]
    figure, axis = plt.subplots(figsize=(9, 3), layout="constrained")
    for name, label in (("return", "normalised return"), ("completed", "completed share")):
        axis.plot(samples, [float(row[name]) for row in rows], label=label)
    axis.set_xlabel("samples [millions]")
    axis.set_ylim(0, 1)
    axis.grid(alpha=0.3)
    axis.legend(frameon=False)
    return _svg(figure)


def draw_rewards(rollout: Rollout) -> str:
    """Each reward term of the shown rollout over time as SVG."""
    figure, axis = plt.subplots(figsize=(9, 3), layout="constrained")
    for name, values in rollout.reward_terms.items():
        times = [t / rollout.fps for t in range(1, len(values))]  # nothing led to the first frame
        axis.plot(times, values[1:], label=name)
    axis.set_xlabel("time [s]")
    axis.set_ylim(0, 1.02)
    axis.grid(alpha=0.3)
    axis.legend(frameon=False, ncols=4)
    return _svg(figure)


def _svg(figure: Any) -> str:
    text = io.StringIO()
    figure.savefig(text, format="svg")
    plt.close(figure)
    return text.getvalue()[text.getvalue().index("<svg") :]
