"""`python -m sfv render`: films of a finished run's motions, at any size."""

from pathlib import Path

from imitate.env.task import Task
from sfv.console import bar, console
from sfv.rendering import make_scenery, write_preview
from sfv.results import results, run_folder


def render(clip: Path, size: tuple[int, int] = (1280, 720), out: Path | None = None) -> None:
    """Draws the reference and every simulated motion of a run as films of their own.

    Args:
      clip: the run's folder, or its name in runs/.
      size: width and height [px].
      out: folder for the films; default render/ in the run.
    """
    folder = run_folder(clip)
    out = out or folder / "render"
    for result in results(folder):
        shown = {
            "reference": (result.reference, Task(result.character, result.reference)),
            "simulation": (result.simulated_with_box, result.task),
        }
        for name, (motion, task) in shown.items():
            path = out / f"{result.name}_{name}.mp4"
            with bar(path.name) as progress:
                write_preview(
                    motion, result.character, path, result.camera, size, progress, make_scenery(task), task.ground
                )
            console.print(str(path))
