"""`python -m sfv.app.worker JOB PROGRESS RUNS`: the process of one job."""

import json
import signal
import sys
import time
from pathlib import Path
from typing import Any

from sfv.backend import prepare_process
from sfv.exit_codes import EXIT_INPUT, EXIT_INTERRUPTED
from sfv.parent import end_with_parent

INTERVAL = 0.5
"""Least time between two reports [s]."""


class ProgressFile:
    """Reports of the work as a small file that the page reads."""

    def __init__(self, path: Path):
        self.path = path
        self.last, self.stage, self.begin = 0.0, "", 0.0

    def __call__(self, stage: str, done: float, total: float, note: str) -> None:
        """Writes the report, now and then."""
        from pose.files import replace_file

        now = time.monotonic()
        if stage != self.stage:
            self.stage, self.begin = stage, now
        elif now - self.last < INTERVAL:
            return
        self.last = now
        content = {"stage": stage, "done": done, "total": total, "note": note, "seconds": now - self.begin}
        with replace_file(self.path) as temporary:
            temporary.write_text(json.dumps(content), encoding="utf-8")


def perform(action: str, arguments: dict[str, Any], runs: Path) -> None:
    """Calls the Python API.

    Raises:
      InputError, WorkError: as the API says.
    """
    import sfv

    if action == "clip":
        sfv.clip(**arguments)
    elif action == "retarget":
        sfv.retarget(**arguments)
    elif action == "complete":
        from sfv.picture_motion import CompleteConfig

        picture, out = arguments.pop("picture"), Path(arguments.pop("out"))
        sfv.complete(picture, CompleteConfig(**arguments, out=out, runs=runs))
    else:
        from sfv.commands.export import export

        export(Path(arguments["clip"]))


def main(job: Path, progress: Path, runs: Path) -> int:
    """Does the job; returns the exit code, as the command line's: 0, 2 or 130."""
    prepare_process()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored by what is started in a shell's background
    if hasattr(signal, "SIGBREAK"):  # Windows: what takes the place of Ctrl-C for a group of processes
        signal.signal(signal.SIGBREAK, signal.default_int_handler)  # pyright: ignore[reportAttributeAccessIssue]
    end_with_parent()
    try:
        from pose.errors import InputError, WorkError
        from sfv.console import listen

        listen(ProgressFile(progress))
        content = json.loads(job.read_text(encoding="utf-8"))
        try:
            perform(content["action"], content["arguments"], runs)
        except (InputError, WorkError) as error:
            print("error: " + " ".join(str(error).split()), file=sys.stderr)
            return EXIT_INPUT
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:4])))
