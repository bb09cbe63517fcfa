"""The packed archive of motion capture: a skeleton of a few joints, posed by hand."""

import csv
import lzma
from pathlib import Path

import numpy as np
import pytest

from pose.errors import InputError
from reconstruct.formats.mocap_archive import (
    ARRAYS,
    STANDING,
    STANDING_FRAME,
    TABLE,
    MocapArchive,
    MocapClip,
)
from reconstruct.rotations import rotate

JOINTS = ("hip", "lThigh", "lShin", "lEye")
PARENTS = np.array([-1, 0, 1, 0], dtype=np.int8)
OFFSETS = np.array([[0, 0, 0], [10, -5, 0], [0, -40, 0], [0, 60, 0]], dtype=np.float32)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A clip of `STANDING` without any angle, and "02_01":
    the hip turns by 90 degrees about y, then the thigh by -90 about x."""
    frames = STANDING_FRAME + 2
    degrees = np.zeros((9, frames + 3))
    degrees[1, frames + 1 :] = 90.0
    degrees[3, frames + 2] = -90.0
    steps = np.round(degrees * 65536.0 / 360.0).astype(np.int64)
    starts = np.isin(np.arange(frames + 3), [0, frames])
    differences = np.where(starts, steps, np.diff(steps, axis=1, prepend=0))
    moves = np.zeros((3, frames + 3), dtype=np.int16)
    moves[2, frames + 2] = 150
    np.savez(
        tmp_path / ARRAYS,
        dE=(differences % 65536).astype(np.uint16),
        dT=moves,
        names=np.array(JOINTS),
        parents=PARENTS,
        offsets_cm=OFFSETS,
        world_euler_deg=np.zeros(3),
    )
    with open(tmp_path / TABLE, "w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(
            [
                "clip",
                "start",
                "frames",
                "fps",
                "seconds",
                "root0_x",
                "root0_y",
                "root0_z",
                "max_joint_speed_m_s",
                "description",
            ],
        )
        table.writerow([STANDING, 0, frames, 24, frames / 24, 0, 9000, 0, 3.5, "stretching"])
        table.writerow(["02_01", frames, 3, 12, 0.25, 100, 9000, 0, 30.25, "walk, turn"])
    return tmp_path


def test_a_clip_is_posed_by_its_angles(folder: Path):
    archive = MocapArchive.open(folder)
    clip = archive.clips["02_01"]
    assert (clip.subject, clip.fps, clip.description, clip.max_joint_speed) == ("02", 12.0, "walk, turn", 30.25)
    motion = archive.read("02_01")
    assert motion.names == ("hip", "left Thigh", "left Shin", "left Eye") and motion.parents == (-1, 0, 1, 0)
    assert motion.rest - motion.rest[0] == pytest.approx(np.array([[0, 0, 0], [10, -5, 0], [10, -45, 0], [0, 60, 0]]))
    hip = motion.positions[:, 0]
    assert hip == pytest.approx(np.array([[1, 90, 0], [1, 90, 0], [1, 90, 1.5]]))
    local = motion.positions - hip[:, None]
    # About y by 90 degrees x becomes -z; then the shin, which hung down, points along the thigh's -z, which is -x.
    assert local[0, 1:] == pytest.approx(np.array([[10, -5, 0], [10, -45, 0], [0, 60, 0]]), abs=1e-2)
    assert local[1, 1:] == pytest.approx(np.array([[0, -5, -10], [0, -45, -10], [0, 60, 0]]), abs=1e-2)
    assert local[2, 2] == pytest.approx(np.array([40, -5, -10]), abs=1e-2)
    half = np.sqrt(0.5)
    assert motion.rotations[0, 0] == pytest.approx([1, 0, 0, 0], abs=1e-4)
    assert np.abs(motion.rotations[1, 3]) == pytest.approx([half, 0, half, 0], abs=1e-3)


def test_what_is_no_archive_is_one_line(folder: Path, tmp_path: Path):
    with pytest.raises(InputError, match="no clip '99_99'"):
        MocapArchive.open(folder).read("99_99")
    (folder / TABLE).write_text("clip,start\n1,2\n", encoding="utf-8")
    with pytest.raises(InputError, match="archive of motion capture"):
        MocapArchive.open(folder)


def test_missing_and_damaged_archives_are_one_line(folder: Path, tmp_path: Path):
    (tmp_path / "x.tar.xz").write_bytes(b"hello")
    (tmp_path / "y.tar.xz").write_bytes(lzma.compress(bytes(2000))[:60])
    (tmp_path / "empty").mkdir()
    for name in ("none", "x.tar.xz", "y.tar.xz", "empty"):
        with pytest.raises(InputError, match="give the folder or") as error:
            MocapArchive.open(tmp_path / name)
        assert "\n" not in str(error.value)
    table, arrays = (folder / TABLE).read_text(encoding="utf-8"), dict(np.load(folder / ARRAYS))
    (folder / TABLE).write_text(table.replace("0.25,100", "0.25,x"), encoding="utf-8")
    with pytest.raises(InputError, match="whole clip 02_01"):
        MocapArchive.open(folder).read("02_01")
    (folder / TABLE).write_text(table.replace("12,0.25", "0,0.25"), encoding="utf-8")
    with pytest.raises(InputError, match="02_01 has 0 frames a second"):
        MocapArchive.open(folder)
    (folder / TABLE).write_text(table, encoding="utf-8")
    np.savez(folder / ARRAYS, **{name: array for name, array in arrays.items() if name != "dE"})
    with pytest.raises(InputError, match="no array dE"):
        MocapArchive.open(folder)


def test_a_clip_knows_its_subject():
    assert MocapClip("144_12", "kick", 3.0, 24.0, {}).subject == "144"


def test_heads_are_level_when_people_walk(folder: Path, tmp_path: Path):
    names = ["hip", "abdomen", "chest", "neck", "head", "lEye"]
    parents = np.array([-1, 0, 1, 2, 3, 4], dtype=np.int8)
    offsets = np.array([[0, 0, 0], [0, 10, 0], [0, 20, 0], [0, 20, 0], [0, 10, 0], [0, 0, 10]], dtype=np.float32)
    # Two walk, at 1 m/s for 5 s, whose bands sit otherwise; one stands about, and nods as far as the second.
    clips = [
        (STANDING, STANDING_FRAME + 2, 0.0, 0),
        ("02_01", 120, -20.0, 4),
        ("03_01", 120, 10.0, 4),
        ("04_01", 9, 10.0, 0),
    ]
    rows, starts = list[list[object]](), 0
    angles, moves = list[np.ndarray](), list[np.ndarray]()
    for name, frames, nod, speed in clips:
        angle, move = np.zeros((15, frames)), np.zeros((3, frames))
        angle[12, 0], move[2, 1:] = nod * 65536.0 / 360.0, 100.0 * speed * (100.0 / 24.0 / 4.0)
        angles, moves = [*angles, angle], [*moves, move]
        rows.append([name, starts, frames, 24, frames / 24, 0, 9000, 0, 3.5, "walk"])
        starts += frames
    np.savez(
        tmp_path / ARRAYS,
        dE=(np.round(np.concatenate(angles, axis=1)).astype(int) % 65536).astype(np.uint16),
        dT=np.round(np.concatenate(moves, axis=1)).astype(np.int16),
        names=np.array(names),
        parents=parents,
        offsets_cm=offsets,
        world_euler_deg=np.zeros(3),
    )
    with open(folder / TABLE, encoding="utf-8", newline="") as file:
        columns = next(csv.reader(file))
    with open(tmp_path / TABLE, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([columns, *rows])
    archive = MocapArchive.open(tmp_path)
    for name, lift, looks_up in (("02_01", 20.0, 0.0), ("03_01", -10.0, 0.0), ("04_01", 5.0, -15.0)):
        motion = archive.read(name)
        ahead = rotate(motion.rotations[5], np.array([0.0, 0.0, 1.0]))
        assert ahead[:4] == pytest.approx(np.tile([0.0, 0.0, 1.0], (4, 1)), abs=1e-6)
        assert np.degrees(np.arcsin(ahead[4, 1])) == pytest.approx(looks_up, abs=0.02), name
        eye = 10.0 * np.array([0.0, np.sin(np.radians(lift)), np.cos(np.radians(lift))])
        assert motion.rest[5] - motion.rest[4] == pytest.approx(eye, abs=0.01)
