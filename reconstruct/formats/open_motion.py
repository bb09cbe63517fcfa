"""Opens motion files of all kinds: which ones there are, how each is recognised, and what is said to all others."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pose.archive import DAMAGE, load_array, load_plain_arrays
from pose.errors import InputError
from pose.foreign_files import refuse_damaged
from reconstruct.formats.asf_amc import read_amc
from reconstruct.formats.bvh import read_bvh
from reconstruct.formats.deepmimic import read_deepmimic
from reconstruct.formats.gaps import is_unit
from reconstruct.formats.joint_layouts import LAYOUTS, LIMBS, find_order
from reconstruct.formats.joint_positions import SMPL_COUNTS, read_positions, to_places
from reconstruct.formats.markers import read_c3d, read_trc
from reconstruct.formats.options import MotionFileConfig
from reconstruct.formats.own_motion import read_own_archive
from reconstruct.formats.rate import take_rate
from reconstruct.formats.read_gltf import read_gltf
from reconstruct.formats.robot import RobotMotion, check_path
from reconstruct.formats.robot_archive import ANGLE_KEYS, is_qpos, is_robot_archive, read_joint_archive
from reconstruct.formats.robot_table import read_csv
from reconstruct.formats.skeleton_motion import SkeletonMotion
from reconstruct.formats.smpl import find_smpl_keys, read_smpl, strip_prefixes

MotionFile = SkeletonMotion | RobotMotion


@dataclass(frozen=True)
class Format:
    """A kind of motion file, as the support table of docs/formats.md lists it."""

    name: str
    suffixes: tuple[str, ...]
    reads: bool
    writes: bool
    recognised: str
    """How a file is known to be of this kind, and what is taken from it."""
    example: str


FORMATS = (
    Format(
        "a run's motion", (".npz",), True, True, "key `kind` = motion; as it is",
        "sfv clip --motion runs/walk/2_motion/humanoid/motion.npz",
    ),
    Format(
        "BVH", (".bvh",), True, True,
        "HIERARCHY; joints by name; y up by custom, the rest pose or standing frames overrule; unit by the legs",
        "sfv clip --motion walk.bvh",
    ),
    Format(
        "AMASS, SMPL, SMPL-H, SMPL-X", (".npz",), True, True,
        "keys `poses`, `root_orient` + `pose_body`, `global_orient` + `body_pose`, `pose_world`, `smpl_poses`, "
        "`thetas`, `Rh` + `poses` and the like, as rotation vectors, matrices or quaternions; "
        "AMASS is z up, others as they stand",
        "sfv clip --motion walk_poses.npz",
    ),
    Format(
        "joint positions", (".npy", ".npz"), True, False,
        "(T, 22, 3) of SMPL's joints, HumanML3D's (T, 263), any whose names stand in the archive, "
        "or those of Human3.6M, COCO, MPI-INF-3DHP, Panoptic, "
        "KIT-ML, BODY_25, Kinect, HALPE_26, MediaPipe, LSP by their number and their bones; y up by custom",
        "sfv clip --motion generated.npy --fps 20",
    ),
    Format(
        "DeepMimic", (".txt", ".json"), True, False, "JSON with `Frames`; y up",
        "sfv clip --motion humanoid3d_walk.txt",
    ),
    Format(
        "robot joints, table", (".csv",), True, True,
        "joints by the columns' names, as ours are or with a root in other words; without names Unitree's: place, "
        "quaternion xyzw, hinges, 30 a second",
        "sfv clip --motion dance1_subject2.csv --character g1",
    ),
    Format(
        "robot joints, arrays", (".npz", ".npy"), True, False,
        "keys `joint_pos` + `body_pos_w` + `body_quat_w` (BeyondMimic), `dof_positions` + "
        "`body_positions` + `body_rotations` (Isaac Lab), `dof_pos` + `root_pos` + `root_rot`, "
        "`dof_pos` + `rigid_body_pos` + `rigid_body_rot` (ProtoMotions), `frames` + `loop_mode` (MimicKit), "
        "`qpos`, or qpos alone",
        "sfv clip --motion motion.npz --character g1",
    ),
    Format(
        "TRC", (".trc",), True, True,
        "`DataRate`; joints or markers by name (Pose2Sim, Sports2D, OpenCap, Plug-in Gait); y up by custom",
        "sfv clip --motion trial.trc",
    ),
    Format(
        "C3D", (".c3d",), True, False,
        "by ezc3d (pip install ezc3d); joints or markers by name, z up by custom", "sfv clip --motion trial.c3d",
    ),
    Format(
        "Acclaim", (".amc",), True, False,
        "with the subject's .asf in the same folder; y up by custom, 120 frames a second",
        "sfv clip --motion 01_01.amc",
    ),
    Format(
        "glTF, GLB", (".glb", ".gltf"), True, True,
        "a skeleton with a clip, of several the longest that moves it; y up, as the format defines",
        "sfv clip --motion mixamo.glb",
    ),
)  # fmt: skip

MOST_JOINTS, DEEPEST = 2000, 300
RATES = (0.05, 20_000.0)
"""Frames a second that a motion can have."""
LARGEST_COORDINATE = 1e4
"""Metres or radians of a body's own coordinates."""
LARGEST, FARTHEST = 1e9, 1e6
"""Largest place in a file's unit, and distance from the origin in sizes of the body, of a motion."""

CONVERT = (
    "python -c \"import joblib, numpy as np; d = joblib.load('FILE'); "
    "d = next(iter(d.values())) if all(isinstance(v, dict) for v in d.values()) else d; "
    "np.savez('out.npz', **{k: v for k, v in d.items() if isinstance(v, (np.ndarray, int, float))})\""
)
BLENDER = (
    'open it in Blender and export it as .glb or .bvh, or: blender -b --python-expr "import bpy; '
    "bpy.ops.import_scene.fbx(filepath='FILE'); bpy.ops.export_scene.gltf(filepath='out.glb')\""
)
REFUSED = {
    ".fbx": f"FBX is a closed format; {BLENDER}",
    ".blend": "a Blender file; export the skeleton from it as .glb or .bvh",
    ".dae": "Collada; open it in Blender and export it as .glb",
    ".pkl": f"a pickle can run programs, so it is not opened; if you trust it, convert it: {CONVERT}",
    ".pt": "a torch file can run programs, so it is not opened; docs/formats.md has the line that converts it to .npz",
    ".asf": "the skeleton alone; give the .amc beside it",
    ".usd": "USD is not read; open it in Blender and export it as .glb",
    ".mvnx": "Xsens's own format; export .bvh or .c3d from MVN",
    ".vmd": "MikuMikuDance's motion has no skeleton; load it in Blender (mmd_tools) and export .bvh",
    ".mp4": "a video; give it by --video",
}
ALIASES = {".pickle": ".pkl", ".joblib": ".pkl", ".pth": ".pt", ".ckpt": ".pt", ".usda": ".usd", ".usdc": ".usd",
           ".usdz": ".usd", ".mov": ".mp4", ".avi": ".mp4", ".mkv": ".mp4", ".webm": ".mp4"}  # fmt: skip
KINDS = ", ".join(sorted({suffix for kind in FORMATS if kind.reads for suffix in kind.suffixes}))


def open_motion(path: Path, config: MotionFileConfig | None = None, asked: str | None = None) -> MotionFile:
    """Reads a motion file in its own axes and unit, or in a robot's own joints.

    Args:
      path: the file.
      config: what the user says about it.
      asked: name of the character that is to perform it, for files of angles without names.

    Raises:
      InputError: no such file, of no kind that is read, damaged, or no person's motion.
    """
    path, config = Path(path), config or MotionFileConfig()
    if not path.is_file():
        raise InputError(f"{path}: no such file; give a motion: {KINDS}")
    suffix = path.suffix.lower()
    suffix = ALIASES.get(suffix, suffix)
    if suffix in REFUSED:
        raise InputError(f"{path}: {REFUSED[suffix].replace('FILE', path.name)}")
    readers: dict[str, Callable[[Path], MotionFile]] = {
        ".bvh": lambda given: read_bvh(given, config.joints, config.fps),
        ".txt": read_deepmimic,
        ".json": read_deepmimic,
        ".npz": lambda given: _open_archive(given, asked, config.fps),
        ".npy": lambda given: _open_array(given, asked, config.fps),
        ".csv": lambda given: read_csv(given, asked, config.fps),
        ".trc": lambda given: read_trc(given, config.joints),
        ".c3d": lambda given: read_c3d(given, config.joints),
        ".amc": read_amc,
        ".glb": lambda given: read_gltf(given, config.fps),
        ".gltf": lambda given: read_gltf(given, config.fps),
    }
    if suffix not in readers:
        raise InputError(f"{path}: unknown kind of motion '{path.suffix}'; give {KINDS}")
    with refuse_damaged(path, f"a motion in {suffix}", "export it again"), np.errstate(all="ignore"):
        found = readers[suffix](path)
        if config.fps is not None:
            found = _with_rate(found, config.fps)
        if isinstance(found, SkeletonMotion):
            check_skeleton(found, path)
        else:
            check_coordinates(found, path)
    if isinstance(found, RobotMotion):
        found = check_path(found, path)
    return found


def check_skeleton(found: SkeletonMotion, path: Path) -> None:
    """Raises `InputError` for what no person's skeleton is: boundless, of thousands of joints or without a rate."""
    if not 2 <= len(found.names) <= MOST_JOINTS:
        raise InputError(f"{path}: {len(found.names)} joints; a person's skeleton has at most {MOST_JOINTS}")
    depth = list[int]()
    for parent in found.parents:
        depth.append(depth[parent] + 1 if parent >= 0 else 0)
    if max(depth) > DEEPEST:
        raise InputError(f"{path}: {max(depth)} joints one below the other; a person has at most {DEEPEST}")
    if not RATES[0] <= found.fps <= RATES[1]:
        raise InputError(f"{path}: {found.fps:.3g} frames a second are no motion's; mend it, or give --fps")
    if not all(np.isfinite(part).all() for part in (found.rest, found.positions, found.rotations)):
        raise InputError(f"{path}: places or rotations that are not finite; export it again")
    size, reach = float(np.ptp(found.rest, axis=0).max()), float(np.abs(found.positions).max())
    if not 0.0 < size < LARGEST or reach > LARGEST or reach > FARTHEST * size:
        raise InputError(f"{path}: a body of {size:.3g} units at {reach:.3g} from the origin; export it again")


def check_coordinates(found: RobotMotion, path: Path) -> None:
    """Raises `InputError` for places, angles or rates that no body's motion has."""
    qpos, fps = found.motion.qpos, found.motion.fps
    worst = np.unravel_index(int(np.abs(qpos).argmax()), qpos.shape)
    if np.abs(qpos[worst]) > LARGEST_COORDINATE:
        text = f"frame {worst[0]}, coordinate {worst[1]} is {qpos[worst]:.3g}"
        raise InputError(f"{path}: {text}; metres and radians are below {LARGEST_COORDINATE:g}, export it again")
    if not RATES[0] <= fps <= RATES[1]:
        raise InputError(f"{path}: {fps:.3g} frames a second are no motion's; mend it, or give --fps")


def _with_rate(found: MotionFile, fps: float) -> MotionFile:
    """The same at the rate that the user names; what the reader says about the rate is settled by that."""
    findings = tuple(finding for finding in found.findings if finding.topic != "rate")
    if isinstance(found, RobotMotion):
        return replace(found, motion=replace(found.motion, fps=fps), findings=findings)
    return replace(found, fps=fps, findings=findings)


def _load_array(path: Path) -> np.ndarray:
    try:
        return load_array(path)
    except InputError:
        raise
    except DAMAGE as error:
        if "pickle" in str(error).lower() or "object" in str(error).lower():
            line = f"python -c \"import numpy as np; d = np.load('{path.name}', allow_pickle=True).item(); "
            line += "np.save('out.npy', d['motion'][0])\""
            raise InputError(
                f"{path}: holds Python objects, which are not opened, not numbers; if you trust it, save the array of "
                f"places, of MDM's results: {line}"
            ) from error
        raise InputError(f"{path}: damaged ({error}); export it again") from error


def _open_array(path: Path, asked: str | None, fps: float | None) -> MotionFile:
    """An `.npy`: places of joints, or MuJoCo's coordinates of a robot."""
    array = _load_array(path)
    if is_qpos(array, asked):
        return read_joint_archive({"qpos": array}, path, asked, fps)
    return read_positions(array, path)


def _open_archive(path: Path, asked: str | None, fps: float | None) -> MotionFile:
    """An `.npz` of any of its kinds, by its keys."""
    arrays, pickled = load_plain_arrays(path)
    if str(arrays.get("kind", "")) == "motion":
        return read_own_archive(arrays, path)
    names = strip_prefixes(arrays)
    if find_smpl_keys(names) is not None and not any(key in names for key in ANGLE_KEYS):
        return read_smpl(names, path, fps)
    if is_robot_archive(names):
        return read_joint_archive(names, path, asked, fps)
    titles = find_titles(names)
    found = [array for array in names.values() if is_places(array, tuple(titles))]
    if found:
        array = min(found, key=lambda own: (own.shape[-2] not in titles, own.shape[-2] not in SMPL_COUNTS))
        count, own = array.shape[-2], titles.get(array.shape[-2])
        rate, doubts = (fps, []) if fps is not None else take_rate(names, to_places(array, path, count).shape[0], path)
        motion = read_positions(array, path, rate, own)
        return replace(motion, findings=(*motion.findings, *doubts))
    found = ", ".join(f"{key} {array.shape}" for key, array in list(arrays.items())[:12]) or "none"
    if pickled:
        line = f"import numpy as np; d = np.load('{path.name}', allow_pickle=True)['{pickled[0]}'].item()"
        found += f"; Python objects, which are not opened: {', '.join(pickled)}; if you trust it, save what is in one: "
        found += f"python -c \"{line}; np.savez('out.npz', **d)\""
    raise InputError(
        f"{path}: no motion under these keys: {found}; read are poses + trans (AMASS), global_orient + "
        "body_pose + transl (SMPL), joint_pos + body_pos_w + body_quat_w (BeyondMimic), dof_pos + root_pos + root_rot, "
        "qpos (MuJoCo), a run's motion.npz"
    )


def find_titles(arrays: Mapping[str, np.ndarray]) -> dict[int, list[str]]:
    """Names of joints that an archive has beside its places, where they name all limbs, by their number."""
    lists = [array.tolist() for array in arrays.values() if array.ndim == 1 and array.dtype.kind in "US"]
    texts = [[own.decode(errors="replace") if isinstance(own, bytes) else str(own) for own in one] for one in lists]
    return {len(own): own for own in texts if len(own) >= len(LIMBS) and find_order(own) is not None}


def is_places(array: np.ndarray, named: tuple[int, ...] = ()) -> bool:
    """Whether an array has the shape of joints' places over time, (T, J, 3), or with a score (T, J, 4).

    Args:
      array: any.
      named: other numbers of joints than those in use, that have names.
    """
    if array.ndim < 3 or array.dtype.kind not in "iuf":
        return False
    count, numbers = array.shape[-2:]
    is_scored = numbers == 4 and count in (*LAYOUTS, *named) and not is_unit(array)
    return is_scored or (numbers == 3 and count in (*SMPL_COUNTS, *LAYOUTS, *named))


def format_table() -> str:
    """The support table of docs/formats.md, in Markdown."""
    lines = [
        "| format | files | read | write | recognised by, and what is taken | example |",
        "|---|---|---|---|---|---|",
    ]
    for kind in FORMATS:
        marks = ["yes" if can else "-" for can in (kind.reads, kind.writes)]
        cells = [kind.name, ", ".join(f"`{suffix}`" for suffix in kind.suffixes), *marks, kind.recognised]
        lines.append("| " + " | ".join([*cells, f"`{kind.example}`"]) + " |")
    return "\n".join(lines) + "\n"
