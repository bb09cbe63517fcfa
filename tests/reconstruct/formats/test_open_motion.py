"""Kinds of motion files: the support table, and archives by their keys."""

from pathlib import Path

import numpy as np
import pytest

from pose.errors import InputError
from reconstruct.formats.open_motion import FORMATS, format_table, open_motion
from reconstruct.formats.options import Finding, MotionFileConfig, name_axis, summarise, to_axis
from reconstruct.formats.robot import RobotMotion
from reconstruct.formats.smpl import PELVIS

DOCUMENT = Path(__file__).parents[3] / "docs" / "formats.md"


def test_the_document_has_the_table_of_the_code():
    assert format_table() in DOCUMENT.read_text(encoding="utf-8"), f"docs/formats.md needs:\n{format_table()}"


def test_every_suffix_that_is_read_has_a_reader(tmp_path):
    for suffix in {suffix for kind in FORMATS for suffix in kind.suffixes}:
        (tmp_path / f"a{suffix.upper()}").write_bytes(b"")
        with pytest.raises(InputError) as error:
            open_motion(tmp_path / f"a{suffix.upper()}")
        assert "unknown kind" not in str(error.value)


def test_a_rate_that_the_user_gives_settles_it(tmp_path):
    np.savez(tmp_path / "a.npz", poses=np.zeros((5, 66)), trans=np.zeros((5, 3)))
    found = open_motion(tmp_path / "a.npz")
    assert any(finding.topic == "rate" and "--fps" in finding.text for finding in found.findings)
    found = open_motion(tmp_path / "a.npz", MotionFileConfig(fps=24.0))
    assert found.fps == 24.0 and not any(finding.topic == "rate" for finding in found.findings)  # pyright: ignore


def test_findings_and_axes():
    assert summarise([Finding("up", "a"), Finding("up", "b", doubtful=True)]) == "b; a"
    for name in ("x", "-y", "z"):
        assert name_axis(to_axis(name)).lstrip("+") == name


KEYS = {"poses": np.zeros((40, 66)), "trans": np.zeros((40, 3))}
"""Of SMPL, standing."""


@pytest.mark.parametrize(
    ("rate", "words"),
    [
        ({"fps": np.zeros(0)}, r"the frame rate \(fps\) holds no number"),
        ({"fps": np.array("fast")}, r"the frame rate \(fps\) holds no number"),
        ({"fps": 0}, r"a frame rate of 0 \(fps\)"),
        ({"fps": np.nan}, r"a frame rate of nan \(fps\)"),
        ({"fps": 1e6}, r"1e\+06 frames a second are no motion's"),
        ({"fps": 1e-3}, "0.001 frames a second are no motion's"),
        ({"dt": -0.01}, r"a frame time of -0.01 \(dt\)"),
        ({"time": np.zeros(40)}, "the times of 'time' do not increase"),
    ],
)
def test_of_a_rate_that_cannot_be_the_users_word_helps(tmp_path, rate, words):
    """In every kind of archive, one line says --fps, and with it the file is read."""
    qpos = np.tile([0.0, 0.0, 0.8, 1.0, *np.zeros(32)], (40, 1))
    for arrays in (KEYS, {"qpos": qpos}, {"joints3d": np.random.default_rng(0).normal(0, 1, (40, 22, 3))}):
        np.savez(tmp_path / "a.npz", **arrays, **rate)
        with pytest.raises(InputError, match=words) as error:
            open_motion(tmp_path / "a.npz", asked="humanoid" if "qpos" not in arrays else "g1")
        assert "give --fps" in str(error.value) and "\n" not in str(error.value)
        found = open_motion(tmp_path / "a.npz", MotionFileConfig(fps=25.0), asked="g1")
        assert (found.motion if isinstance(found, RobotMotion) else found).fps == 25.0


@pytest.mark.parametrize(("key", "unit"), [("time", 1.0), ("times", 1e3), ("timestamps", 1e6), ("t", 1e9)])
def test_times_of_all_frames_give_the_rate(tmp_path, key, unit):
    np.savez(tmp_path / "a.npz", **KEYS, **{key: 5.0 * unit + np.arange(40) * unit / 50})
    found = open_motion(tmp_path / "a.npz")
    assert found.fps == pytest.approx(50.0)  # pyright: ignore
    assert any("are taken for" in finding.text for finding in found.findings) == (unit > 1.0)
    qpos = np.tile([0.0, 0.0, 0.8, 1.0, *np.zeros(32)], (40, 1))
    np.savez(tmp_path / "b.npz", qpos=qpos, **{key: np.arange(40) * unit / 50})
    assert open_motion(tmp_path / "b.npz").motion.fps == pytest.approx(50.0)  # pyright: ignore
    lost = np.delete(np.arange(41), 20) * unit / 50  # a frame is missing
    np.savez(tmp_path / "a.npz", **KEYS, **{key: lost})
    assert any(
        "uneven, steps of up to 2 usual ones" in finding.text for finding in open_motion(tmp_path / "a.npz").findings
    )


def test_the_users_rate_decides_on_the_unit(tmp_path):
    """A walk of 0.9 m/s at 30 frames a second, whose file says 3000: not in centimetres."""
    trans = np.linspace([0.0, 0.0, 0.9], [1.17, 0.0, 0.9], 40)
    np.savez(tmp_path / "a.npz", poses=KEYS["poses"], trans=trans, fps=3000)
    found = open_motion(tmp_path / "a.npz", MotionFileConfig(fps=30.0))
    np.testing.assert_allclose(found.positions[:, 0] - PELVIS, trans, atol=1e-12)  # pyright: ignore
    assert not any(finding.topic == "unit" for finding in found.findings)
