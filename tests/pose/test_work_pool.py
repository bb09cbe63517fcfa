"""Work in several processes: all of it is done, and whatever goes wrong there is said here."""

import os
from functools import partial
from pathlib import Path

import pytest

from pose.errors import InputError, WorkError
from pose.work_pool import finish_in_processes


def write(path: Path) -> str:
    path.write_text(str(os.getpid()), encoding="utf-8")
    return path.name


def refuse(path: Path) -> None:
    raise InputError(f"{path}: cannot be read")


def end(_path: Path) -> None:
    os._exit(3)


def test_every_part_is_done_in_another_process_and_yields_its_result(tmp_path):
    paths = [tmp_path / str(k) for k in range(4)]
    done = dict(finish_in_processes({path: partial(write, path) for path in paths}, 2))
    assert done == {path: path.name for path in paths}
    writers = {path.read_text(encoding="utf-8") for path in paths}
    assert str(os.getpid()) not in writers


def test_an_error_of_the_work_is_that_of_the_caller(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        list(finish_in_processes({"a": partial(refuse, tmp_path / "a")}, 1))


def test_a_process_that_ends_is_one_line(tmp_path):
    with pytest.raises(WorkError, match="what was done is kept"):
        list(finish_in_processes({"a": partial(end, tmp_path / "a")}, 1))
