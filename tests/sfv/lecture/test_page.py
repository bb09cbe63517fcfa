"""The lecture's page cites formulas by file and line."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_every_citation_points_at_the_definition_that_it_names():
    page = (ROOT / "docs" / "policy_gradients.md").read_text(encoding="utf-8")
    found = re.findall(r"\[`(\w+)`, ([\w/]+\.py):(\d+)\]\(\.\./([\w/]+\.py)#L(\d+)\)", page)
    assert len(found) > 10
    for name, file, line, linked, at in found:
        text = (ROOT / file).read_text(encoding="utf-8").splitlines()[int(line) - 1]
        assert re.match(rf"(def|class) {name}\b", text), f"{file}:{line} is not {name}; it is written by make lecture"
        assert (file, line) == (linked, at)
