"""`python -m sfv render`: films of a finished run's motions, at any size."""

from pathlib import Path

from imitate.env.task import Task
from pose.video import check_film
from sfv.console import bar, console
from sfv.drawing.rendering import make_scenery, write_preview
from sfv.run import find_results, find_run_folder


def render(clip: Path, size: tuple[int, int] = (1280, 720), out: Path | None = None) -> None:
    """Draws the reference and every simulated motion of a run as films of their own.

    Args:
      clip: the run's folder, or its name in runs/.
      size: width and height [px].
      out: folder for the films; default render/ in the run.

    Raises:
      InputError: there is no such run, or the size cannot be drawn.
    """
    check_film(None, size)
    folder = find_run_folder(clip)
    out = out or folder / "render"
    for run in find_results(folder):
        shown = {
            "reference": (run.motion, Task(run.character, run.motion)),
            "simulation": (run.rollout.as_motion(run.motion, with_box=True), run.task),
        }
        for name, (motion, task) in shown.items():
            path = out / f"{run.body}_{name}.mp4"
            with bar(path.name) as progress:
                write_preview(motion, run.character, path, run.camera, size, progress, make_scenery(task), task.ground)
            console.print(str(path))
