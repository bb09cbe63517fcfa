"""Exports of a finished run: every file is there and says the same as the run."""

import csv
import json
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from imitate.rollout import Rollout
from pose.errors import InputError
from reconstruct.characters.character import load_character
from reconstruct.formats.write_csv import coordinate_names
from reconstruct.motion import ReferenceMotion
from sfv.commands.export import SUFFIXES, WRITERS, Format, export


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run whose character turns about itself, and whose simulation stands still."""
    character = load_character("humanoid")
    qpos = np.repeat(character.model.qpos0[None], 12, axis=0)
    simulated = qpos.copy()
    angle = np.linspace(0.0, 1.0, 12)
    qpos[:, 3], qpos[:, 6] = np.cos(angle / 2), np.sin(angle / 2)
    motion = ReferenceMotion(
        qpos=qpos,
        fps=30.0,
        character=character.name,
        height=character.height,
        joint_names=character.joint_names,
        contacts=np.zeros((12, 2), dtype=bool),
        contact_names=("left_foot", "right_foot"),
        loop=False,
    )
    folder = tmp_path / "run"
    motion.save(folder / "2_motion/humanoid/motion.npz")
    result = folder / "4_result/humanoid"
    Rollout(simulated, qpos, {"pose": np.ones(12)}, False, 30.0).save(result / "rollout.npz")
    (result / "stage.json").write_text(json.dumps({"config": {"scene": {"kind": "flat"}}}))
    (folder / "config.json").write_text("{}")
    return folder


def test_every_format_of_both_motions(run):
    export(run, cast(tuple[Format, ...], tuple(WRITERS)))
    names = {path.name for path in (run / "export").iterdir()}
    ends = [SUFFIXES.get(kind, f".{kind}") for kind in WRITERS]
    assert names == {f"humanoid_{motion}{end}" for motion in ("reference", "simulation") for end in ends}


def test_csv_holds_qpos_by_joint(run):
    export(run, ("csv",))
    model = load_character("humanoid").model
    with open(run / "export/humanoid_reference.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["time", *coordinate_names(model)] and len(coordinate_names(model)) == model.nq
    # Turned by 1 rad about z after 11 frames of 1/30 s.
    assert float(rows[-1]["time"]) == pytest.approx(11 / 30)
    assert float(rows[-1]["root_qw"]) == pytest.approx(np.cos(0.5))
    assert float(rows[-1]["root_qz"]) == pytest.approx(np.sin(0.5))
    assert float(rows[-1]["left_knee"]) == 0.0


def test_npz_is_read_again(run):
    export(run, ("npz",))
    again = ReferenceMotion.load(run / "export/humanoid_simulation.npz")
    assert np.array_equal(again.qpos, Rollout.load(run / "4_result/humanoid/rollout.npz").qpos)


def test_no_run(tmp_path):
    with pytest.raises(InputError, match="no run there"):
        export(tmp_path)
