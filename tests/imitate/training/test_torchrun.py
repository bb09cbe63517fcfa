"""The real torchrun with two processes on this machine."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.samples import standing

ROOT = Path(__file__).parents[3]


def torchrun(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "sfv", *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=240)


def test_two_processes_train_together_and_one_speaks(tmp_path):
    standing().save(tmp_path / "standing.npz")
    done = torchrun("bench", "loop", "--motion", "standing.npz", "--samples", "8192", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    rows = {row["name"]: row["value"] for row in json.loads(done.stdout)["rows"]}
    assert rows["processes"] == 2
    assert rows["loop_steps_per_second"] > 0
    assert rows["memory_mb"] < 2000


def test_wrong_input_ends_all_of_them(tmp_path):
    done = torchrun("bench", "loop", "--motion", "nothing.txt", cwd=tmp_path)
    assert done.returncode != 0
    assert "error: nothing.txt: no such file" in done.stderr
    assert done.stderr.count("error: ") == 1
