"""Small good files of every kind that the program reads: what the campaign of bad inputs damages."""

import base64
import json
import shutil
import struct
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import cast

import av
import cv2
import numpy as np
import torch
import trimesh

from imitate.policy import load_torch
from imitate.rollout import Rollout
from imitate.scene.scene import Scene
from pose.keypoints import Keypoints
from pose.landmarks import LANDMARKS
from pose.video import VideoWriter
from reconstruct.camera import Camera
from reconstruct.characters.assets_folder import ASSETS, CHARACTERS
from reconstruct.characters.character import Character, load_character
from reconstruct.formats.deepmimic import WIDTH
from reconstruct.formats.robot_joints import hinge_names
from reconstruct.formats.smpl import rest_positions
from reconstruct.formats.write_amass import write_amass
from reconstruct.formats.write_bvh import write_bvh
from reconstruct.formats.write_csv import write_csv
from reconstruct.formats.write_glb import write_glb
from reconstruct.formats.write_trc import write_trc
from reconstruct.motion import ReferenceMotion
from reconstruct.scene_objects import SceneObject, save_objects
from sfv.demo.motions import load_demo_motion

FRAMES = 16
SIZE = (160, 120)
"""Width and height of films and pictures [px]."""


@dataclass(frozen=True)
class Sample:
    """A good file, or a folder of which one file is damaged."""

    kind: str
    """What reads it, one of `readers.READERS`."""
    folder: Path
    """All that belongs together."""
    opened: str
    """What the reader is given, relative to the folder; "." for the folder itself."""
    damaged: str
    """The file that is damaged."""

    @property
    def name(self) -> str:
        """Short name: kind and file."""
        return f"{self.kind}/{self.damaged}"


def make_samples(folder: Path) -> list[Sample]:
    """Writes the good files below a folder, each set of them into its own, and lists them."""
    humanoid = load_character("humanoid")
    walk = load_demo_motion("walk", humanoid)
    walk = replace(walk, qpos=walk.qpos[:FRAMES], contacts=walk.contacts[:FRAMES], loop=False)
    shutil.rmtree(folder, ignore_errors=True)
    samples = [*_make_films(folder), *_make_keypoints(folder), *_make_motions(folder, walk, humanoid)]
    return [*samples, *_make_bodies(folder), *_make_own_files(folder, walk), *_make_pictures(folder)]


def _make_films(folder: Path) -> list[Sample]:
    rng = np.random.default_rng(0)
    images = [np.roll(rng.integers(0, 255, (SIZE[1], SIZE[0], 3), dtype=np.uint8), 3 * t, axis=1) for t in range(12)]
    with VideoWriter(folder / "mp4" / "a.mp4", 10.0, SIZE) as film:
        for image in images:
            film.write(image)
    for suffix, codec in (("mkv", "mpeg4"), ("avi", "mpeg4"), ("gif", "gif")):
        (folder / suffix).mkdir()
        with av.open(str(folder / suffix / f"a.{suffix}"), "w") as container:
            stream = cast(av.VideoStream, container.add_stream(codec, rate=10))
            stream.width, stream.height = SIZE
            stream.pix_fmt = "rgb8" if codec == "gif" else "yuv420p"
            for image in images:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
            container.mux(stream.encode(None))
    return [Sample("video", folder / suffix, f"a.{suffix}", f"a.{suffix}") for suffix in ("mp4", "mkv", "avi", "gif")]


def _make_keypoints(folder: Path) -> list[Sample]:
    people = [[float(v) for k in range(17) for v in (40 + 3 * k + t, 20 + 5 * k, 0.9)] for t in range(FRAMES)]
    (folder / "frames").mkdir()
    for t, person in enumerate(people):
        content = {"version": 1.3, "people": [{"pose_keypoints_2d": person}]}
        (folder / "frames" / f"a_{t:06}_keypoints.json").write_text(json.dumps(content))
    (folder / "list").mkdir()
    rows = [{"image_id": f"{t}.jpg", "keypoints": person, "score": 2.0} for t, person in enumerate(people)]
    (folder / "list" / "a.json").write_text(json.dumps(rows, indent=1))
    return [
        Sample("keypoints", folder / "frames", ".", "a_000005_keypoints.json"),
        Sample("keypoints", folder / "list", "a.json", "a.json"),
    ]


def _make_motions(folder: Path, walk: ReferenceMotion, humanoid: Character) -> list[Sample]:
    writers: dict[str, Callable[[Path], None]] = {
        "bvh": lambda path: write_bvh(walk, humanoid, path),
        "glb": lambda path: write_glb(walk, humanoid, path),
        "trc": lambda path: write_trc(walk, humanoid, path),
        "csv": lambda path: write_csv(walk, humanoid, path),
        "npz": lambda path: walk.save(path),
        "amass.npz": lambda path: write_amass(walk, humanoid, path),
        "npy": lambda path: np.save(path, np.tile(rest_positions()[:, [0, 2, 1]], (FRAMES, 1, 1))),
        "robot.npz": write_robot_archive,
        "txt": write_deepmimic,
        "amc": write_acclaim,
        "c3d": write_c3d,
    }
    samples = []
    for ending, write in writers.items():
        own = folder / ending
        own.mkdir()
        write(own / f"a.{ending}")
        if (own / f"a.{ending}").is_file():
            samples.append(Sample("motion", own, f"a.{ending}", f"a.{ending}"))
    (folder / "gltf").mkdir()
    to_gltf(folder / "glb" / "a.glb", folder / "gltf" / "a.gltf")
    return [
        *samples,
        Sample("motion", folder / "gltf", "a.gltf", "a.gltf"),
        Sample("motion", folder / "amc", "a.amc", "a.asf"),
    ]


def write_robot_archive(path: Path) -> None:
    """Atlas at rest in arrays of joint angles, as BeyondMimic has them."""
    atlas = load_character("atlas")
    names, still = hinge_names(atlas.model), np.tile([0.0, 0.0, 0.9], (FRAMES, 1, 1))
    arrays = {"joint_pos": np.zeros((FRAMES, len(names))), "body_pos_w": still, "joint_names": np.array(names)}
    np.savez(path, **arrays, body_quat_w=np.tile([1.0, 0.0, 0.0, 0.0], (FRAMES, 1, 1)), fps=np.array([30.0]))


def write_deepmimic(path: Path) -> None:
    """DeepMimic's humanoid, standing."""
    frame = np.zeros(WIDTH)
    frame[:8] = (0.033, 0.0, 0.9, 0.0, 1.0, 0.0, 0.0, 0.0)
    frame[[8, 12, 16, 21, 25, 30, 35, 39]] = 1.0
    path.write_text(json.dumps({"Loop": "none", "Frames": np.tile(frame, (FRAMES, 1)).tolist()}, indent=1))


BONES = {
    "lhipjoint": ("root", (0.6, -0.7, 0.3), 2.4, ""), "lfemur": ("lhipjoint", (0.34, -0.94, 0.0), 7.2, "rx ry rz"),
    "ltibia": ("lfemur", (0.34, -0.94, 0.0), 7.2, "rx"), "lfoot": ("ltibia", (0.1, -0.2, 0.97), 2.1, "rx rz"),
    "rhipjoint": ("root", (-0.6, -0.7, 0.3), 2.4, ""), "rfemur": ("rhipjoint", (-0.34, -0.94, 0.0), 7.2, "rx ry rz"),
    "rtibia": ("rfemur", (-0.34, -0.94, 0.0), 7.2, "rx"), "rfoot": ("rtibia", (-0.1, -0.2, 0.97), 2.1, "rx rz"),
    "thorax": ("root", (0.0, 1.0, 0.0), 4.0, "rx ry rz"), "lclavicle": ("thorax", (0.9, 0.3, 0.0), 3.5, ""),
    "lhumerus": ("lclavicle", (1.0, 0.0, 0.0), 5.0, "rx ry rz"), "lradius": ("lhumerus", (1.0, 0.0, 0.0), 3.3, "rx"),
    "lwrist": ("lradius", (1.0, 0.0, 0.0), 1.7, "ry"), "rclavicle": ("thorax", (-0.9, 0.3, 0.0), 3.5, ""),
    "rhumerus": ("rclavicle", (-1.0, 0.0, 0.0), 5.0, "rx ry rz"),
    "rradius": ("rhumerus", (-1.0, 0.0, 0.0), 3.3, "rx"), "rwrist": ("rradius", (-1.0, 0.0, 0.0), 1.7, "ry"),
    "head": ("thorax", (0.0, 1.0, 0.0), 2.0, "rx ry rz"),
}  # fmt: skip
"""Bones of an Acclaim skeleton: what each hangs on, its direction, length and degrees of freedom."""


def write_acclaim(path: Path) -> None:
    """A skeleton that stands, `.amc` with its `.asf`."""
    lines = [":version 1.10", ":units", "  mass 1.0", "  length 0.45", "  angle deg", ":root"]
    lines += ["  order TX TY TZ RX RY RZ", "  axis XYZ", "  position 0 0 0", "  orientation 0 0 0", ":bonedata"]
    for number, (name, (_, way, length, dof)) in enumerate(BONES.items(), 1):
        lines += ["  begin", f"    id {number}", f"    name {name}", f"    direction {way[0]} {way[1]} {way[2]}"]
        lines += [f"    length {length}", "    axis 0 0 0  XYZ", *[f"    dof {dof}"] * bool(dof), "  end"]
    lines += [":hierarchy", "  begin"]
    for above in ("root", *BONES):
        below = " ".join(name for name, bone in BONES.items() if bone[0] == above)
        lines += [f"    {above} {below}"] * bool(below)
    path.with_suffix(".asf").write_text("\n".join([*lines, "  end"]) + "\n")
    rows = [":FULLY-SPECIFIED", ":DEGREES"]
    for t in range(FRAMES):
        rows += [str(t + 1), f"root 0.0 17.0 {0.1 * t} 0.0 0.0 0.0"]
        rows += [f"{name} " + " ".join(["0.5"] * len(bone[3].split())) for name, bone in BONES.items() if bone[3]]
    path.write_text("\n".join(rows) + "\n")


def write_c3d(path: Path) -> None:
    """Joints of a standing person by ezc3d; nothing where that is not installed."""
    try:
        import ezc3d
    except ImportError:
        return
    joints = ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
    heights = (950.0, 500.0, 80.0, 1400.0, 1100.0, 850.0)
    file, names = ezc3d.c3d(), [f"{side}{joint}" for side in "LR" for joint in joints]
    file["parameters"]["POINT"]["RATE"]["value"] = [30.0]
    file["parameters"]["POINT"]["UNITS"]["value"] = ["mm"]
    file["parameters"]["POINT"]["LABELS"]["value"] = names
    points = np.ones((4, len(names), FRAMES))
    points[2] = np.tile(heights, 2)[:, None]
    points[1] = np.repeat([150.0, -150.0], len(joints))[:, None]
    points[0] = np.arange(FRAMES) * 20.0
    file["data"]["points"] = points
    file.write(str(path))


def to_gltf(glb: Path, path: Path) -> None:
    """A `.glb` as `.gltf`: JSON with its buffer in base64."""
    content = glb.read_bytes()
    (length,) = struct.unpack_from("<I", content, 12)
    document = json.loads(content[20 : 20 + length])
    inside = content[20 + length + 8 :]
    document["buffers"][0]["uri"] = f"data:application/octet-stream;base64,{base64.b64encode(inside).decode()}"
    path.write_text(json.dumps(document, indent=1))


def _make_bodies(folder: Path) -> list[Sample]:
    shutil.copytree(CHARACTERS / "atlas", folder / "characters" / "mine")
    (folder / "mjcf").mkdir()
    shutil.copy(CHARACTERS / "atlas" / "atlas.xml", folder / "mjcf" / "a.xml")
    (folder / "urdf").mkdir()
    (folder / "urdf" / "a.urdf").write_text(describe_robot())
    write_parts(folder / "parts")
    return [
        Sample("character", folder / "characters", "mine", "mine/character.toml"),
        Sample("character", folder / "characters", "mine", "mine/atlas.xml"),
        Sample("model", folder / "mjcf", "a.xml", "a.xml"),
        Sample("model", folder / "urdf", "a.urdf", "a.urdf"),
        Sample("model", folder / "parts", ".", "chest.stl"),
        Sample("model", folder / "parts", ".", "left_shin.obj"),
        Sample("model", folder / "parts", ".", "joints.toml"),
    ]


def describe_robot() -> str:
    """A URDF: a small biped of boxes."""
    links, joints = [_describe_link("base", 8.0, ".15 .3 .5", "0 0 .2")], list[str]()

    def add(name: str, parent: str, at: str, axis: str, size: str, middle: str, low: float = -2, high: float = 2):
        links.append(_describe_link(name, 1.0, size, middle))
        joints.append(
            f'<joint name="j_{name}" type="revolute">\n<parent link="{parent}"/><child link="{name}"/>\n'
            f'<origin xyz="{at}"/><axis xyz="{axis}"/>\n'
            f'<limit lower="{low}" upper="{high}" effort="40" velocity="10"/></joint>\n'
        )

    add("head", "base", "0 0 .48", "0 0 1", ".16 .16 .2", "0 0 .1")
    for side, sign in (("left", 1), ("right", -1)):
        add(f"{side}_hip", "base", f"0 {0.1 * sign} -.05", "1 0 0", ".06 .06 .06", "0 0 0")
        add(f"{side}_thigh", f"{side}_hip", "0 0 0", "0 1 0", ".1 .1 .3", "0 0 -.16")
        add(f"{side}_shin", f"{side}_thigh", "0 0 -.35", "0 1 0", ".08 .08 .28", "0 0 -.16", 0.0, 2.4)
        add(f"{side}_foot", f"{side}_shin", "0 0 -.35", "0 1 0", ".24 .09 .06", ".05 0 -.05")
        add(f"{side}_shoulder", "base", f"0 {0.2 * sign} .4", "0 1 0", ".06 .06 .06", "0 0 0", -3.0, 3.0)
        add(f"{side}_arm", f"{side}_shoulder", "0 0 0", "1 0 0", ".07 .07 .2", "0 0 -.12", -3.0, 3.0)
        add(f"{side}_forearm", f"{side}_arm", "0 0 -.25", "0 1 0", ".06 .06 .24", "0 0 -.13", -2.5, 0.0)
    return f'<robot name="boxes">\n{"".join(links)}{"".join(joints)}</robot>\n'


def _describe_link(name: str, mass: float, size: str, middle: str) -> str:
    place = f'<origin xyz="{middle}"/>'
    return (
        f'<link name="{name}">\n<inertial>{place}<mass value="{mass}"/>'
        '<inertia ixx="0.01" iyy="0.01" izz="0.01" ixy="0" ixz="0" iyz="0"/></inertial>\n'
        f'<collision>{place}<geometry><box size="{size}"/></geometry></collision></link>\n'
    )


PARTS = {
    "pelvis": ((0.2, 0.3, 0.2), (0.0, 0.0, 0.9)), "chest": ((0.2, 0.3, 0.4), (0.0, 0.0, 1.2)),
    "thigh": ((0.1, 0.1, 0.4), (0.0, 0.1, 0.6)), "shin": ((0.08, 0.08, 0.35), (0.0, 0.1, 0.225)),
    "foot": ((0.25, 0.08, 0.05), (0.05, 0.1, 0.025)), "upper_arm": ((0.08, 0.08, 0.3), (0.0, 0.2, 1.25)),
    "forearm": ((0.06, 0.06, 0.25), (0.0, 0.2, 0.975)),
}  # fmt: skip
"""Size and middle of the boxes that a body of meshes is made of [m]."""


def write_parts(folder: Path) -> None:
    """A body as a folder of meshes."""
    folder.mkdir()
    for name, (size, middle) in PARTS.items():
        sides = [("", 1.0)] if name in ("pelvis", "chest") else [("left_", 1.0), ("right_", -1.0)]
        for prefix, sign in sides:
            box = trimesh.creation.box(extents=size).subdivide()
            box.apply_translation(np.array(middle) * [1.0, sign, 1.0])
            box.export(folder / f"{prefix}{name}{'.obj' if name == 'shin' else '.stl'}")
    box = trimesh.creation.box(extents=(0.1, 0.1, 0.3))
    box.apply_translation([-0.2, 0.0, 0.9])
    box.export(folder / "tail.stl")
    tail = '[tail]\nparent = "pelvis"\nat = [-0.1, 0.0, 0.9]\naxes = ["y", "z"]\nrange = [[-60, 60], [-30, 30]]\n'
    (folder / "joints.toml").write_text(tail)


def _make_own_files(folder: Path, walk: ReferenceMotion) -> list[Sample]:
    """What the program itself writes and reads again: archives, weights, a finished run, a scene, a table."""
    own = folder / "own"
    own.mkdir()
    shutil.copy(ASSETS / "skills" / "walk" / "humanoid.pt", own / "policy.pt")
    shutil.copy(ASSETS / "robots" / "go1" / "walk.pt", own / "adaptive.pt")
    still = np.zeros((FRAMES, len(LANDMARKS)))
    Keypoints(still[..., None] + np.ones(2), still[..., None] + np.ones(3), still + 0.5, 30.0, LANDMARKS, SIZE).save(
        own / "keypoints.npz"
    )
    Camera(200.0, np.array([80.0, 60.0]), SIZE, np.eye(3), np.array([0.0, 0.0, 4.0])).save(own / "camera.npz")
    write_rollout(walk, own / "rollout.npz")
    save_objects((SceneObject("box", 1.0, 0.0, 0.4, 0.6, 1.0),), own / "scene.toml")
    (own / "published.csv").write_text("video,normalised_return\nwalk,0.9\nrun,0.8\n")
    files = ("policy.pt", "adaptive.pt", "keypoints.npz", "camera.npz", "rollout.npz", "scene.toml", "published.csv")
    samples = [Sample("own", own, file, file) for file in files]
    write_run(walk, folder / "run")
    damaged = ("config.json", "2_motion/humanoid/stage.json", "4_result/humanoid/stage.json")
    damaged += ("4_result/humanoid/result.json", "2_motion/humanoid/motion.npz", "3_policy/humanoid/policy.pt")
    return samples + [Sample("run", folder / "run", ".", file) for file in damaged]


def write_rollout(walk: ReferenceMotion, path: Path) -> None:
    """A performance that follows its reference exactly."""
    Rollout(walk.qpos, walk.qpos, {"pose": np.ones(len(walk))}, False, 30.0).save(path)


def write_run(walk: ReferenceMotion, folder: Path) -> None:
    """A finished run, as small as can be."""
    for stage in ("2_motion", "3_policy", "4_result"):
        (folder / stage / "humanoid").mkdir(parents=True)
    setting = {"scene": asdict(Scene()), "character": "humanoid", "height": walk.height}
    record = {"config": setting, "metrics": {}, "outputs": {}, "seconds": 1.0, "summary": "made"}
    for stage in ("2_motion", "4_result"):
        note = json.dumps(record | {"key": "k", "fingerprint": "f", "command": "sfv clip"}, indent=1)
        (folder / stage / "humanoid" / "stage.json").write_text(note)
    (folder / "config.json").write_text(json.dumps({"video_sha256": "0" * 64, "command": "sfv clip"}, indent=1))
    walk.save(folder / "2_motion" / "humanoid" / "motion.npz")
    shutil.copy(ASSETS / "skills" / "walk" / "humanoid.pt", folder / "3_policy" / "humanoid" / "policy.pt")
    write_rollout(walk, folder / "4_result" / "humanoid" / "rollout.npz")
    (folder / "4_result" / "humanoid" / "result.json").write_text(json.dumps({"normalised_return": 0.9}, indent=1))


def _make_pictures(folder: Path) -> list[Sample]:
    image = np.random.default_rng(1).integers(0, 255, (SIZE[1], SIZE[0], 3), dtype=np.uint8)
    own = folder / "pictures"
    own.mkdir()
    for suffix in ("jpg", "png", "webp", "tiff", "bmp"):
        (own / f"a.{suffix}").write_bytes(cv2.imencode(f".{suffix}", image)[1].tobytes())
    return [Sample("picture", own, f"a.{suffix}", f"a.{suffix}") for suffix in ("jpg", "png", "webp", "tiff", "bmp")]


def change_weights(path: Path, change: Callable[[dict], None]) -> None:
    """Rewrites a file of weights after a change to its content."""
    content = load_torch(path, "policy")
    change(content)
    torch.save(content, path)
