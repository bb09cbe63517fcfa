"""The form of every published number, worked out by hand."""

import json
import math

import numpy as np
import pytest

from sfv.rows import Row, show

FIELDS = ["name", "value", "unit", "n", "spread", "baseline", "goal", "note"]


def test_mean_and_standard_deviation_are_those_of_the_finite_values():
    row = Row.mean_of("error_mm", [2.0, 4.0, math.nan, 6.0], "mm", baseline=9.0, goal=3.0)
    # Mean 12 / 3; deviations -2, 0, 2: sqrt(8 / 3).
    assert (row.name, row.value, row.unit, row.n, row.baseline, row.goal) == ("error_mm", 4.0, "mm", 3, 9.0, 3.0)
    assert row.spread == pytest.approx(math.sqrt(8.0 / 3.0))
    assert Row.mean_of("one", [5.0], "").spread is None


def test_what_cannot_be_measured_is_missing_and_says_so():
    row = Row.mean_of("slide_mm", [math.nan], "mm")
    assert (row.value, row.n, row.note) == (None, 0, "nothing to measure")
    row = Row("ratio", math.inf, spread=math.nan, note="nobody jumps")
    assert (row.value, row.spread, row.note) == (None, None, "nobody jumps")


def test_json_is_one_object_and_nothing_else(capsys):
    mean = np.float32(1.5)  # what NumPy returns is a number, too
    rows = [
        Row("a_mm", mean, "mm", 4, 0.25, 3.0, 1.0),  # pyright: ignore[reportArgumentType]
        Row("b", math.nan, baseline=math.nan),
    ]
    show("sample", rows, as_json=True)
    printed = json.loads(capsys.readouterr().out)  # raises if anything else is there
    assert list(printed) == ["bench", "machine", "rows"]
    assert printed["bench"] == "sample"
    assert set(printed["machine"]) == {"processor", "cores", "system", "python"}
    assert [list(row) for row in printed["rows"]] == [FIELDS, FIELDS]
    assert list(printed["rows"][0].values()) == ["a_mm", 1.5, "mm", 4, 0.25, 3.0, 1.0, ""]
    assert list(printed["rows"][1].values()) == ["b", None, "", None, None, None, None, "nothing to measure"]


def test_table_shows_numbers_with_units_and_a_dash_for_what_is_missing(capsys):
    show("sample", [Row("speed", 12345.6, "m/s", 7, 0.1234), Row("gap", None, note="no film")], as_json=False)
    title, header, speed, gap = capsys.readouterr().out.splitlines()
    assert title.startswith("sample on ")
    assert header.split() == ["metric", "value", "spread", "n", "baseline", "goal", "note"]
    assert speed.split() == ["speed", "12,346", "m/s", "0.123", "7", "-", "-"]
    assert gap.split() == ["gap", "-", "-", "-", "-", "-", "no", "film"]
