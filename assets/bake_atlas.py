"""Writes the MJCF of Atlas: capsules on the published joint tree of Boston Dynamics' DRC robot.

    python -m assets.bake_atlas

Joint positions, axes, ranges, torque limits, masses and inertias are those of Drake's `atlas_minimal_contact.urdf`
(BSD-3-Clause, see the folder's LICENSE); its meshes are not used. Ours are the shapes, the gains and the rest pose.
The published zero has the arms stretched out sideways. Here zero is the robot standing with its arms hanging, so every
body's axes lie along the world's (x forward, y left, z up) at rest, as in the other characters.
"""

from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement

import numpy as np

from reconstruct.characters.mjcf import start_model, to_full_inertia, to_numbers, to_text
from reconstruct.rotations import from_rotvec, to_matrix

Vec3 = tuple[float, float, float]

OUT = Path(__file__).resolve().parent / "characters" / "atlas" / "atlas.xml"

SATURATION = 0.25
"""A servo reaches its torque limit when it is this far from its target [rad]; the humanoid's do at 0.2 to 0.3."""
DAMPING = 0.012
"""Damping over stiffness [s], of a servo and of its joint, as the humanoid's (assets/humanoid_mjcf.py). With .04 in the
servo alone tracking control falls on a walk (.13) that it performs at .95 like this."""


@dataclass(frozen=True)
class Link:
    """A body with its joint: right side or middle; the left one mirrors it."""

    name: str
    parent: str
    joint: str
    origin: Vec3
    """In the parent's frame, published zero pose [m]."""
    axis: Vec3
    low: float
    high: float
    """Range [rad]."""
    effort: float
    """Torque limit [N m]."""
    mass: float
    """[kg]."""
    com: Vec3
    """Centre of mass [m]."""
    inertia: tuple[float, float, float, float, float, float]
    """xx yy zz xy xz yz about the centre of mass [kg m2]."""
    rest: float = 0.0
    """Published angle that becomes zero here [rad]."""


PELVIS = (9.509, (0.0111, 0.0, 0.0271), (0.1244, 0.0958, 0.1167, 0.0008, -0.0007, -0.0005))
SOLE = 0.07645
"""Depth of the sole below the ankle [m]."""

# fmt: off
MIDDLE = (
    Link("ltorso", "pelvis", "back_bkz", (-0.0125, 0, 0), (0, 0, 1), -0.663225, 0.663225, 106,
         2.270, (-0.0112984, 0, 0.0746835), (0.0039092, 0.00341694, 0.00174492, 0, -0.000342157, 0)),
    Link("mtorso", "ltorso", "back_bky", (0, 0, 0.162), (0, 1, 0), -0.219388, 0.538783, 445,
         0.799, (-0.00816266, -0.0131245, 0.0305974), (0.000454181, 0.000483282, 0.000444215, -6.1e-5, 4e-5, 5.3e-5)),
    Link("utorso", "mtorso", "back_bkx", (0, 0, 0.05), (1, 0, 0), -0.523599, 0.523599, 300,
         84.409, (-0.0622, 0.0023, 0.3157), (1.577, 1.602, 0.565, -0.032, 0.102, 0.047)),
    Link("head", "utorso", "neck_ay", (0.2546, 0, 0.6215), (0, 1, 0), -0.602139, 1.14319, 25,
         1.4199, (-0.075493, 0, 0.02774), (0.0039688, 0.0041178, 0.0035243, 0, -0.00089293, 0)),
)
RIGHT = (
    Link("clav", "utorso", "arm_shz", (0.1406, -0.2256, 0.4776), (0, 0, 1), -0.785398, 1.5708, 87,
         4.466, (0, 0, -0.084), (0.011, 0.009, 0.004, 0, 0, 0.004)),
    Link("scap", "clav", "arm_shx", (0, -0.11, -0.245), (1, 0, 0), -1.5708, 1.5708, 99,
         3.899, (0, 0, 0), (0.00319, 0.00583, 0.00583, 0, 0, 0), rest=1.4),
    Link("uarm", "scap", "arm_ely", (0, -0.187, -0.016), (0, 1, 0), 0.0, 3.14159, 63,
         4.386, (0, 0.065, 0), (0.00656, 0.00358, 0.00656, 0, 0, 0), rest=1.5708),
    Link("larm", "uarm", "arm_elx", (0, -0.119, 0.0092), (1, 0, 0), -2.35619, 0.0, 112,
         3.248, (0, 0, 0), (0.00265, 0.00446, 0.00446, 0, 0, 0), rest=-0.1),
    Link("ufarm", "larm", "arm_uwy", (0, -0.29955, -0.00921), (0, 1, 0), -3.011, 3.011, 25,
         2.4798, (0.00015, 0.08296, 0.00037), (0.012731, 0.002857, 0.011948, 0, 0, 0)),
    Link("lfarm", "ufarm", "arm_mwx", (0, 0, 0), (1, 0, 0), -1.7628, 1.7628, 25,
         0.648, (0.00017, -0.02515, 0.00163), (0.000764, 0.000429, 0.000825, 0, 0, 0)),
    Link("hand", "lfarm", "arm_lwy", (0, 0, 0), (0, 1, 0), -2.9671, 2.9671, 25,
         0.5839, (0.00016, -0.08159, 0.00002), (0.000388, 0.000477, 0.000379, 0, 0, 0)),
    Link("uglut", "pelvis", "leg_hpz", (0, -0.089, 0), (0, 0, 1), -0.786794, 0.174358, 275,
         1.959, (0.00529262, 0.00344732, 0.00313046), (0.00074276, 0.000688179, 0.00041242, 0, -2.8e-5, 0)),
    Link("lglut", "uglut", "leg_hpx", (0, 0, 0), (1, 0, 0), -0.523599, 0.523599, 530,
         0.898, (0.0133341, -0.0170484, -0.0312052), (0.000691326, 0.00126856, 0.00106487, 2.2e-5, 0, -0.000137862)),
    Link("uleg", "lglut", "leg_hpy", (0.05, -0.0225, -0.066), (0, 1, 0), -1.61234, 0.65764, 840,
         8.204, (0, 0, -0.21), (0.09, 0.09, 0.02, 0, 0, 0)),
    Link("lleg", "uleg", "leg_kny", (-0.05, 0, -0.374), (0, 1, 0), 0.0, 2.35637, 890,
         4.515, (0.001, 0, -0.187), (0.077, 0.076, 0.01, 0, -0.003, 0)),
    Link("talus", "lleg", "leg_aky", (0, 0, -0.422), (0, 1, 0), -1.0, 0.7, 740,
         0.125, (0, 0, 0), (1.01674e-05, 8.42775e-06, 1.30101e-05, 0, 0, 0)),
    Link("foot", "talus", "leg_akx", (0, 0, 0), (1, 0, 0), -0.8, 0.8, 360,
         2.410, (0.027, 0, -0.067), (0.002, 0.007, 0.008, 0, 0, 0)),
)

# Capsules: link, two ends [m] in its published frame, radius [m]; boxes and spheres likewise. Right side or middle.
HAND_END: Vec3 = (0, -0.17, 0)
HAND_RADIUS = 0.045
CAPSULES: tuple[tuple[str, Vec3, Vec3, float], ...] = (
    ("pelvis", (0.01, -0.06, 0.03), (0.01, 0.06, 0.03), 0.095),
    ("ltorso", (-0.01, -0.03, 0.09), (-0.01, 0.03, 0.09), 0.08),
    ("utorso", (-0.02, -0.07, 0.13), (-0.02, 0.07, 0.13), 0.12),
    ("utorso", (-0.05, -0.13, 0.40), (-0.05, 0.13, 0.40), 0.15),
    ("utorso", (-0.02, 0, 0.52), (0.2, 0, 0.64), 0.055),
    ("head", (-0.03, -0.03, 0.05), (-0.03, 0.03, 0.05), 0.085),
    ("r_clav", (0, 0, -0.04), (0, -0.02, -0.2), 0.06),
    ("r_scap", (0, 0, 0), (0, -0.13, -0.01), 0.06),
    ("r_uarm", (0, 0, 0), (0, -0.08, 0.005), 0.055),
    ("r_larm", (0, -0.02, -0.001), (0, -0.29, -0.009), 0.045),
    ("r_hand", (0, -0.03, 0), HAND_END, HAND_RADIUS),
    ("r_uleg", (0.03, 0, -0.03), (-0.02, 0, -0.32), 0.075),
    ("r_lleg", (0, 0, -0.03), (0, 0, -0.36), 0.06),
)
SITES: tuple[tuple[str, str, Vec3], ...] = (
    ("head", "nose", (0.07, 0, 0.05)),
    ("head", "right_eye", (0.05, -0.035, 0.07)),
    ("head", "right_ear", (-0.03, -0.115, 0.05)),
    ("r_scap", "right_shoulder", (0, 0, 0)),
    ("r_larm", "right_elbow", (0, 0, 0)),
    ("r_lfarm", "right_wrist", (0, 0, 0)),
    ("r_hand", "right_index", (0, -0.17, 0)),
    ("r_hand", "right_palm", (0, HAND_END[1] - HAND_RADIUS, 0)),
    ("r_uleg", "right_hip", (0, 0, 0)),
    ("r_lleg", "right_knee", (0, 0, 0)),
    ("r_foot", "right_ankle", (0, 0, 0)),
    ("r_foot", "right_heel", (-0.0876, 0, -SOLE)),
    ("r_foot", "right_foot_index", (0.1728, 0, -SOLE)),
)
# fmt: on


def links() -> list[Link]:
    """All links: the middle ones, the right ones by their published names, and their mirror images."""
    found = list(MIDDLE)
    for side, mirrored in (("r", False), ("l", True)):
        for link in RIGHT:
            parent = link.parent if link.parent in ("pelvis", "utorso") else f"{side}_{link.parent}"
            xx, yy, zz, xy, xz, yz = link.inertia
            # A mirror turns rotations about x and z round; the published right knee is the left one's image as well.
            keep = not mirrored or link.axis == (0, 1, 0)
            low, high, rest = (link.low, link.high, link.rest) if keep else (-link.high, -link.low, -link.rest)
            found.append(
                Link(
                    f"{side}_{link.name}",
                    parent,
                    f"{side}_{link.joint}",
                    mirror(link.origin, mirrored),
                    link.axis,
                    low,
                    high,
                    link.effort,
                    link.mass,
                    mirror(link.com, mirrored),
                    (xx, yy, zz, -xy, xz, -yz) if mirrored else link.inertia,
                    rest,
                )
            )
    return found


def mirror(vector: Vec3, mirrored: bool = True) -> Vec3:
    """Mirror image in the plane between left and right."""
    return (vector[0], -vector[1], vector[2]) if mirrored else vector


def mjcf() -> str:
    """Atlas as MJCF text."""
    tree = {link.name: link for link in links()}
    rotation: dict[str, np.ndarray] = {"pelvis": np.eye(3)}
    for link in tree.values():  # parents come before children
        rotation[link.name] = rotation[link.parent] @ to_matrix(from_rotvec(link.rest * np.array(link.axis)))
    root = start_model("atlas", "atlas", "0.42 0.45 0.5 1", angle="radian")
    defaults = root.find("default/default")
    assert defaults is not None
    defaults.insert(1, Element("joint", type="hinge", armature="0.1"))
    bodies = add_bodies(SubElement(root, "worldbody"), tree, rotation)
    add_shapes(bodies, rotation)
    add_sites(bodies, rotation)
    for link in tree.values():  # a body's children stand behind its shapes
        if link.parent in bodies:
            bodies[link.parent].append(bodies[link.name])
    actuators = SubElement(root, "actuator")
    for link in tree.values():
        kp = link.effort / SATURATION
        gains = {"kp": f"{kp:g}", "kv": f"{DAMPING * kp:.3g}", "forcerange": f"-{link.effort:g} {link.effort:g}"}
        SubElement(actuators, "position", {"name": link.joint, "joint": link.joint} | gains)
    return to_text(root, "Written by assets/bake_atlas.py; change it there.")


def add_bodies(world: Element, tree: dict[str, Link], rotation: dict[str, np.ndarray]) -> dict[str, Element]:
    """Bodies by name, each with its joint and inertia; only the pelvis is in the tree yet."""
    height = -sum(tree[f"r_{part}"].origin[2] for part in ("uglut", "lglut", "uleg", "lleg", "talus")) + SOLE
    pelvis = SubElement(world, "body", name="pelvis", pos=f"0 0 {height:g}", childclass="atlas")
    SubElement(pelvis, "freejoint", name="root")
    add_inertial(pelvis, *PELVIS, np.eye(3))
    bodies = {"pelvis": pelvis}
    for link in tree.values():
        above = rotation[link.parent]
        body = bodies[link.name] = Element("body", name=link.name, pos=to_numbers(above @ link.origin, 5))
        limits = f"{link.low - link.rest:.6g} {link.high - link.rest:.6g}"
        damping = f"{DAMPING * link.effort / SATURATION:.3g}"
        axis = to_numbers(above @ np.array(link.axis), 5)
        SubElement(body, "joint", name=link.joint, axis=axis, range=limits, damping=damping)
        add_inertial(body, link.mass, link.com, link.inertia, rotation[link.name])
    return bodies


def add_inertial(body: Element, mass: float, com: Vec3, inertia: tuple[float, ...], rotation: np.ndarray) -> None:
    """Appends mass, centre of mass and inertia, turned into the axes at rest."""
    xx, yy, zz, xy, xz, yz = inertia
    matrix = rotation @ np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]]) @ rotation.T
    pos = to_numbers(rotation @ com, 5)
    SubElement(body, "inertial", pos=pos, mass=f"{mass:g}", fullinertia=to_full_inertia(matrix))


def add_shapes(bodies: dict[str, Element], rotation: dict[str, np.ndarray]) -> None:
    """Appends capsules, and boxes for the feet."""
    for body, start, end, radius in CAPSULES:
        for name, mirrored in images(body):
            ends = " ".join(to_numbers(rotation[name] @ mirror(point, mirrored), 5) for point in (start, end))
            label = f"{name}_{len(bodies[name].findall('geom'))}"
            SubElement(bodies[name], "geom", name=label, fromto=ends, size=f"{radius:g}")
    for foot in ("r_foot", "l_foot"):
        # The published sole: 26 cm long, 13 cm wide.
        box = {"type": "box", "pos": f"0.0426 0 {0.02 - SOLE:g}", "size": "0.1302 0.0643 0.02"}
        SubElement(bodies[foot], "geom", {"name": f"{foot}_0"} | box)


def add_sites(bodies: dict[str, Element], rotation: dict[str, np.ndarray]) -> None:
    """Appends the landmarks of the right side and the middle, and their mirror images."""
    for body, site, pos in SITES:
        copies = [*images(body), *([(body, True)] if body == "head" and "right" in site else [])]
        for name, mirrored in copies:
            label = site.replace("right", "left") if mirrored else site
            place = to_numbers(rotation[name] @ mirror(pos, mirrored), 5)
            SubElement(bodies[name], "site", name=label, pos=place)


def images(body: str) -> list[tuple[str, bool]]:
    """A body and, for a right one, its mirror image."""
    return [(body, False), ("l" + body[1:], True)] if body.startswith("r_") else [(body, False)]


if __name__ == "__main__":
    OUT.write_text(mjcf(), encoding="utf-8")
