"""Writes the MJCF of the project's humanoid from a body's joint centres and segment widths.

Topology of DeepMimic's humanoid (Peng et al. 2018), so that its motions map joint by joint: 13 bodies, 34 degrees
of freedom, 28 actuators. The bake (`bake_humanoid.py`) measures a `Build` on a body mesh and calls `mjcf`.
"""

from dataclasses import dataclass
from typing import NamedTuple

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
    total = sum(share * (2 if name in PAIRED else 1) for name, share in MASS_SHARE.items())
    mass = {name: build.mass * share / total for name, share in MASS_SHARE.items()}
    r = build.radius
    torso = {name: _across(*capsule) for name, capsule in build.torso.items()}
    pelvis = [
        _geom("pelvis", torso["pelvis"], mass["pelvis"] * 0.65),
        _geom("waist", torso["waist"], mass["pelvis"] * 0.35),
        *_sites(build, "pelvis"),
    ]
    chest = [
        _geom("belly", torso["belly"], mass["chest"] * 0.4),
        _geom("chest", torso["chest"], mass["chest"] * 0.6),
        *_sites(build, "chest"),
    ]
    x, y, z = build.skull
    crown = build.head_top - build.skull_radius
    head = [
        _geom("neck", f'type="capsule" fromto="0 0 0 {_v((0.3 * x, 0, z - 0.5 * build.skull_radius))}" '
              f'size="{r["neck"]:.4g}"', mass["head"] * 0.15),
        _geom("head", f'type="capsule" fromto="{_v((x, y, 2 * z - crown))} {_v((x, y, crown))}" '
              f'size="{build.skull_radius:.4g}"', mass["head"] * 0.85),
        *_sites(build, "head"),
    ]  # fmt: skip
    arms = [line for side in ("right", "left") for line in _arm(build, mass, side)]
    legs = [line for side in ("right", "left") for line in _leg(build, mass, side)]
    body = [
        f'<body name="pelvis" pos="0 0 {build.mid_hip_height:.4f}" childclass="humanoid">',
        '  <freejoint name="root"/>',
        *_indent(pelvis),
        f'  <body name="chest" pos="{_v(build.waist)}">',
        '    <joint name="chest" class="chest"/>',
        *_indent(chest, 2),
        f'    <body name="head" pos="{_v(build.neck)}">',
        '      <joint name="neck" class="neck"/>',
        *_indent(head, 3),
        "    </body>",
        *_indent(arms, 2),
        "  </body>",
        *_indent(legs),
        "</body>",
    ]
    lines = [
        "<!-- Written by assets/bake_humanoid.py; change the gains there too (assets/humanoid_mjcf.py). -->",
        '<mujoco model="humanoid">',
        '  <compiler angle="degree" autolimits="true"/>',
        "",
        "  <default>",
        '    <default class="humanoid">',
        '      <geom type="capsule" contype="1" conaffinity="0" condim="3" friction="1" group="3"'
        ' rgba="0.75 0.6 0.5 1"/>',
        '      <site type="sphere" size="0.01" group="4" rgba="0.9 0.2 0.2 1"/>',
        "    </default>",
        "    <!-- Per joint: PD gains and force limit of the actuator, then range, armature and damping. -->",
    ]
    for name, (kp, kv, limit, (low, high), armature, damping) in GAINS.items():
        kind = "hinge" if name in HINGES else "ball"
        lines += [
            f'    <default class="{name}">',
            f'      <joint type="{kind}" range="{low} {high}" armature="{armature}" damping="{damping}"/>',
            f'      <position kp="{kp}" kv="{kv}" forcerange="-{limit} {limit}"/>',
            "    </default>",
        ]
    lines += ["  </default>", ""]
    lines += [
        "  <asset>",
        f'    <texture name="skin" type="2d" file="{texture}"/>',
        '    <material name="skin" texture="skin" specular="0.15" shininess="0.2"/>',
        f'    <skin name="skin" file="{skin}" material="skin"/>',
        "  </asset>",
        "",
    ]
    lines += ["  <worldbody>", *_indent(body, 2), "  </worldbody>", "", "  <actuator>", *_indent(_actuators(), 2)]
    lines += ["  </actuator>", "</mujoco>", ""]
    return "\n".join(lines)


def _arm(build: Build, mass: dict[str, float], side: str) -> list[str]:
    r = build.radius
    elbow, wrist = -build.upper_arm, -build.forearm
    x, y, fist = build.fist
    hand = _mirror((x, y, wrist - build.hand + fist), side)
    palm = _mirror((x, y, wrist - build.hand), side)
    return [
        f'<body name="{side}_upper_arm" pos="{_v(_mirror(build.shoulder, side))}">',
        f'  <joint name="{side}_shoulder" class="shoulder"/>',
        *_indent([
            _geom(f"{side}_upper_arm", _along_z(-0.015, elbow + 0.02, r["upper_arm"]), mass["upper_arm"]),
            _site(f"{side}_shoulder", (0, 0, 0)),
            *_sites(build, "upper_arm", side),
        ]),
        f'  <body name="{side}_forearm" pos="0 0 {elbow:.4f}">',
        f'    <joint name="{side}_elbow" class="elbow" axis="0 -1 0"/>',
        *_indent([
            _geom(f"{side}_forearm", _along_z(-0.015, wrist + 0.02, r["forearm"]), mass["forearm"]),
            _geom(f"{side}_hand", f'type="sphere" pos="{_v(hand)}" size="{fist:.4g}"', mass["hand"]),
            _site(f"{side}_elbow", (0, 0, 0)),
            _site(f"{side}_wrist", (0, 0, wrist)),
            _site(f"{side}_palm", palm),
            *_sites(build, "forearm", side),
        ], 2),
        "  </body>",
        "</body>",
    ]  # fmt: skip


def _leg(build: Build, mass: dict[str, float], side: str) -> list[str]:
    r = build.radius
    sole = -build.ankle_height
    middle = (build.toe_front - build.heel_back) / 2
    half = ((build.toe_front + build.heel_back) / 2, build.foot_width / 2, 0.028)
    box_center = _mirror((middle, build.foot_offset, sole + half[2]), side)
    heel = _mirror((-build.heel_back, build.foot_offset, sole), side)
    toe = _mirror((build.toe_front, build.foot_offset, sole), side)
    return [
        f'<body name="{side}_thigh" pos="{_v(_mirror(build.hip, side))}">',
        f'  <joint name="{side}_hip" class="hip"/>',
        *_indent([
            _geom(f"{side}_thigh", _along_z(-0.05, -build.thigh + 0.03, r["thigh"]), mass["thigh"]),
            _site(f"{side}_hip", (0, 0, 0)),
            *_sites(build, "thigh", side),
        ]),
        f'  <body name="{side}_shin" pos="0 0 {-build.thigh:.4f}">',
        f'    <joint name="{side}_knee" class="knee" axis="0 1 0"/>',
        *_indent([
            _geom(f"{side}_shin", _along_z(-0.02, -build.shin + 0.04, r["shin"]), mass["shin"]),
            _site(f"{side}_knee", (0, 0, 0)),
            *_sites(build, "shin", side),
        ], 2),
        f'    <body name="{side}_foot" pos="0 0 {-build.shin:.4f}">',
        f'      <joint name="{side}_ankle" class="ankle"/>',
        *_indent([
            _geom(f"{side}_foot", f'type="box" pos="{_v(box_center)}" size="{_v(half)}"', mass["foot"]),
            _site(f"{side}_ankle", (0, 0, 0)),
            _site(f"{side}_heel", heel),
            _site(f"{side}_foot_index", toe),
            *_sites(build, "foot", side),
        ], 3),
        "    </body>",
        "  </body>",
        "</body>",
    ]  # fmt: skip


def _actuators() -> list[str]:
    """Position servos: one per hinge, three per ball joint along its rotation vector."""
    joints = ["chest", "neck"]
    joints += [f"{side}_{name}" for side in ("right", "left") for name in ("shoulder", "elbow")]
    joints += [f"{side}_{name}" for side in ("right", "left") for name in ("hip", "knee", "ankle")]
    lines = []
    for joint in joints:
        kind = joint.removeprefix("right_").removeprefix("left_")
        if kind in HINGES:
            lines.append(f'<position name="{joint}" joint="{joint}" class="{kind}"/>')
            continue
        lines += [
            f'<position name="{joint}_{axis}" joint="{joint}" class="{kind}" gear="{gear} 0 0 0"/>'
            for axis, gear in (("x", "1 0 0"), ("y", "0 1 0"), ("z", "0 0 1"))
        ]
    return lines


def _sites(build: Build, body: str, side: str = "") -> list[str]:
    """The sites of `build` on a body: those of one side, or on the middle of the body of both."""
    lines = []
    for landmark, (owner, pos) in build.sites.items():
        if owner != body:
            continue
        if "left" not in landmark:
            lines.append(_site(landmark, pos))
        else:
            for each in (side,) if side else ("right", "left"):
                lines.append(_site(landmark.replace("left", each), _mirror(pos, each)))
    return lines


def _mirror(pos: Vec3, side: str) -> Vec3:
    return pos if side == "left" else (pos[0], -pos[1], pos[2])


def _geom(name: str, shape: str, mass: float) -> str:
    return f'<geom name="{name}" {shape} mass="{mass:.4f}"/>'


def _site(name: str, pos: Vec3) -> str:
    return f'<site name="{name}" pos="{_v(pos)}"/>'


def _along_z(top: float, bottom: float, radius: float) -> str:
    return f'type="capsule" fromto="0 0 {top:.4f} 0 0 {bottom:.4f}" size="{radius:.4g}"'


def _across(center: Vec3, half: float, radius: float) -> str:
    """A capsule lying left to right."""
    x, y, z = center
    return f'type="capsule" fromto="{_v((x, y - half, z))} {_v((x, y + half, z))}" size="{radius:.4g}"'


def _v(values: Vec3) -> str:
    return " ".join(f"{round(float(value), 4) + 0.0:.4g}" for value in values)


def _indent(lines: list[str], depth: int = 1) -> list[str]:
    return ["  " * depth + line for line in lines]
