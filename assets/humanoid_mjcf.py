"""Writes the MJCF of the project's humanoid from a body's joint centres and segment widths.

Topology of DeepMimic's humanoid (Peng et al. 2018), so that its motions map joint by joint: 13 bodies, 34 degrees
of freedom, 28 actuators. The bake (`bake_humanoid.py`) measures a `Build` on a body mesh and calls `mjcf`.
"""

from dataclasses import dataclass
from typing import NamedTuple
from xml.etree.ElementTree import Comment, Element, SubElement

from reconstruct.characters.mjcf import start_model, to_numbers, to_text

Vec3 = tuple[float, float, float]

# Segment masses as shares of body mass: de Leva (1996), "Adjustments to Zatsiorsky-Seluyanov's segment inertia
# parameters", table 4, mean of women and men, then normalised. Pelvis = lower trunk, chest = middle + upper trunk,
# forearm includes the hand.
MASS_SHARE = {
    "head": 0.0681,
    "chest": 0.1571 + 0.1549,
    "pelvis": 0.1182,
    "upper_arm": 0.0263,
    "forearm": 0.0150,
    "hand": 0.00585,
    "thigh": 0.1447,
    "shin": 0.0457,
    "foot": 0.0133,
}
PAIRED = ("upper_arm", "forearm", "hand", "thigh", "shin", "foot")

# Per joint: kp [N m/rad], kv [N m s/rad], force limit [N m], range [deg], armature [kg m2], damping [N m s/rad].
# kp and limits are DeepMimic's scaled by mass, 75 kg / 45 kg. The limits are then those of a strong athlete: young
# adults reach about 210 (hip, knee extension) and 120 N m (ankle) isometrically at 75 kg and 1.75 m (Anderson, Madigan
# and Nussbaum 2007), trained jumpers half as much again. Damping is half in the servo, half in the joint, 0.012 kp
# each, where DeepMimic has 0.1 kp in the servo: a servo at its limit has no damping left and chatters at 120 Hz, a
# joint keeps its own. It also takes from a muscle's torque as it speeds up, as Hill (1938) found: 100 of a hip's
# 330 N m at 10 rad/s. With all of it (0.04 kp) in the servo tracking control fell on a run and a backflip that it
# performs at .96 and .94 like this; PPO learns alike (a walk .044 and .048 after 0.2 M samples).
# Ranges: American Academy of Orthopaedic Surgeons, rounded up; a ball joint's is the half angle of its whole rotation.
GAINS: dict[str, tuple[float, float, float, tuple[int, int], float, float]] = {
    "chest": (1670, 20, 330, (0, 80), 0.08, 20),
    "neck": (170, 2.1, 80, (0, 70), 0.04, 2.1),
    "shoulder": (670, 8, 165, (0, 180), 0.06, 8),
    "elbow": (500, 6, 100, (0, 155), 0.04, 6),
    "hip": (830, 10, 330, (0, 150), 0.08, 10),
    "knee": (830, 10, 250, (0, 160), 0.08, 10),
    "ankle": (670, 8, 150, (0, 60), 0.06, 8),
}
HINGES = ("elbow", "knee")


class Capsule(NamedTuple):
    """A capsule lying left to right in its body's frame [m]."""

    center: Vec3
    half: float
    """Half the length of its axis."""
    radius: float


@dataclass(frozen=True)
class Build:
    """Measures of one body standing upright with arms hanging; left side, the right one mirrors it [m].

    Joint centres are relative to the parent's joint centre (x forward, y left, z up).
    """

    height: float
    mass: float
    mid_hip_height: float
    waist: Vec3
    """Lumbar joint from mid-hip."""
    neck: Vec3
    """Base of the neck from the waist."""
    head_top: float
    """Top of the head above the neck joint."""
    shoulder: Vec3
    """From the waist."""
    upper_arm: float
    forearm: float
    hand: float
    """Wrist to the far end of the closed hand."""
    fist: Vec3
    """Middle of the closed hand: forward and left in the forearm's frame, and its radius."""
    hip: Vec3
    """From mid-hip."""
    thigh: float
    shin: float
    ankle_height: float
    """Ankle joint above the sole."""
    heel_back: float
    """Back end of the sole behind the ankle."""
    toe_front: float
    """Front end of the sole before the ankle."""
    foot_width: float
    foot_offset: float
    """Middle of the sole to the left of the ankle."""
    radius: dict[str, float]
    """Capsule radii of neck, upper_arm, forearm, thigh, shin."""
    torso: dict[str, Capsule]
    """Of pelvis and waist in the pelvis frame, of belly and chest in the chest frame."""
    skull: Vec3
    """Middle of the skull from the neck joint."""
    skull_radius: float
    sites: dict[str, tuple[str, Vec3]]
    """Landmark of the middle or left side -> body (without side), position in its frame."""


def mjcf(build: Build, skin: str, texture: str) -> str:
    """The humanoid as MJCF text.

    Args:
      build: the body's measures.
      skin: file of the skin beside the MJCF.
      texture: file of its picture.
    """
    root = start_model("humanoid", "humanoid", "0.75 0.6 0.5 1", angle="degree")
    add_gains(root)
    assets = SubElement(root, "asset")
    SubElement(assets, "texture", name="skin", type="2d", file=texture)
    SubElement(assets, "material", name="skin", texture="skin", specular="0.15", shininess="0.2")
    SubElement(assets, "skin", name="skin", file=skin, material="skin")
    mass = share_mass(build.mass)
    pelvis = add_body(SubElement(root, "worldbody"), "pelvis", (0, 0, build.mid_hip_height))
    pelvis.set("childclass", "humanoid")
    SubElement(pelvis, "freejoint", name="root")
    add_across(pelvis, "pelvis", build.torso["pelvis"], mass["pelvis"] * 0.65)
    add_across(pelvis, "waist", build.torso["waist"], mass["pelvis"] * 0.35)
    add_sites(pelvis, build, "pelvis")
    chest = add_body(pelvis, "chest", build.waist)
    SubElement(chest, "joint", {"name": "chest", "class": "chest"})
    add_across(chest, "belly", build.torso["belly"], mass["chest"] * 0.4)
    add_across(chest, "chest", build.torso["chest"], mass["chest"] * 0.6)
    add_sites(chest, build, "chest")
    add_head(chest, build, mass["head"])
    for side in ("right", "left"):
        add_arm(chest, build, mass, side)
    for side in ("right", "left"):
        add_leg(pelvis, build, mass, side)
    add_actuators(SubElement(root, "actuator"))
    return to_text(root, "Written by assets/bake_humanoid.py; change the gains there too (assets/humanoid_mjcf.py).")


def share_mass(mass: float) -> dict[str, float]:
    """Mass of each segment of a body of a given mass [kg]."""
    total = sum(share * (2 if name in PAIRED else 1) for name, share in MASS_SHARE.items())
    return {name: mass * share / total for name, share in MASS_SHARE.items()}


def add_gains(root: Element) -> None:
    """Appends the default classes of joints and their servos."""
    defaults = root.find("default")
    assert defaults is not None
    defaults.append(Comment(" Per joint: PD gains and force limit of the actuator, then range, armature and damping. "))
    for name, (kp, kv, limit, (low, high), armature, damping) in GAINS.items():
        default = SubElement(defaults, "default", {"class": name})
        kind, limits = "hinge" if name in HINGES else "ball", f"{low} {high}"
        SubElement(default, "joint", type=kind, range=limits, armature=f"{armature}", damping=f"{damping}")
        SubElement(default, "position", kp=f"{kp}", kv=f"{kv}", forcerange=f"-{limit} {limit}")


def add_head(chest: Element, build: Build, mass: float) -> None:
    """Appends the head: a capsule for the neck and one for the skull."""
    x, y, z = build.skull
    crown = build.head_top - build.skull_radius
    head = add_body(chest, "head", build.neck)
    SubElement(head, "joint", {"name": "neck", "class": "neck"})
    neck = (0.3 * x, 0, z - 0.5 * build.skull_radius)
    add_capsule(head, "neck", (0, 0, 0), neck, build.radius["neck"], mass * 0.15)
    add_capsule(head, "head", (x, y, 2 * z - crown), (x, y, crown), build.skull_radius, mass * 0.85)
    add_sites(head, build, "head")


def add_arm(chest: Element, build: Build, mass: dict[str, float], side: str) -> None:
    """Appends an arm to the chest."""
    elbow, wrist = -build.upper_arm, -build.forearm
    x, y, fist = build.fist
    upper = add_body(chest, f"{side}_upper_arm", mirror(build.shoulder, side))
    SubElement(upper, "joint", {"name": f"{side}_shoulder", "class": "shoulder"})
    add_limb(upper, side, "upper_arm", -0.015, elbow + 0.02, build, mass)
    add_site(upper, f"{side}_shoulder", (0, 0, 0))
    add_sites(upper, build, "upper_arm", side)
    lower = add_body(upper, f"{side}_forearm", (0, 0, elbow))
    SubElement(lower, "joint", {"name": f"{side}_elbow", "class": "elbow", "axis": "0 -1 0"})
    add_limb(lower, side, "forearm", -0.015, wrist + 0.02, build, mass)
    hand = to_numbers(mirror((x, y, wrist - build.hand + fist), side), 4)
    ball = {"type": "sphere", "pos": hand, "size": f"{fist:.4g}", "mass": f"{mass['hand']:.4f}"}
    SubElement(lower, "geom", {"name": f"{side}_hand"} | ball)
    add_site(lower, f"{side}_elbow", (0, 0, 0))
    add_site(lower, f"{side}_wrist", (0, 0, wrist))
    add_site(lower, f"{side}_palm", mirror((x, y, wrist - build.hand), side))
    add_sites(lower, build, "forearm", side)


def add_leg(pelvis: Element, build: Build, mass: dict[str, float], side: str) -> None:
    """Appends a leg to the pelvis."""
    thigh = add_body(pelvis, f"{side}_thigh", mirror(build.hip, side))
    SubElement(thigh, "joint", {"name": f"{side}_hip", "class": "hip"})
    add_limb(thigh, side, "thigh", -0.05, -build.thigh + 0.03, build, mass)
    add_site(thigh, f"{side}_hip", (0, 0, 0))
    add_sites(thigh, build, "thigh", side)
    shin = add_body(thigh, f"{side}_shin", (0, 0, -build.thigh))
    SubElement(shin, "joint", {"name": f"{side}_knee", "class": "knee", "axis": "0 1 0"})
    add_limb(shin, side, "shin", -0.02, -build.shin + 0.04, build, mass)
    add_site(shin, f"{side}_knee", (0, 0, 0))
    add_sites(shin, build, "shin", side)
    add_foot(shin, build, mass["foot"], side)


def add_foot(shin: Element, build: Build, mass: float, side: str) -> None:
    """Appends a foot to the shin: a box."""
    sole, half_height = -build.ankle_height, 0.028
    middle, half_length = (build.toe_front - build.heel_back) / 2, (build.toe_front + build.heel_back) / 2
    foot = add_body(shin, f"{side}_foot", (0, 0, -build.shin))
    SubElement(foot, "joint", {"name": f"{side}_ankle", "class": "ankle"})
    pos = to_numbers(mirror((middle, build.foot_offset, sole + half_height), side), 4)
    size = to_numbers((half_length, build.foot_width / 2, half_height), 4)
    SubElement(foot, "geom", name=f"{side}_foot", type="box", pos=pos, size=size, mass=f"{mass:.4f}")
    add_site(foot, f"{side}_ankle", (0, 0, 0))
    add_site(foot, f"{side}_heel", mirror((-build.heel_back, build.foot_offset, sole), side))
    add_site(foot, f"{side}_foot_index", mirror((build.toe_front, build.foot_offset, sole), side))
    add_sites(foot, build, "foot", side)


def add_actuators(actuators: Element) -> None:
    """Appends position servos: one per hinge, three per ball joint along its rotation vector."""
    joints = ["chest", "neck"]
    joints += [f"{side}_{name}" for side in ("right", "left") for name in ("shoulder", "elbow")]
    joints += [f"{side}_{name}" for side in ("right", "left") for name in ("hip", "knee", "ankle")]
    for joint in joints:
        kind = joint.removeprefix("right_").removeprefix("left_")
        if kind in HINGES:
            SubElement(actuators, "position", {"name": joint, "joint": joint, "class": kind})
            continue
        for axis, gear in (("x", "1 0 0"), ("y", "0 1 0"), ("z", "0 0 1")):
            names = {"name": f"{joint}_{axis}", "joint": joint, "class": kind}
            SubElement(actuators, "position", names | {"gear": f"{gear} 0 0 0"})


def add_body(above: Element, name: str, pos: Vec3) -> Element:
    """Appends a body."""
    return SubElement(above, "body", name=name, pos=to_numbers(pos, 4))


def add_sites(body: Element, build: Build, owner: str, side: str = "") -> None:
    """Appends the sites of `build` on a body: those of one side, or on the middle of the body of both."""
    for landmark, (carrier, pos) in build.sites.items():
        if carrier != owner:
            continue
        for each in ("left",) if "left" not in landmark else (side,) if side else ("right", "left"):
            add_site(body, landmark.replace("left", each), mirror(pos, each))


def add_site(body: Element, name: str, pos: Vec3) -> None:
    """Appends a site."""
    SubElement(body, "site", name=name, pos=to_numbers(pos, 4))


def add_limb(
    body: Element, side: str, part: str, top: float, bottom: float, build: Build, mass: dict[str, float]
) -> None:
    """Appends a capsule along z from one height to another [m]."""
    add_capsule(body, f"{side}_{part}", (0, 0, top), (0, 0, bottom), build.radius[part], mass[part])


def add_across(body: Element, name: str, capsule: Capsule, mass: float) -> None:
    """Appends a capsule lying left to right."""
    (x, y, z), half, radius = capsule
    add_capsule(body, name, (x, y - half, z), (x, y + half, z), radius, mass)


def add_capsule(body: Element, name: str, start: Vec3, end: Vec3, radius: float, mass: float) -> None:
    """Appends a capsule between two points [m]."""
    ends = f"{to_numbers(start, 4)} {to_numbers(end, 4)}"
    SubElement(body, "geom", name=name, type="capsule", fromto=ends, size=f"{radius:.4g}", mass=f"{mass:.4f}")


def mirror(pos: Vec3, side: str) -> Vec3:
    """A point of the left side on either."""
    return pos if side == "left" else (pos[0], -pos[1], pos[2])
