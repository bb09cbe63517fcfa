"""Imports a model of others (MJCF or URDF): rewrites it as the MJCF of a character of ours.

Whatever the source's conventions, the new MJCF has ours: it holds the body alone; zero is standing upright with
hanging arms, facing x, soles at z = 0; every body's axes lie along the world's there. Bodies without joints are part of
what carries them. Masses and inertias stay; what touches the ground are capsules, and boxes for feet; the source's
meshes stay to be looked at, simplified. Each joint is moved by one PD servo with a torque limit.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import mujoco
import numpy as np
import trimesh

from reconstruct.characters.meshes import fit_capsule, join, simplify
from reconstruct.characters.source_model import BALL, SourceModel

Vec3 = tuple[float, float, float]

STIFFEST = 1e-4
"""A joint's armature over its servo's stiffness, at least: what is stable at 120 physics steps a second."""
MOST_ARMATURE = 0.1
"""[kg m2]; limbs of bodies that have such servos are heavy enough by themselves."""
LEAST_MASS = 1e-3
"""Of a body with joints [kg]."""
DETAIL = 0.008
"""Meshes to be looked at are simplified to about this size of edges, for a body of 1.75 m [m]."""


@dataclass(frozen=True)
class Servo:
    """PD control of one joint."""

    kp: float
    """[N m/rad]."""
    kv: float
    """[N m s/rad]; the joint itself has as much again."""
    torque: float
    """Most that it exerts [N m]."""


@dataclass(frozen=True)
class ImportPlan:
    """What has to be known of a body to write it anew."""

    yaw: float
    """By how much it is turned about the vertical to face x [rad]."""
    rest: dict[str, float]
    """Hinge -> its angle when the body stands with hanging arms [rad]; others are at the source's zero."""
    servos: dict[str, Servo]
    """Joint -> servo, for all."""
    feet: tuple[str, ...]
    """Bodies that get a box as a sole."""
    sites: dict[str, tuple[str, Vec3]]
    """Name -> body and position from that body's origin, world axes at rest [m]."""


def to_mjcf(source: SourceModel, name: str, plan: ImportPlan, folder: Path) -> str:
    """The body as MJCF text; its meshes are put into `folder`.

    Args:
      source: in its rest pose.
      name: of the character.
      plan: what is known of it.
    """
    model = source.model
    turn = np.array(
        [[np.cos(plan.yaw), -np.sin(plan.yaw), 0.0], [np.sin(plan.yaw), np.cos(plan.yaw), 0.0], [0, 0, 1.0]]
    )
    shapes = {body: source.surface(body) for body in source.bodies}
    height = np.concatenate([shape.vertices for shape in shapes.values() if shape is not None])[:, 2]
    floor, tall = height.min(), np.ptp(height)
    start = source.origin(source.root)
    assets: list[str] = []

    def place(point: np.ndarray) -> np.ndarray:
        """World frame of the source -> ours, (..., 3)."""
        return (point - [start[0], start[1], floor]) @ turn.T

    def branch(body: int) -> Iterator[str]:
        label, origin = source.name(body), place(source.origin(body))
        parent = source.parent(body)
        above = place(source.origin(parent)) if parent >= 0 else np.zeros(3)
        yield f'<body name="{label}" pos="{numbers(origin - above)}"' + (' childclass="body">' if parent < 0 else ">")
        if parent < 0:
            yield '  <freejoint name="root"/>'
        for joint in source.joints(body):
            yield "  " + joint_text(source, plan, joint, turn, place(source.state.xanchor[joint]) - origin)
        mass, com, inertia = merge_inertia(source, body)
        matrix = turn @ inertia @ turn.T
        full = " ".join(f"{matrix[i, j]:.6g}" for i, j in ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2)))
        yield f'  <inertial pos="{numbers(place(com) - origin)}" mass="{mass:.6g}" fullinertia="{full}"/>'
        surface = shapes[body]
        if surface is not None:
            ours = trimesh.Trimesh(place(surface.vertices) - origin, surface.faces, process=False)
            if label in plan.feet:
                yield "  " + sole_text(label, ours, -origin[2])
            else:
                parts = [source.mesh(geom) for geom in source.solid(body)]
                for part in parts:
                    part.vertices = place(part.vertices) - origin
                for index, (a, b, radius) in enumerate(drop_inner_capsules([fit_capsule(part) for part in parts])):
                    yield "  " + shape_text(f"{label}_{index}", a, b, radius)
            for line in visual_text(source, body, label, place, origin, tall, folder, assets):
                yield "  " + line
        for site, (carrier, pos) in plan.sites.items():
            if carrier == label:
                yield f'  <site name="{site}" pos="{numbers(np.array(pos))}"/>'
        for child in source.bodies:
            if source.parent(child) == body:
                yield from ("  " + line for line in branch(child))
        yield "</body>"

    body = ["    " + line for line in branch(source.root)]
    servos = []
    for joint in (j for b in source.bodies for j in source.joints(b)):
        label = source.joint_name(joint)
        servo = plan.servos[label]
        axes = (("_x", "1 0 0"), ("_y", "0 1 0"), ("_z", "0 0 1")) if model.jnt_type[joint] == BALL else (("", ""),)
        for suffix, axis in axes:
            gear = f' gear="{axis} 0 0 0"' if axis else ""
            servos.append(
                f'    <position name="{label}{suffix}" joint="{label}"{gear} kp="{servo.kp:g}" kv="{servo.kv:g}" '
                f'forcerange="{-servo.torque:g} {servo.torque:g}"/>'
            )
    return "\n".join(
        [
            "<!-- Written by reconstruct/characters/import_model.py. -->",
            f'<mujoco model="{name}">',
            '  <compiler angle="radian" autolimits="true" balanceinertia="true"/>',
            "  <default>",
            '    <default class="body">',
            '      <geom type="capsule" contype="1" conaffinity="0" condim="3" friction="1" group="3"'
            ' rgba="0.5 0.53 0.58 1"/>',
            '      <site type="sphere" size="0.01" group="4" rgba="0.9 0.2 0.2 1"/>',
            '      <default class="seen">',
            '        <geom type="mesh" contype="0" conaffinity="0" density="0" group="2"/>',
            "      </default>",
            "    </default>",
            "  </default>",
            *(["  <asset>", *("    " + line for line in assets), "  </asset>"] if assets else []),
            "  <worldbody>",
            *body,
            "  </worldbody>",
            "  <actuator>",
            *servos,
            "  </actuator>",
            "</mujoco>",
            "",
        ]
    )


def joint_text(source: SourceModel, plan: ImportPlan, joint: int, turn: np.ndarray, pos: np.ndarray) -> str:
    """A joint as MJCF; its zero is the rest pose."""
    model, label = source.model, source.joint_name(joint)
    servo = plan.servos[label]
    armature = max(float(model.dof_armature[model.jnt_dofadr[joint]]), min(STIFFEST * servo.kp, MOST_ARMATURE))
    # A servo at its torque limit damps no more and chatters; a joint goes on.
    text = f'<joint name="{label}" armature="{armature:.3g}" damping="{servo.kv:.3g}"'
    if np.abs(pos).max() > 1e-6:
        text += f' pos="{numbers(pos)}"'
    if model.jnt_type[joint] == BALL:
        limit = f' range="0 {model.jnt_range[joint][1]:.6g}"' if model.jnt_limited[joint] else ""
        return text + f' type="ball"{limit}/>'
    text += f' type="hinge" axis="{numbers(turn @ source.state.xaxis[joint])}"'
    if model.jnt_limited[joint]:
        low, high = model.jnt_range[joint] - source.state.qpos[model.jnt_qposadr[joint]]
        text += f' range="{low:.6g} {high:.6g}"'
    return text + "/>"


def merge_inertia(source: SourceModel, body: int) -> tuple[float, np.ndarray, np.ndarray]:
    """Mass [kg], centre [m], inertia about it [kg m2] of a body and what it carries without joints; world frame."""
    model, state = source.model, source.state
    parts = np.flatnonzero(source.owner == body)
    mass = model.body_mass[parts]
    total = max(float(mass.sum()), LEAST_MASS)
    com = (mass @ state.xipos[parts]) / mass.sum() if mass.sum() > 0 else state.xpos[body]
    inertia = np.eye(3) * 1e-6
    for part, weight in zip(parts, mass, strict=True):
        axes, lever = state.ximat[part].reshape(3, 3), state.xipos[part] - com
        inertia += axes @ np.diag(model.body_inertia[part]) @ axes.T
        inertia += weight * (lever @ lever * np.eye(3) - np.outer(lever, lever))
    return total, com, inertia


Capsule = tuple[np.ndarray, np.ndarray, float]
"""Ends of the axis (3,), (3,) and radius [m]."""


def drop_inner_capsules(capsules: list[Capsule]) -> list[Capsule]:
    """Capsules without those that lie in a larger one."""
    found: list[Capsule] = []
    for a, b, radius in sorted(capsules, key=lambda c: -(np.linalg.norm(c[1] - c[0]) + 2.0 * c[2])):
        inside = any(max(distance(a, c, d), distance(b, c, d)) + radius < 1.1 * r for c, d, r in found)
        if not inside:
            found.append((a, b, radius))
    return found


def distance(point: np.ndarray, a: np.ndarray, b: np.ndarray) -> float:
    """Of a point from a line between two others."""
    way = b - a
    share = np.clip((point - a) @ way / max(way @ way, 1e-12), 0.0, 1.0)
    return float(np.linalg.norm(point - a - share * way))


def shape_text(label: str, start: np.ndarray, end: np.ndarray, radius: float) -> str:
    """A capsule, or the sphere that it nearly is, as MJCF."""
    if np.linalg.norm(end - start) < 0.2 * radius:
        return f'<geom name="{label}" type="sphere" pos="{numbers(0.5 * (start + end))}" size="{radius:.4g}"/>'
    return f'<geom name="{label}" fromto="{numbers(start)} {numbers(end)}" size="{radius:.4g}"/>'


def sole_text(label: str, surface: trimesh.Trimesh, floor: float) -> str:
    """A level box as long and wide as the lower half of a foot, down to the floor, as MJCF."""
    points, (low, high) = surface.vertices, surface.bounds
    lower = points[points[:, 2] <= 0.5 * (low[2] + high[2]) + 1e-9]
    top = floor + max(0.5 * (high[2] - floor), 0.01)
    low, high = np.array([*lower.min(axis=0)[:2], floor]), np.array([*lower.max(axis=0)[:2], top])
    return (
        f'<geom name="{label}_0" type="box" pos="{numbers(0.5 * (low + high))}" size="{numbers(0.5 * (high - low))}"/>'
    )


def visual_text(
    source: SourceModel, body: int, label: str, place, origin, tall, folder: Path, assets: list[str]
) -> Iterator[str]:
    """What a body looks like, one mesh a colour: geoms as MJCF; the meshes' files are listed in `assets`."""
    model, colours = source.model, dict[str, list[int]]()
    meshes = [g for g in source.geoms(body) if model.geom_type[g] == mujoco.mjtGeom.mjGEOM_MESH]
    for geom in [g for g in meshes if not (model.geom_contype[g] or model.geom_conaffinity[g])] or meshes:
        material = model.geom_matid[geom]
        rgba = model.mat_rgba[material] if material >= 0 else model.geom_rgba[geom]
        colours.setdefault(numbers(rgba), []).append(geom)
    for index, (colour, geoms) in enumerate(colours.items()):
        shape = join([source.mesh(geom) for geom in geoms])
        ours = place(shape.vertices) - origin
        shape = simplify(trimesh.Trimesh(ours, shape.faces, process=False), DETAIL * tall / 1.75)
        if len(shape.faces) < 4:
            continue
        file = f"{label}_{index}"
        shape.export(folder / f"{file}.stl")
        assets.append(f'<mesh name="{file}" file="{file}.stl" inertia="shell"/>')
        yield f'<geom class="seen" mesh="{file}" rgba="{colour}"/>'


def numbers(vector: np.ndarray) -> str:
    """Numbers as MJCF has them."""
    return " ".join(f"{round(float(value), 6) + 0.0:g}" for value in vector)
