"""Hostile archives, weights, runs and tables: what the program writes itself, and arrays of others."""

import io
import json
import pickle
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from sfv.bench.campaign.hostile import Hostile, Payload, archive_of, one_file, set_value
from sfv.bench.campaign.samples import change_weights


def header_of(shape: tuple[int, ...], dtype: str = "<f8") -> bytes:
    """NumPy's header of an array that is not there."""
    made = io.BytesIO()
    np.lib.format.write_array_header_1_0(made, {"descr": dtype, "fortran_order": False, "shape": shape})
    return made.getvalue()


def _claimed_array(shape: tuple[int, ...], name: str) -> Callable[[Path, Path], Path]:
    """An array whose header claims gigabytes."""

    def write(folder: Path, samples: Path) -> Path:
        if name == "a.npy":
            (folder / name).write_bytes(header_of(shape) + bytes(64))
        else:
            with zipfile.ZipFile(folder / name, "w") as archive:
                archive.writestr("poses.npy", header_of(shape) + bytes(64))
        return folder / name

    return write


def _zip_bomb(folder: Path, samples: Path) -> Path:
    """Four gigabytes of zeros in four megabytes: one array, deflated."""
    block = bytes(1 << 24)
    with (
        zipfile.ZipFile(folder / "a.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("poses.npy", "w", force_zip64=True) as member,
    ):
        member.write(header_of((1 << 29,)))
        for _ in range(256):
            member.write(block)
    return folder / "a.npz"


def _nested_bomb(folder: Path, samples: Path) -> Path:
    """A member whose directory entry says it is small while its data are not."""
    _zip_bomb(folder, samples)
    content = bytearray((folder / "a.npz").read_bytes())
    at = content.rfind(b"PK\x01\x02")
    content[at + 24 : at + 28] = (1000).to_bytes(4, "little")
    (folder / "a.npz").write_bytes(bytes(content))
    return folder / "a.npz"


def _pickle_weights(folder: Path, samples: Path) -> Path:
    torch.save({"format": 1, "layout": Payload(), "state": {}}, folder / "policy.pt")
    return folder / "policy.pt"


def _bare_pickle(name: str) -> Callable[[Path, Path], Path]:
    return one_file(name, pickle.dumps(Payload()))


def _wide_policy(change: Callable[[dict], None], name: str = "policy.pt") -> Callable[[Path, Path], Path]:
    """Weights whose layout is changed."""

    def write(folder: Path, samples: Path) -> Path:
        shutil.copy(samples / "own" / name, folder / name)
        change_weights(folder / name, change)
        return folder / name

    return write


def _wide_adaptive(*keys: str, value: object) -> Callable[[Path, Path], Path]:
    return _wide_policy(set_value(*keys, value=value), "adaptive.pt")


def _stage_config(**scene: object) -> Callable[[Path, Path], Path]:
    """A run whose note says that it was on another ground, or is of another version."""

    def write(folder: Path, samples: Path) -> Path:
        shutil.copytree(samples / "run", folder / "run")
        path = folder / "run" / "4_result" / "humanoid" / "stage.json"
        note = json.loads(path.read_text())
        note["config"]["scene"] = scene or None
        path.write_text(json.dumps(note))
        return folder / "run"

    return write


HUGE = (1 << 33,)


ARCHIVES: tuple[Hostile, ...] = (
    Hostile("pickle in policy.pt", "own", _pickle_weights),
    Hostile("bare pickle as policy.pt", "own", _bare_pickle("policy.pt")),
    Hostile("object array as keypoints.npz", "own", one_file("keypoints.npz", pickle.dumps([Payload()]))),
    Hostile("hidden layer of 10^9", "own", _wide_policy(set_value("layout", "hidden", value=[10**9]))),
    Hostile("hidden layer of -1", "own", _wide_policy(set_value("layout", "hidden", value=[-1]))),
    Hostile("layers by the thousand", "own", _wide_policy(set_value("layout", "hidden", value=[64] * 100_000))),
    Hostile("observation of text", "own", _wide_policy(set_value("layout", "observation", value="abc"))),
    Hostile("no layout", "own", _wide_policy(set_value("layout", value=None))),
    Hostile("no weights", "own", _wide_policy(set_value("state", value={}))),
    Hostile(
        "weights that are not finite",
        "own",
        _wide_policy(set_value("state", "actor.0.bias", value=torch.tensor(np.nan))),
    ),
    Hostile("latent of 10^9", "own", _wide_adaptive("layout", "latent", value=10**9)),
    Hostile("history of 10^9 steps", "own", _wide_adaptive("adaptation_sizes", "steps", value=10**9)),
    Hostile("adaptive without weights", "own", _wide_adaptive("policy", value={})),
    Hostile("policy of format 99", "own", _wide_policy(set_value("format", value=99))),
    Hostile("scene of 10^6 objects", "own", one_file("scene.toml", "[[object]]\nkind='box'\n" * 100_000)),
    Hostile("scene of text", "own", one_file("scene.toml", "object = 'box'")),
    Hostile("run on no ground", "run", _stage_config()),
    Hostile("run on unknown ground", "run", _stage_config(kind="moon")),
    Hostile("run on ground of text", "run", _stage_config(kind="slope", angle="steep")),
    Hostile("bare pickle as .npz", "motion", _bare_pickle("a.npz")),
    Hostile("bare pickle as .npy", "motion", _bare_pickle("a.npy")),
    Hostile("bare pickle as .pkl", "motion", _bare_pickle("a.pkl")),
    Hostile("object array in .npz", "motion", archive_of(poses=np.array([Payload()], dtype=object))),
    Hostile("array that claims 64 GB", "motion", _claimed_array(HUGE, "a.npy")),
    Hostile("archive that claims 64 GB", "motion", _claimed_array(HUGE, "a.npz")),
    Hostile("array of 40 dimensions", "motion", _claimed_array((2,) * 33, "a.npy")),
    Hostile("array of negative size", "motion", _claimed_array((-1, 66), "a.npy")),
    Hostile("zip bomb of zeros", "motion", _zip_bomb),
    Hostile("zip bomb with a false size", "motion", _nested_bomb),
    Hostile("poses of 1e308", "motion", archive_of(poses=np.full((60, 156), 1e308), trans=np.zeros((60, 3)))),
    Hostile("path of 1e300", "motion", archive_of(poses=np.zeros((60, 156)), trans=np.full((60, 3), 1e300))),
    Hostile("rate of 0", "motion", archive_of(poses=np.zeros((60, 156)), trans=np.zeros((60, 3)), mocap_framerate=0.0)),
    Hostile(
        "rate of nan", "motion", archive_of(poses=np.zeros((60, 156)), trans=np.zeros((60, 3)), mocap_framerate=np.nan)
    ),
    Hostile(
        "rate of 1e-9", "motion", archive_of(poses=np.zeros((60, 156)), trans=np.zeros((60, 3)), mocap_framerate=1e-9)
    ),
    Hostile(
        "rate of text", "motion", archive_of(poses=np.zeros((60, 156)), trans=np.zeros((60, 3)), mocap_framerate="a")
    ),
    Hostile("bytes as poses", "motion", archive_of(poses=np.array(b"abc"), trans=np.zeros((1, 3)))),
)
