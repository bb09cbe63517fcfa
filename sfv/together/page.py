"""The report of a run of several people: the film of all of them, and a row for each."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pose.files import replace_file
from reconstruct.motion import ReferenceMotion
from sfv import __version__
from sfv.page_template import render_page
from sfv.report import embed_video, flatten_metrics, verdict
from sfv.stage import StageResult
from sfv.together.people import Person, find_run

TEMPLATE = Path(__file__).with_name("page.html")
NAME = "report.html"


def write_page(
    folder: Path, source: Path, done: tuple[StageResult, StageResult, StageResult], people: Sequence[Person]
) -> Path:
    """Writes `report.html`, which links to the report of each person.

    Args:
      folder: of the run.
      source: the video.
      done: stages of the keypoints, the world and the performance.
      people: those who perform.
    """
    pose, world, result = done
    html = render_page(
        TEMPLATE,
        title=f"{folder.name}: {len(people)} people from one video, in one simulation",
        lead=f"{source.name} | sfv {__version__}",
        verdict=f"{result.summary}. {world.summary}.",
        good=result.metrics["completed"] == 1.0,
        film=embed_video(result["together.mp4"]),
        people=[_describe(folder, one, world, result) for one in people],
        tables=[(stage.folder.name, flatten_metrics(stage.metrics)) for stage in (pose, world, result)],
    )
    path = folder / NAME
    with replace_file(path) as temporary:
        temporary.write_text(html, encoding="utf-8")
    return path


def _describe(folder: Path, one: Person, world: StageResult, result: StageResult) -> dict[str, Any]:
    """A person's row of the table."""
    run = find_run(folder, one)
    start, falls = ReferenceMotion.load(world[f"{one.name}.npz"]).qpos[0], result.metrics[f"{one.name}_falls_at"]
    return {
        "name": one.name,
        "report": f"{one.name}/{run.report.name}",
        "height": f"{one.height:.2f} m",
        "where": f"{0.0 - round(start[1], 2):.2f} m, {start[0]:.2f} m",
        "begin": f"{one.place.begin:.2f} s",
        "returned": f"{result.metrics[f'{one.name}_return']:.3f}",
        "falls": "no" if falls is None else f"at {falls:.2f} s",
        "alone": verdict(run.metrics, {}),
    }
