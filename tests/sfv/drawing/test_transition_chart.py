"""The picture of the table of transitions: each pair is a cell that says of which kind it is, and why."""

from pathlib import Path
from typing import cast
from xml.etree import ElementTree

from imitate.transitions.bridge import Bridge
from imitate.transitions.states import Pair
from imitate.transitions.transition import Transition
from sfv.drawing.transition_chart import COLOURS, save_transitions

SVG = "{http://www.w3.org/2000/svg}"


def test_each_pair_is_a_cell_with_its_kind_and_reason(tmp_path: Path):
    pair = Pair(exit=60, entry=3, pose_gap=0.12, speed_gap=1.5)
    bridge = cast(Bridge, object())
    ways = {
        ("walk", "<flip>"): Transition("walk", "<flip>", pair, 1.0, bridge=bridge),
        ("<flip>", "walk"): Transition("<flip>", "walk", pair, 0.96),
        ("<flip>", "<flip>"): Transition("<flip>", "<flip>", pair, 0.25),
    }
    root = ElementTree.parse(save_transitions(ways, tmp_path / "new" / "ways.svg")).getroot()
    cells = {group.findtext(f"{SVG}title", "").partition(":")[0]: group for group in root.iter(f"{SVG}g")}
    assert set(cells) == {"walk to <flip>", "<flip> to walk", "<flip> to <flip>", "goes on by itself"}
    kinds = {name: group[1].get("fill") for name, group in cells.items()}
    assert kinds["walk to <flip>"] == COLOURS["bridged"] and kinds["<flip> to walk"] == COLOURS["possible"]
    assert kinds["<flip> to <flip>"] == COLOURS["impossible"]
    why = cells["<flip> to <flip>"].findtext(f"{SVG}title", "")
    assert "left at 2.00 s, entered at 0.10 s; 75% fall; nearest states 12 cm and 1.5 m/s apart" in why
    assert [group.findtext(f"{SVG}text") for group in cells.values()] == [None, "100%", "96%", "✕ 75%"]
    lines = [text.text for text in root.findall(f"{SVG}text")]
    assert lines[-1] == "<flip> to <flip>: 75% fall; nearest states 12 cm and 1.5 m/s apart"
    text = (tmp_path / "new" / "ways.svg").read_text(encoding="utf-8")
    assert "style=" not in text and "<style" not in text  # a Content-Security-Policy would leave it out
