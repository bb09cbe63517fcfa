"""Compares a reference motion and two baselines, BlazePose's own 3D raw and low-passed, with known truth."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.signal import butter, sosfiltfilt

from pose.errors import InputError
from pose.keypoints import Keypoints
from pose.landmarks import LANDMARKS, TWELVE
from reconstruct.camera import focal_from_fov
from reconstruct.contacts import find_contacts, find_runs
from reconstruct.kinematics import GRAVITY
from reconstruct.reconstruct import Reconstruction
from sfv.bench.limb_signs import measure_signs
from sfv.bench.metrics import (
    MM,
    acceleration_error,
    bone_length_variation,
    contact_f1,
    pa_mpjpe,
    pck,
    root_aligned_mpjpe,
    slide,
    swapped_frames,
    upright_mpjpe,
    world_mpjpe,
)
from sfv.bench.own_camera import tilt_error, turn_to_world
from sfv.demo.demo import Demo

HIPS = (TWELVE.index("left_hip"), TWELVE.index("right_hip"))
SHOULDERS = (TWELVE.index("left_shoulder"), TWELVE.index("right_shoulder"))
MIRRORED = np.array(
    [
        TWELVE.index(_other)
        for _other in (name.replace("left", "*").replace("right", "left").replace("*", "right") for name in TWELVE)
    ]
)
LIMBS = tuple(
    (TWELVE.index(f"{side}_{upper}"), TWELVE.index(f"{side}_{lower}"))
    for side in ("left", "right")
    for upper, lower in (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"))
)
SOLES = ("left_heel", "left_foot_index", "right_heel", "right_foot_index")
FEET = ("left_foot", "right_foot")
MASS = {"shoulder": 0.16, "elbow": 0.04, "wrist": 0.02, "hip": 0.18, "knee": 0.07, "ankle": 0.03}
"""Share of the body's mass at each of the twelve joints, for the centre of mass of baselines
(trunk and head over shoulders and hips, limbs over both of their ends; de Leva 1996, rounded)."""
BASELINE_CUTOFF_HZ = 8.0
BASELINE_FOV = 50.0
"""Lens that the baselines are placed with [degrees]; the pipeline starts from the same."""


@dataclass(frozen=True)
class Truth:
    """Where the twelve joints really were."""

    xyz_w: np.ndarray
    """World frame, z up [m], (T, 12, 3)."""
    R_camera_world: np.ndarray
    """Of the camera in the first frame, (3, 3)."""
    t_camera_world: np.ndarray
    """[m], (3,)."""
    xy_px: np.ndarray | None
    """In the image, where that is known without lens distortion, (T, 12, 2)."""
    foot_contacts: np.ndarray | None = None
    """Feet on the ground where that is known, bool (T, 2), left and right."""

    @classmethod
    def load(cls, path: Path) -> "Truth":
        """Reads a `.truth.npz` as `sfv demo` writes it; raises `InputError` if a key is missing.

        A file without contacts but with heels and toes gives contacts found from their true motion.
        """
        if not path.is_file():
            raise InputError(f"{path}: no such file; a truth file holds xyz_w, names, R_camera_world, t_camera_world")
        with np.load(path, allow_pickle=False) as arrays:
            needed = {"xyz_w", "names", "R_camera_world", "t_camera_world"}
            missing = needed - set(arrays.files)
            if missing:
                raise InputError(f"{path}: lacks {', '.join(sorted(missing))}; see `python -m sfv demo --help`")
            names = [str(name) for name in arrays["names"]]
            absent = [name for name in TWELVE if name not in names]
            if absent:
                raise InputError(f"{path}: names lack {', '.join(absent)}")
            columns = [names.index(name) for name in TWELVE]
            # A camera that turns has one of each for every frame.
            R, t = arrays["R_camera_world"].reshape(-1, 3, 3)[0], arrays["t_camera_world"].reshape(-1, 3)[0]
            contacts = None
            if "contacts" in arrays.files and set(FEET) <= set(map(str, arrays["contact_names"])):
                parts = [str(name) for name in arrays["contact_names"]]
                contacts = arrays["contacts"][:, [parts.index(foot) for foot in FEET]]
            elif set(SOLES) <= set(names):
                soles = arrays["xyz_w"][:, [names.index(name) for name in SOLES]]
                soles = soles - [0.0, 0.0, np.percentile(soles[..., 2].min(axis=1), 10)]
                contacts = to_foot_contacts(find_contacts(soles, float(arrays["fps"])))
            return cls(
                xyz_w=arrays["xyz_w"][:, columns],
                R_camera_world=R,
                t_camera_world=t,
                xy_px=arrays["xy_px"][:, columns] if "xy_px" in arrays.files else None,
                foot_contacts=contacts,
            )

    @classmethod
    def of(cls, demo: Demo) -> "Truth":
        """That of a demonstration before a still camera."""
        camera, columns = demo.camera, [LANDMARKS.index(name) for name in TWELVE]
        return cls(demo.xyz_w[:, columns], camera.R_camera_world, camera.t_camera_world, None)

    @property
    def xyz_c(self) -> np.ndarray:
        """In the axes of the first frame's camera [m], (T, 12, 3)."""
        return self.xyz_w @ self.R_camera_world.T + self.t_camera_world

    @property
    def inverted(self) -> np.ndarray:
        """Frames in which the shoulders are below the hips, bool (T,)."""
        height = self.xyz_w[..., 2]
        return height[:, SHOULDERS].mean(1) < height[:, HIPS].mean(1)

    def to_world(self, points_c: np.ndarray) -> np.ndarray:
        """Points in camera axes in the true world [m], (..., 3)."""
        return (points_c - self.t_camera_world) @ self.R_camera_world


def to_foot_contacts(sole_contacts: np.ndarray) -> np.ndarray:
    """A foot is on the ground when its heel or its toe is, bool (T, 4) in the order of `SOLES` -> (T, 2)."""
    return np.asarray(sole_contacts.reshape(-1, 2, 2).any(axis=2))


def compare(keypoints: Keypoints, found: Reconstruction, joints_c: np.ndarray, truth: Truth) -> dict[str, float]:
    """Metrics by name: ours, and the baselines' under `raw_` and `filtered_`.

    `own_camera_mpjpe_mm` is root-aligned in the world, with the vertical that the reconstruction found: `filtered_` is
    the detector's 3D before the same camera, so that what is lost by its tilt (`camera_tilt_deg`) is in both.

    Args:
      keypoints: what the motion was made from.
      found: the motion.
      joints_c: its twelve joints in the axes of the first frame's camera [m], (T, 12, 3).
      truth: of every frame of the keypoints.
    """
    first = found.first_frame
    count = min(len(joints_c), len(truth.xyz_w) - first, len(keypoints) - first)
    part = slice(first, first + count)
    true_c, inverted, ours = truth.xyz_c[part], truth.inverted[part], joints_c[:count]
    columns = [keypoints.names.index(name) for name in TWELVE]
    seen = keypoints.seen[part]
    raw, soles = (interpolate_unseen(points[part], seen) for points in place_by_reprojection(keypoints, columns))
    band = butter(4, min(BASELINE_CUTOFF_HZ / (keypoints.fps / 2), 0.99), output="sos")

    metrics: dict[str, float] = {"detected": float(seen.mean())}
    baselines = {"raw_": (raw, soles), "filtered_": tuple(sosfiltfilt(band, x, axis=0) for x in (raw, soles))}
    for prefix, joints in (("", ours), *((name, pair[0]) for name, pair in baselines.items())):
        metrics[f"{prefix}mpjpe_mm"] = root_aligned_mpjpe(joints, true_c, HIPS).mean()
        aligned = pa_mpjpe(joints, true_c)
        metrics[f"{prefix}pa_mpjpe_mm"] = aligned.mean()
        for name, which in (("upright", ~inverted), ("inverted", inverted)):
            if which.any():
                metrics[f"{prefix}pa_mpjpe_{name}_mm"] = aligned[which].mean()
        metrics[f"{prefix}world_mpjpe_mm"] = world_mpjpe(joints, true_c)
        metrics[f"{prefix}acceleration_error_m_s2"] = acceleration_error(joints, true_c, keypoints.fps)
        metrics[f"{prefix}swapped_share"] = swapped_frames(joints, true_c, MIRRORED) / count
        metrics[f"{prefix}bone_length_variation_mm"] = bone_length_variation(joints, LIMBS)
    low = sosfiltfilt(
        band, interpolate_unseen(turn_to_world(keypoints, first, columns, found.camera, count), seen), axis=0
    )
    ours_w = (ours - found.camera.t_camera_world) @ found.camera.R_camera_world
    for prefix, joints_w in (("", ours_w), ("filtered_", low)):
        metrics[f"{prefix}own_camera_mpjpe_mm"] = upright_mpjpe(joints_w, truth.xyz_w[part], HIPS).mean()
    metrics["camera_tilt_deg"] = tilt_error(found.camera.R_camera_world, truth.R_camera_world)
    metrics["worse_than_detector_share"] = float(
        any(metrics[name] > metrics[f"filtered_{name}"] for name in ("own_camera_mpjpe_mm", "pa_mpjpe_mm"))
    )
    metrics |= measure_signs(keypoints, first, ours, true_c, BASELINE_FOV)
    if truth.foot_contacts is not None:
        held = truth.foot_contacts[part]
        index = [found.motion.contact_names.index(name) for name in FEET]
        metrics["contact_f1"] = contact_f1(found.motion.contacts[:count, index], held)
        for prefix, (joints, feet_c) in baselines.items():
            facts = compute_physical_facts(truth.to_world(joints), truth.to_world(feet_c), held, keypoints.fps)
            metrics |= {prefix + name: value for name, value in facts.items()}
    if truth.xy_px is not None:
        true_px = truth.xy_px[part]
        torso = np.linalg.norm(true_px[:, SHOULDERS].mean(1) - true_px[:, HIPS].mean(1), axis=-1)
        right = pck(keypoints.xy[part][:, columns], true_px, torso) & seen[:, None]
        for name, which in (("upright", ~inverted), ("inverted", inverted)):
            if which.any():
                metrics[f"pck_{name}"] = float(right[which].mean())
    return {name: float(value) for name, value in metrics.items()}


def compute_physical_facts(joints_w: np.ndarray, soles_w: np.ndarray, held: np.ndarray, fps: float) -> dict[str, float]:
    """Physical metrics as in `reconstruct.motion_metrics`, for points without a body, in the true world.

    Args:
      joints_w: the twelve joints [m], (T, 12, 3).
      soles_w: in the order of `SOLES` [m], (T, 4, 3).
      held: feet that are truly on the ground, bool (T, 2).
      fps: frames a second.
    """
    lowest = soles_w.reshape(-1, 2, 2, 3)[..., 2].min(axis=2)
    share = np.array([MASS[name.split("_")[1]] for name in TWELVE])
    com = np.einsum("j,tji->ti", share / share.sum(), joints_w)
    falls = [
        -2.0 * np.polyfit(np.arange(end - start) / fps, com[start:end, 2], 2)[0] / GRAVITY
        for start, end in find_runs(np.logical_not(held.any(axis=1)))
        if end - start >= max(4, 0.1 * fps)
    ]
    return {
        "foot_slide_mm_per_frame": slide(soles_w, held, fps),
        "penetration_mm": MM * float(np.maximum(-lowest.min(axis=1), 0.0).mean()),
        "float_mm": MM * float(np.maximum(lowest[held], 0.0).mean()) if held.any() else float("nan"),
        "flight_gravity_ratio": float(np.mean(falls)) if falls else float("nan"),
        "contact_f1": contact_f1(to_foot_contacts(find_contacts(soles_w, fps)), held),
    }


def place_by_reprojection(keypoints: Keypoints, columns: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """BlazePose's 3D landmarks moved, frame by frame, to where they project onto its 2D ones.

    Least squares on f (X + tx) = u (Z + tz), f (Y + ty) = v (Z + tz), linear in the shift t.

    Args:
      keypoints: detections.
      columns: the landmarks to place by.

    Returns:
      Those landmarks (T, J, 3) and the `SOLES` (T, 4, 3), camera axes [m].
    """
    focal = focal_from_fov(BASELINE_FOV, keypoints.image_size)
    plane = (keypoints.xy[:, columns] - np.array(keypoints.image_size) / 2.0) / focal
    xyz = keypoints.xyz[:, columns]
    rows = np.zeros((len(xyz), len(columns), 2, 3))
    rows[..., 0, 0] = rows[..., 1, 1] = 1.0
    rows[..., 2] = -plane
    target = plane * xyz[..., 2:] - xyz[..., :2]
    rows, target = rows.reshape(len(xyz), -1, 3), target.reshape(len(xyz), -1)
    normal = np.swapaxes(rows, 1, 2) @ rows + 1e-9 * np.eye(3)
    shift = np.linalg.solve(normal, np.einsum("tki,tk->ti", rows, target)[..., None])[..., 0]
    soles = keypoints.xyz[:, [keypoints.names.index(name) for name in SOLES]]
    return xyz + shift[:, None], soles + shift[:, None]


def interpolate_unseen(xyz: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Frames that were not seen, interpolated, (T, J, 3)."""
    frames = np.arange(len(xyz))
    flat = xyz.reshape(len(xyz), -1)
    return np.stack([np.interp(frames, frames[seen], column[seen]) for column in flat.T], axis=1).reshape(xyz.shape)
