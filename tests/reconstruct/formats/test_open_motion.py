"""Kinds of motion files: the support table, and archives by their keys."""

from pathlib import Path

import numpy as np
import pytest

from pose.errors import InputError
from reconstruct.formats.open_motion import FORMATS, format_table, open_motion
from reconstruct.formats.options import Finding, MotionFileConfig, name_axis, summarise, to_axis

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
