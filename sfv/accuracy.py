"""`bench reconstruct`: the pose and reconstruct stages against known truth."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.signal import butter, sosfiltfilt

from pose.errors import InputError
from pose.estimate import PoseConfig, estimate_keypoints
from pose.keypoints import Keypoints
from pose.landmarks import TWELVE
from reconstruct.character import load_character
from reconstruct.kinematics import BodyPoints, point_positions
from reconstruct.reconstruct import ReconstructConfig, Reconstruction, reconstruct_motion
from sfv.cache import cache_folder
from sfv.console import bar, console
from sfv.demo import make_demo, truth_path
from sfv.demo_plans import PLANS
from sfv.figures import Row, mean_row, show
from sfv.metrics import acceleration_error, pa_mpjpe, pck, root_aligned_mpjpe, world_mpjpe

SHARED_VIDEOS = Path(__file__).resolve().parent.parent.parent / "shared" / "data" / "videos"
"""Real clips with truth; measured where they are, skipped elsewhere."""
HIPS = (TWELVE.index("left_hip"), TWELVE.index("right_hip"))
SHOULDERS = (TWELVE.index("left_shoulder"), TWELVE.index("right_shoulder"))
BASELINE_CUTOFF_HZ = 8.0


@dataclass(frozen=True)
class Truth:
    """Where the twelve joints really were."""

    xyz_w: np.ndarray
    """World frame, z up [m], (T, 12, 3)."""
    R_camera_world: np.ndarray
    t_camera_world: np.ndarray
    xy_px: np.ndarray | None
    """In the image, where that is known without lens distortion, (T, 12, 2)."""

    @classmethod
    def load(cls, path: Path) -> "Truth":
        """Reads a `.truth.npz` as `sfv demo` writes it; raises `InputError` if a key is missing."""
        if not path.is_file():
            raise InputError(f"{path}: no such file; a truth file holds xyz_w, names, R_camera_world, t_camera_world")
        with np.load(path, allow_pickle=False) as arrays:
            missing = {"xyz_w", "names", "R_camera_world", "t_camera_world"} - set(arrays.files)
            if missing:
                raise InputError(f"{path}: lacks {', '.join(sorted(missing))}; see `python -m sfv demo --help`")
            names = [str(name) for name in arrays["names"]]
            absent = [name for name in TWELVE if name not in names]
            if absent:
                raise InputError(f"{path}: names lack {', '.join(absent)}")
            columns = [names.index(name) for name in TWELVE]
            return cls(
                xyz_w=arrays["xyz_w"][:, columns],
                R_camera_world=arrays["R_camera_world"],
                t_camera_world=arrays["t_camera_world"],
                xy_px=arrays["xy_px"][:, columns] if "xy_px" in arrays.files else None,
            )

    @property
    def xyz_c(self) -> np.ndarray:
        """In camera axes [m], (T, 12, 3)."""
        return self.xyz_w @ self.R_camera_world.T + self.t_camera_world

    @property
    def inverted(self) -> np.ndarray:
        """Frames in which the shoulders are below the hips, bool (T,)."""
        height = self.xyz_w[..., 2]
        return height[:, SHOULDERS].mean(1) < height[:, HIPS].mean(1)


def bench_reconstruct(
    video: Path | None = None, truth: Path | None = None, height: float | None = None, json: bool = False
) -> None:
    """Accuracy of keypoints and reference motions against known truth.

    Args:
      video: a clip of your own instead of the built-in sets (synthetic demos, the kick where it is there).
      truth: its truth file, in the format that `sfv demo` writes.
      height: the person's height [m], if known.
      json: one JSON object on standard output instead of a table.
    """
    if (video is None) != (truth is None):
        raise InputError("bench reconstruct: give both --video and --truth, or neither")
    rows: list[Row] = []
    if video is not None and truth is not None:
        rows += _rows(video.stem, [_measure(video, Truth.load(truth), height)])
    else:
        rows += _rows("synthetic", [_measure(path, Truth.load(truth_path(path)), height) for path in _demos()])
        for camera in ("kick_cam01", "kick_cam03"):
            path = SHARED_VIDEOS / f"{camera}.mp4"
            if path.is_file():
                rows += _rows(camera, [_measure(path, Truth.load(truth_path(path)), height)])
            else:
                rows.append(Row(f"{camera}_mpjpe_mm", None, "mm", note=f"skipped: no {path.name} here"))
    show("reconstruct", rows, json)


def _demos() -> list[Path]:
    """The synthetic set, made once."""
    folder = cache_folder() / "demos"
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name in PLANS:
        path = folder / f"{name}.mp4"
        if not (path.is_file() and truth_path(path).is_file()):
            with bar(f"demo {name}") as progress:
                make_demo(name, path, progress=progress)
        paths.append(path)
    return paths


def _measure(video: Path, truth: Truth, height: float | None) -> dict[str, float]:
    """Runs both stages on one clip; returns figures by name, ours and the baselines' (`raw_`, `filtered_`)."""
    character = load_character("humanoid", height)
    console.print(f"[dim]{video.name}[/dim]")
    with bar(f"{video.stem} pose") as progress:
        keypoints = estimate_keypoints(video, PoseConfig(max_fps=1000.0), progress)
    with bar(f"{video.stem} motion") as progress:
        found = reconstruct_motion(keypoints, character, ReconstructConfig(loop="no"), progress)
    points = BodyPoints.of_sites(character.model, tuple(character.landmarks[name] for name in TWELVE))
    joints_c = found.camera.to_camera(point_positions(character.model, found.motion.qpos, points))
    return _compare(keypoints, found, joints_c, truth)


def _compare(keypoints: Keypoints, found: Reconstruction, joints_c: np.ndarray, truth: Truth) -> dict[str, float]:
    first = found.first_frame
    frames = min(len(joints_c), len(truth.xyz_w) - first, len(keypoints) - first)
    part = slice(first, first + frames)
    true_c, inverted, joints_c = truth.xyz_c[part], truth.inverted[part], joints_c[:frames]
    columns = [keypoints.names.index(name) for name in TWELVE]
    raw, seen = keypoints.xyz[part][:, columns], keypoints.seen[part]
    band = butter(4, min(BASELINE_CUTOFF_HZ / (keypoints.fps / 2), 0.99), output="sos")
    filtered = sosfiltfilt(band, _filled(raw, seen), axis=0)

    figures = {
        "mpjpe_mm": root_aligned_mpjpe(joints_c, true_c, HIPS).mean(),
        "pa_mpjpe_mm": pa_mpjpe(joints_c, true_c).mean(),
        "world_mpjpe_mm": world_mpjpe(joints_c, true_c),
        "acceleration_error_m_s2": acceleration_error(joints_c, true_c, keypoints.fps),
        "detected": float(seen.mean()),
    }
    for name, which in (("upright", ~inverted), ("inverted", inverted)):
        if which.any():
            figures[f"pa_mpjpe_{name}_mm"] = pa_mpjpe(joints_c[which], true_c[which]).mean()
            if (which & seen).any():
                figures[f"raw_pa_mpjpe_{name}_mm"] = pa_mpjpe(raw[which & seen], true_c[which & seen]).mean()
    figures["raw_mpjpe_mm"] = root_aligned_mpjpe(raw[seen], true_c[seen], HIPS).mean()
    figures["raw_pa_mpjpe_mm"] = pa_mpjpe(raw[seen], true_c[seen]).mean()
    figures["filtered_mpjpe_mm"] = root_aligned_mpjpe(filtered, true_c, HIPS).mean()
    figures["raw_acceleration_error_m_s2"] = acceleration_error(_filled(raw, seen), true_c, keypoints.fps)
    if truth.xy_px is not None:
        true_px = truth.xy_px[part]
        torso = np.linalg.norm(true_px[:, SHOULDERS].mean(1) - true_px[:, HIPS].mean(1), axis=-1)
        right = pck(keypoints.xy[part][:, columns], true_px, torso) & seen[:, None]
        for name, which in (("upright", ~inverted), ("inverted", inverted)):
            if which.any():
                figures[f"pck_{name}"] = float(right[which].mean())
    physical = ("foot_slide_mm_per_frame", "penetration_mm", "flight_gravity_ratio", "solve_seconds")
    return {key: float(value) for key, value in figures.items()} | {key: found.figures[key] for key in physical}


def _filled(xyz: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Frames that were not seen, interpolated, (T, J, 3)."""
    frames = np.arange(len(xyz))
    flat = xyz.reshape(len(xyz), -1)
    return np.stack([np.interp(frames, frames[seen], column[seen]) for column in flat.T], axis=1).reshape(xyz.shape)


def _rows(group: str, clips: list[dict[str, float]]) -> list[Row]:
    goals = {
        "synthetic": {
            "pa_mpjpe_upright_mm": 40, "pa_mpjpe_inverted_mm": 55, "mpjpe_mm": 55, "world_mpjpe_mm": 90,
            "foot_slide_mm_per_frame": 3, "penetration_mm": 5,
        },
        "kick_cam01": {"mpjpe_mm": 80, "pa_mpjpe_mm": 60},
        "kick_cam03": {"mpjpe_mm": 80, "pa_mpjpe_mm": 60},
    }.get(group, {})  # fmt: skip
    names = {name: None for clip in clips for name in clip if not name.startswith(("raw_", "filtered_"))}
    rows = []
    for name in names:
        unit = next((unit for unit in ("mm", "m_s2", "seconds") if name.endswith(unit)), "")
        values = [clip[name] for clip in clips if name in clip]
        raw = [clip[f"raw_{name}"] for clip in clips if f"raw_{name}" in clip]
        baseline = float(np.mean(raw)) if raw else None
        rows.append(mean_row(f"{group}_{name}", values, unit, baseline, goals.get(name)))
    return rows
