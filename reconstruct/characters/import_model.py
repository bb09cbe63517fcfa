"""Imports a model of others, MJCF or URDF: rewrites it as the MJCF of a character.

Whatever the source's conventions, the new MJCF has ours: it holds the body alone; zero is standing upright with
hanging arms, facing x, soles at z = 0; every body's axes lie along the world's there. Bodies without joints become part
of the body that carries them. Masses and inertias stay. Capsules, and boxes for feet, touch the ground; the source's
meshes are kept, simplified, to be looked at. One PD servo with a torque limit moves each degree of freedom.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement

import mujoco
import numpy as np
import trimesh

from reconstruct.characters.limbs import cut_sole
from reconstruct.characters.meshes import fit_capsule, join, simplify
from reconstruct.characters.mjcf import start_model, to_full_inertia, to_numbers, to_text
from reconstruct.characters.source_model import BALL, DOWN, MESH, NO_TURN, SourceModel, name_joint, rotation_about_z

Vec3 = tuple[float, float, float]
Capsule = tuple[np.ndarray, np.ndarray, float]
"""Ends of the axis (3,), (3,) and radius [m]."""

SEEN = "2"
"""Group of geoms that are drawn; of a model with meshes, its other shapes are not, but on bodies without a mesh."""
LEAST_ARMATURE = 1e-4
"""A joint's armature over its servo's stiffness [s2], at least: what is stable at 120 physics steps a second."""
MOST_ARMATURE = 0.1
"""Largest armature that is added for stability [kg m2]; limbs with stiffer servos are heavy enough by themselves."""
LEAST_MASS = 1e-3
"""Least mass of a body with joints [kg]."""
DETAIL = 0.008
"""Length of edges that visual meshes are simplified to, for a body of 1.75 m [m]."""


@dataclass(frozen=True)
class Servo:
    """PD control of one joint."""

    kp: float
    """Stiffness [N m/rad]."""
    kv: float
    """Damping [N m s/rad]; the joint itself has as much again."""
    torque: float
    """Largest torque [N m]."""


@dataclass(frozen=True)
class ImportPlan:
    """What has to be known of a model to import it."""

    yaw: float
    """Rotation about the vertical that makes it face x [rad], after `turn`."""
    rest: dict[str, float]
    """Hinge -> its angle when the body stands with hanging arms [rad]; others are at the source's zero."""
    servos: dict[str, Servo]
    """Joint -> servo, for all joints that move."""
    feet: tuple[str, ...]
    """Bodies that get a box as a sole."""
    sites: dict[str, tuple[str, Vec3]]
    """Site -> its body, and its position from that body's origin, world axes at rest [m]."""
    turn: tuple[float, float, float, float] = NO_TURN
    """Rotation that stands the source up where it lies at zero, quaternion wxyz."""

    def pose(self, model: mujoco.MjModel) -> SourceModel:
        """The source as it stands; joints without a servo are held."""
        free = mujoco.mjtJoint.mjJNT_FREE
        joints = [name_joint(model, j) for j in range(model.njnt) if model.jnt_type[j] != free]
        return SourceModel.in_pose(model, self.rest, [j for j in joints if j not in self.servos], self.turn)


@dataclass(frozen=True)
class ImportJob:
    """A source model on its way into an MJCF tree."""

    source: SourceModel
    plan: ImportPlan
    R_ours_source: np.ndarray
    """Rotation from the source's world to ours, (3, 3)."""
    origin: np.ndarray
    """Our origin in the source's world: below the root, on the floor, (3,) [m]."""
    height: float
    """Of the body [m]."""
    folder: Path
    """Where meshes are written."""
    assets: Element
    """`<asset>` of the tree."""

    @classmethod
    def start(cls, source: SourceModel, plan: ImportPlan, folder: Path) -> "ImportJob":
        """Measures the body in its rest pose."""
        z = np.concatenate([s.vertices for b in source.bodies if (s := source.surface(b)) is not None])[:, 2]
        origin = np.array([*source.origin(source.root)[:2], z.min()])
        return cls(source, plan, rotation_about_z(plan.yaw), origin, float(np.ptp(z)), folder, Element("asset"))

    @property
    def has_meshes(self) -> bool:
        """Whether any of its bodies has a mesh."""
        return any(find_mesh_geoms(self.source, body) for body in self.source.bodies)

    def to_ours(self, points: np.ndarray) -> np.ndarray:
        """Points of the source's world in ours, (..., 3)."""
        return (points - self.origin) @ self.R_ours_source.T

    def body_origin(self, body: int) -> np.ndarray:
        """A body's origin in our world, (3,); zero for the root's parent."""
        return self.to_ours(self.source.origin(body)) if body >= 0 else np.zeros(3)

    def to_body(self, surface: trimesh.Trimesh, body: int) -> trimesh.Trimesh:
        """A surface of the source's world in our frame of a body."""
        vertices = self.to_ours(surface.vertices) - self.body_origin(body)
        return trimesh.Trimesh(vertices, surface.faces, process=False)


def to_mjcf(source: SourceModel, name: str, plan: ImportPlan, folder: Path) -> str:
    """The body as MJCF text; its meshes are written into `folder`.

    Args:
      source: in its rest pose.
      name: of the character.
      plan: what is known of it.
      folder: that the text will lie in.
    """
    root = start_model(name, "body", "0.5 0.53 0.58 1", angle="radian", balanceinertia="true")
    body_defaults = root.find("default/default")
    assert body_defaults is not None
    seen = {"type": "mesh", "contype": "0", "conaffinity": "0", "density": "0", "group": SEEN}
    SubElement(SubElement(body_defaults, "default", {"class": "seen"}), "geom", seen)
    job = ImportJob.start(source, plan, folder)
    root.append(job.assets)
    add_body(SubElement(root, "worldbody"), job, source.root)
    actuators = SubElement(root, "actuator")
    for joint in (j for body in source.bodies for j in source.joints(body)):
        add_servo(actuators, job, joint)
    return to_text(root, "Written by reconstruct/characters/import_model.py.")


def add_body(above: Element, job: ImportJob, body: int) -> None:
    """Appends a body and all below it to the element of the body that carries it."""
    source, label, origin = job.source, job.source.name(body), job.body_origin(body)
    parent = source.parent(body)
    element = SubElement(above, "body", name=label, pos=to_numbers(origin - job.body_origin(parent)))
    if parent < 0:
        element.set("childclass", "body")
        SubElement(element, "freejoint", name="root")
    for joint in source.joints(body):
        add_joint(element, job, joint, origin)
    mass, com, inertia = merge_inertia(source, body)
    inertia = job.R_ours_source @ inertia @ job.R_ours_source.T
    pos = to_numbers(job.to_ours(com) - origin)
    SubElement(element, "inertial", pos=pos, mass=f"{mass:.6g}", fullinertia=to_full_inertia(inertia))
    add_shapes(element, job, body)
    add_meshes(element, job, body)
    for site, (carrier, place) in job.plan.sites.items():
        if carrier == label:
            SubElement(element, "site", name=site, pos=to_numbers(place))
    for child in source.bodies:
        if source.parent(child) == body:
            add_body(element, job, child)


def add_joint(element: Element, job: ImportJob, joint: int, origin: np.ndarray) -> None:
    """Appends a joint to its body, whose origin is given in our world; its zero is the rest pose."""
    source, model = job.source, job.source.model
    servo = job.plan.servos[source.joint_name(joint)]
    armature = max(float(model.dof_armature[model.jnt_dofadr[joint]]), min(LEAST_ARMATURE * servo.kp, MOST_ARMATURE))
    # A servo at its torque limit damps no more and chatters; the joint's own damping goes on.
    attributes = {"name": source.joint_name(joint), "armature": f"{armature:.3g}", "damping": f"{servo.kv:.3g}"}
    pos = job.to_ours(source.state.xanchor[joint]) - origin
    if np.abs(pos).max() > 1e-6:
        attributes["pos"] = to_numbers(pos)
    low, high = model.jnt_range[joint]
    if model.jnt_type[joint] == BALL:
        attributes["type"] = "ball"
    else:
        rest = source.state.qpos[model.jnt_qposadr[joint]]
        low, high = low - rest, high - rest
        attributes |= {"type": "hinge", "axis": to_numbers(job.R_ours_source @ source.state.xaxis[joint])}
    if model.jnt_limited[joint]:
        attributes["range"] = f"{low:.6g} {high:.6g}"
    SubElement(element, "joint", attributes)


def add_servo(actuators: Element, job: ImportJob, joint: int) -> None:
    """Appends the servo of a joint: one for a hinge, one an axis for a ball joint."""
    label = job.source.joint_name(joint)
    servo = job.plan.servos[label]
    is_ball = job.source.model.jnt_type[joint] == BALL
    for suffix, axis in (("_x", "1 0 0"), ("_y", "0 1 0"), ("_z", "0 0 1")) if is_ball else (("", ""),):
        element = SubElement(actuators, "position", name=label + suffix, joint=label)
        if axis:
            element.set("gear", f"{axis} 0 0 0")
        element.set("kp", f"{servo.kp:g}")
        element.set("kv", f"{servo.kv:g}")
        element.set("forcerange", f"{-servo.torque:g} {servo.torque:g}")


def add_shapes(element: Element, job: ImportJob, body: int) -> None:
    """Appends what touches the ground: a sole for a foot, capsules for other bodies."""
    source, label = job.source, job.source.name(body)
    surface = source.surface(body)
    if surface is None:
        return
    geoms = source.solid(body)
    drawn = {} if find_mesh_geoms(source, body) or not job.has_meshes else {"group": SEEN}
    if label in job.plan.feet:
        sole = cut_sole(source, body, DOWN)
        box = add_sole(element, label, job.to_body(sole, body), -job.body_origin(body)[2])
        box.attrib |= drawn
        if np.ptp(sole.bounds[:, 2]) > 0.6 * np.ptp(surface.bounds[:, 2]):
            return
        # A shin that ends in a foot: the rest of it is a limb.
        geoms = [g for g in geoms if source.mesh(g).bounds[1][2] > sole.bounds[1][2] + 0.01 * job.height]
    parts = [job.to_body(source.mesh(geom), body) for geom in geoms]
    first = 1 if label in job.plan.feet else 0
    for index, (start, end, radius) in enumerate(drop_inner_capsules([fit_capsule(part) for part in parts])):
        geom = SubElement(element, "geom", {"name": f"{label}_{first + index}"} | drawn)
        if np.linalg.norm(end - start) < 0.2 * radius:
            geom.set("type", "sphere")
            geom.set("pos", to_numbers(0.5 * (start + end)))
        else:
            geom.set("fromto", f"{to_numbers(start)} {to_numbers(end)}")
        geom.set("size", f"{radius:.4g}")


def add_sole(element: Element, label: str, surface: trimesh.Trimesh, floor: float) -> Element:
    """Appends a level box as long and wide as the lower half of a foot, down to the floor; its element.

    Args:
      element: the foot's.
      label: name of the foot.
      surface: of the foot, in its frame.
      floor: height of the floor in that frame [m].
    """
    points, (low, high) = surface.vertices, surface.bounds
    lower = points[points[:, 2] <= 0.5 * (low[2] + high[2]) + 1e-9]
    top = floor + max(0.5 * (high[2] - floor), 0.01)
    low, high = np.array([*lower.min(axis=0)[:2], floor]), np.array([*lower.max(axis=0)[:2], top])
    pos, size = to_numbers(0.5 * (low + high)), to_numbers(0.5 * (high - low))
    return SubElement(element, "geom", name=f"{label}_0", type="box", pos=pos, size=size)


def add_meshes(element: Element, job: ImportJob, body: int) -> None:
    """Appends what a body looks like: its meshes, those of one colour joined, written to files and listed as assets."""
    source, model, label = job.source, job.source.model, job.source.name(body)
    meshes = find_mesh_geoms(source, body)
    visual = [g for g in meshes if not (model.geom_contype[g] or model.geom_conaffinity[g])]
    colours = dict[str, list[int]]()
    for geom in visual or meshes:
        material = model.geom_matid[geom]
        rgba = model.mat_rgba[material] if material >= 0 else model.geom_rgba[geom]
        colours.setdefault(to_numbers(rgba), []).append(geom)
    # A body's name may hold what a file's must not.
    stem = label if re.fullmatch(r"[A-Za-z0-9_.-]+", label) else f"body_{body}"
    for index, (colour, geoms) in enumerate(colours.items()):
        surface = job.to_body(join([source.mesh(geom) for geom in geoms]), body)
        surface = simplify(surface, DETAIL * job.height / 1.75)
        if len(surface.faces) < 4:
            continue
        surface.export(job.folder / f"{stem}_{index}.stl")
        SubElement(job.assets, "mesh", name=f"{label}_{index}", file=f"{stem}_{index}.stl", inertia="shell")
        SubElement(element, "geom", {"class": "seen", "mesh": f"{label}_{index}", "rgba": colour})


def find_mesh_geoms(source: SourceModel, body: int) -> list[int]:
    """Geoms of a body that are meshes."""
    return [g for g in source.geoms(body) if source.model.geom_type[g] == MESH]


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


def drop_inner_capsules(capsules: list[Capsule]) -> list[Capsule]:
    """Capsules without those that lie in a larger one."""
    found: list[Capsule] = []
    for a, b, radius in sorted(capsules, key=lambda c: -(np.linalg.norm(c[1] - c[0]) + 2.0 * c[2])):
        inside = any(
            max(distance_to_segment(a, c, d), distance_to_segment(b, c, d)) + radius < 1.1 * r for c, d, r in found
        )
        if not inside:
            found.append((a, b, radius))
    return found


def distance_to_segment(point: np.ndarray, a: np.ndarray, b: np.ndarray) -> float:
    """Distance of a point (3,) from the segment between two others [m]."""
    way = b - a
    share = np.clip((point - a) @ way / max(way @ way, 1e-12), 0.0, 1.0)
    return float(np.linalg.norm(point - a - share * way))
