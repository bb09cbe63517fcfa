"""Progress in a log: a line now and then, with how long is left."""

import pytest
from rich.table import Table

from sfv import console


def test_a_line_comes_no_oftener_than_the_interval_and_says_what_is_left(monkeypatch, capsys):
    clock = iter([0.0, 10.0, 40.0, 50.0, 90.0, 200.0])
    monkeypatch.setattr(console.time, "monotonic", lambda: next(clock))
    with console._print_lines("training") as progress:
        progress(10, 100)  # after 10 s: too soon
        progress(40, 100, "return .5")  # after 40 s
        progress(45, 100)  # 10 s later: too soon
        progress(90, 100)  # after 90 s
        progress(0, 0)  # nothing known yet: no line, and no division by zero
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["  training:  40%, 60 s left  return .5", "  training:  90%, 10 s left  "]


def test_what_was_done_before_counts_for_nothing_in_what_is_left(monkeypatch, capsys):
    clock = iter([0.0, 1.0, 41.0, 45.0, 85.0])
    monkeypatch.setattr(console.time, "monotonic", lambda: next(clock))
    with console._print_lines("training") as progress:
        progress(50, 100)  # goes on
        progress(60, 100)  # a tenth in 40 s
        progress(0, 8)  # the next part
        progress(4, 8)  # half of it in 40 s
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["  training:  60%, 160 s left  ", "  training:  50%, 40 s left  "]


def test_a_second_part_that_begins_where_the_first_did_has_a_time_of_its_own(monkeypatch, capsys):
    clock = iter([0.0, 0.0, 40.0, 80.0, 80.0, 90.0, 120.0])
    monkeypatch.setattr(console.time, "monotonic", lambda: next(clock))
    with console._print_lines("training") as progress:
        progress(0, 10)
        progress(5, 10)
        progress(10, 10)
        progress(0, 10)  # the next part, at 80 s
        progress(2, 10)
        progress(5, 10)  # half of it in 40 s
    assert capsys.readouterr().err.splitlines()[-1] == "  training:  50%, 40 s left  "


def test_without_a_terminal_lines_are_printed_and_with_one_a_bar(monkeypatch, capsys):
    monkeypatch.setattr(console, "PLAIN_INTERVAL", 0.0)
    with console.bar("pose") as progress:
        progress(1, 2)
    assert "pose:  50%" in capsys.readouterr().err
    with console._draw_bar("pose") as progress:
        progress(2, 2, "done")


@pytest.mark.parametrize("name", ["flip [best].mp4", "x [/b].mp4", r"C:\[runs]\a", "a :smile: [1] b[", "[red"])
def test_names_of_files_are_printed_as_they_are_and_styles_are_styles(name: str, capsys) -> None:
    console.console.print(f"[bold]{name}[/bold] -> {name}", soft_wrap=True)
    assert capsys.readouterr().err == f"{name} -> {name}\n"
    console.console.print(f"{name}: done", markup=False, soft_wrap=True)
    assert capsys.readouterr().err == f"{name}: done\n"
    console.console.print(Table(name))
    assert name in capsys.readouterr().err
