"""The lines of docs/formats.md that turn pickles into archives, run as they stand there."""

import pickle
import re
import runpy
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from pose.errors import InputError
from reconstruct.formats.open_motion import CONVERT, open_motion
from tests.skeletons import NAMES, swinging

DOCUMENT = Path(__file__).parents[3] / "docs" / "formats.md"


def run_line(word: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs the line of the document that imports a module, in a folder."""
    line = next(line for line in DOCUMENT.read_text().splitlines() if f'python -c "import {word}' in line)
    code = re.fullmatch(r'\s*python -c "(.*)"', line)
    assert code is not None
    (folder / "line.py").write_text(code[1])
    monkeypatch.chdir(folder)
    runpy.run_path("line.py")


def smpl() -> dict[str, np.ndarray]:
    turn, root = swinging(30)
    flat = turn.reshape(30, -1).astype(np.float32)
    return {"global_orient": flat[:, :3], "body_pose": flat[:, 3:66], "transl": root.astype(np.float32)}


def test_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """GVHMR's file, which may be opened without running anything."""
    torch = pytest.importorskip("torch")
    known = smpl()
    tables = {key: torch.from_numpy(value.copy()) for key, value in known.items()}
    torch.save({"smpl_params_global": tables, "smpl_params_incam": tables, "K_fullimg": torch.eye(3)},
               tmp_path / "hmr4d_results.pt")  # fmt: skip
    run_line("torch", tmp_path, monkeypatch)
    found = open_motion(tmp_path / "out.npz")
    assert len(found.positions) == 30 and found.names == tuple(NAMES)  # pyright: ignore


@pytest.mark.parametrize("layout", ["WHAM", "PHC", "GMR"])
def test_joblib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: str) -> None:
    """Tables of tables by person or clip, the first of which is taken, and a plain one; joblib reads plain pickles."""
    known = smpl()
    pose, still = np.concatenate([known["global_orient"], known["body_pose"]], axis=1), np.zeros((30, 3))
    contents: dict[str, Any] = {
        "WHAM": {0: {"pose_world": pose, "trans_world": known["transl"], "betas": still}, 1: {"pose_world": pose[:9]}},
        "PHC": {"0-KIT_walk": {"pose_aa": pose, "root_trans_offset": known["transl"], "gender": "neutral", "fps": 30}},
        "GMR": {"fps": 30, "root_pos": still + [0, 0, 0.79], "root_rot": np.tile([0.0, 0, 0, 1], (30, 1)),
                "dof_pos": np.zeros((30, 29)), "local_body_pos": None},
    }  # fmt: skip
    (tmp_path / "motion.pkl").write_bytes(pickle.dumps(contents[layout]))
    joblib: Any = ModuleType("joblib")
    joblib.load = lambda path: pickle.loads(Path(path).read_bytes())
    monkeypatch.setitem(sys.modules, "joblib", joblib)
    run_line("joblib", tmp_path, monkeypatch)
    assert CONVERT.replace("FILE", "motion.pkl") in DOCUMENT.read_text()
    found = open_motion(tmp_path / "out.npz")
    assert len(found.motion.qpos if layout == "GMR" else found.positions) == 30  # pyright: ignore


def test_objects_in_an_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message that refuses them has the line that saves what is in them."""
    known = {**smpl(), "fps": 30}
    np.savez(tmp_path / "a.npz", motion=np.array(known, dtype=object))
    with pytest.raises(InputError, match="Python objects, which are not opened: motion") as refused:
        open_motion(tmp_path / "a.npz")
    line = re.search(r'python -c "([^"]*)"', str(refused.value))
    assert line is not None
    (tmp_path / "line.py").write_text(line[1])
    monkeypatch.chdir(tmp_path)
    runpy.run_path("line.py")
    assert len(open_motion(tmp_path / "out.npz").positions) == 30  # pyright: ignore
