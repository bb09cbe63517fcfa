"""The sample video: fetched once, checked, and None where it cannot be had."""

import hashlib
import zipfile

import pytest

from pose.downloads import FetchError
from sfv import sample
from sfv.sample import MEMBER, fetch_sample

CONTENT = b"a film of somebody who walks"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache, and a wheel with this content."""
    wheel = tmp_path / "sports2d.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(MEMBER, CONTENT)
    monkeypatch.setattr(sample, "SHA256", hashlib.sha256(CONTENT).hexdigest())
    monkeypatch.setattr(sample, "cache_folder", lambda: tmp_path / "cache")
    fetched: list[str] = []

    def download(package, folder):
        fetched.append(package)
        return wheel

    monkeypatch.setattr(sample, "download_wheel", download)
    return tmp_path / "cache", fetched


def test_fetched_once_then_taken_from_the_cache(cache):
    folder, fetched = cache
    first, again = fetch_sample(), fetch_sample()
    assert first is not None and first == again and 0.0 < first.start < first.end
    assert first.video.read_bytes() == CONTENT and len(fetched) == 1
    assert [file.name for file in folder.iterdir()] == [first.video.name]


def test_a_damaged_copy_is_fetched_again(cache):
    found = fetch_sample()
    assert found is not None
    found.video.write_bytes(CONTENT[:5])
    assert fetch_sample() == found and found.video.read_bytes() == CONTENT and len(cache[1]) == 2


def test_another_content_or_no_network_gives_none(cache, monkeypatch):
    monkeypatch.setattr(sample, "SHA256", "0" * 64)
    assert fetch_sample() is None

    def offline(package, folder):
        raise FetchError("no network")

    monkeypatch.setattr(sample, "download_wheel", offline)
    assert fetch_sample() is None
    assert not list(cache[0].glob("*.mp4"))
