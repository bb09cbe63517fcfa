"""A run that costs hardly any processor time: stages of the real kind whose steps wait. For trials of engines.

    python -m sfv.bench.cluster_work FILE FOLDER STEPS SECONDS

A short stage, one of STEPS steps of SECONDS each, saved after every second step, and a result that depends on all of
them and on the file.
"""

import hashlib
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from pose.files import CHECKPOINT, replace_file, sha256_of
from sfv.run_folder import lock_folder, make_folder
from sfv.stage import Made, Stage, Work, run_stage, write_json

STEP = "step"
"""Begins the lines of the log that say which step was done."""
RESULT = "4_result/stage.json"


@dataclass(frozen=True)
class WorkConfig:
    """How much there is to do."""

    steps: int
    seconds: float


def count(work: Work[WorkConfig]) -> Made:
    """Adds a step to a chain of hashes, again and again, and goes on from a checkpoint."""
    state = {"step": 0, "chain": sha256_of(work.inputs["file"])}
    checkpoint = work.folder / CHECKPOINT
    if checkpoint.is_file():
        state = json.loads(checkpoint.read_text(encoding="utf-8"))
    while state["step"] < work.config.steps:
        time.sleep(work.config.seconds)
        chain = hashlib.sha256(f"{state['chain']} {state['step']}".encode()).hexdigest()
        state = {"step": state["step"] + 1, "chain": chain}
        print(STEP, state["step"], flush=True)
        if state["step"] % 2 == 0:
            with replace_file(checkpoint) as temporary:
                temporary.write_text(json.dumps(state), encoding="utf-8")
    return Made(state["chain"], {"chain": state["chain"]})


def read_file(work: Work[WorkConfig]) -> Made:
    """The short stage."""
    write_json(work.folder / "read.json", {"sha256": sha256_of(work.inputs["file"])})
    return Made("read", {})


def main(file: Path, folder: Path, steps: int, seconds: float) -> None:
    """The whole run."""
    make_folder(folder)
    with lock_folder(folder):
        read = run_stage(folder, Stage("1_pose", 1, {}, {"file": file}, read_file))
        counted = run_stage(folder, Stage("3_draft", 1, WorkConfig(steps, seconds), {"file": read["read.json"]}, count))
        final = Stage("4_result", 1, {"chain": counted.metrics["chain"]}, {}, lambda work: Made("done", work.config))
        run_stage(folder, final)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
