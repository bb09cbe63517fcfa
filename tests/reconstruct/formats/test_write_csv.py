"""Tables of qpos: what is read back is what was written."""

import csv

import numpy as np
import pytest

from reconstruct.characters.character import load_character
from reconstruct.formats.write_csv import coordinate_names, write_csv
from sfv.demo.motions import load_demo_motion


def test_a_table_holds_the_motion(tmp_path):
    character = load_character("humanoid")
    motion = load_demo_motion("jump", character)
    write_csv(motion, character, tmp_path / "a.csv")
    with open(tmp_path / "a.csv", newline="", encoding="utf-8") as file:
        heading, *rows = csv.reader(file)
    table = np.array(rows, dtype=float)
    np.testing.assert_allclose(table[:, 0], np.arange(len(motion)) / motion.fps, atol=1e-6)
    np.testing.assert_allclose(table[:, 1:], motion.qpos, rtol=1e-7, atol=1e-12)
    assert heading[:9] == ["time", "root_x", "root_y", "root_z", "root_qw", "root_qx", "root_qy", "root_qz", "chest_qw"]
    knee = heading.index("left_knee")
    assert knee - 1 == character.model.joint("left_knee").qposadr[0]
    assert list(tmp_path.iterdir()) == [tmp_path / "a.csv"]


@pytest.mark.parametrize("name", ["humanoid", "atlas"])
def test_each_coordinate_has_its_own_name(name):
    model = load_character(name).model
    names = coordinate_names(model)
    assert len(names) == model.nq == len(set(names))
