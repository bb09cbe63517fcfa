"""Character: one body to imitate with, as a folder `assets/characters/<name>/` holding MJCF and `character.toml`."""

import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import mujoco
import numpy as np

from pose.errors import InputError

CHARACTERS = Path(__file__).resolve().parent.parent / "assets" / "characters"


@dataclass(frozen=True)
class Character:
    """A body: its MJCF, scaled to a standing height, and what its parts mean.

    The MJCF holds the body alone. The ground and the physics options are added by `imitate.scene`, lights by the
    renderer, so that every user of a character simulates the same thing.
    """

    name: str
    """Name of the folder."""
    path: Path
    """The MJCF file."""
    height: float
    """Standing height [m]."""
    scale: float
    """`height` over the height that the MJCF was made for."""
    landmarks: dict[str, str]
    """Pose landmark -> site of the model."""
    end_effectors: tuple[str, ...]
    """Sites whose positions the imitation reward compares (hands and feet)."""
    contacts: dict[str, tuple[str, ...]]
    """Part that may touch the ground -> its sites on the surface."""
    foot_bodies: tuple[str, ...]
    """Bodies that may touch the ground in every motion."""
    fall_bodies: tuple[str, ...]
    """Bodies whose touching the ground is a fall, unless the reference does the same."""
    key_bodies: tuple[str, ...]
    """Bodies that are watched for straying too far from the reference."""

    def spec(self) -> mujoco.MjSpec:
        """A fresh, editable model of the body, scaled to `height`."""
        spec = mujoco.MjSpec.from_file(str(self.path))
        if self.scale != 1.0:
            scale_spec(spec, self.scale)
        return spec

    @cached_property
    def model(self) -> mujoco.MjModel:
        """The compiled body without ground: for kinematics."""
        return self.spec().compile()

    @property
    def joint_names(self) -> tuple[str, ...]:
        """Joints in the order of qpos, the free joint first."""
        return tuple(self.model.joint(j).name for j in range(self.model.njnt))

    def site_ids(self, names: tuple[str, ...]) -> np.ndarray:
        """Ids of sites by name."""
        return np.array([self.model.site(name).id for name in names])


def character_names() -> tuple[str, ...]:
    """Names of the characters that can be loaded."""
    return tuple(sorted(path.parent.name for path in CHARACTERS.glob("*/character.toml")))


def load_character(name: str, height: float | None = None) -> Character:
    """Reads a character's folder; `height` [m] scales it, None keeps its own.

    Raises:
      InputError: no such character, or a height that no person has.
    """
    toml = CHARACTERS / name / "character.toml"
    if name not in character_names():
        raise InputError(f"unknown character '{name}'; known ones: {', '.join(character_names())}")
    if height is not None and not 0.5 <= height <= 2.5:
        raise InputError(f"height {height} m is out of range; give the person's height in metres, 0.5 to 2.5")
    table = tomllib.loads(toml.read_text(encoding="utf-8"))
    own_height = float(table["height"])
    return Character(
        name=name,
        path=toml.with_name(table["mjcf"]),
        height=height or own_height,
        scale=(height or own_height) / own_height,
        landmarks=dict(table["landmarks"]),
        end_effectors=tuple(table["end_effectors"]),
        contacts={part: tuple(sites) for part, sites in table["contacts"].items()},
        foot_bodies=tuple(table["foot_bodies"]),
        fall_bodies=tuple(table["fall_bodies"]),
        key_bodies=tuple(table["key_bodies"]),
    )


def scale_spec(spec: mujoco.MjSpec, scale: float) -> None:
    """Scales a body geometrically in place: the same person, taller or shorter.

    Lengths go with s and, at constant density, masses with s^3. Torques follow weight times lever, s^4, and so does
    the stiffness; time goes with sqrt(s) under gravity (Froude), so damping goes with s^4.5 and armature with s^5.
    A skin is scaled after compiling (`scale_skin`), since a spec does not expose one that comes from a file.
    """
    for body in spec.bodies:
        body.pos = np.asarray(body.pos) * scale
        body.ipos = np.asarray(body.ipos) * scale
        body.mass *= scale**3
        body.inertia = np.asarray(body.inertia) * scale**5
        body.fullinertia = np.asarray(body.fullinertia) * scale**5
    for geom in spec.geoms:
        geom.pos = np.asarray(geom.pos) * scale
        geom.size = np.asarray(geom.size) * scale
        geom.fromto = np.asarray(geom.fromto) * scale
        geom.mass *= scale**3
    for site in spec.sites:
        site.pos = np.asarray(site.pos) * scale
    for joint in spec.joints:
        joint.pos = np.asarray(joint.pos) * scale
        joint.armature *= scale**5
        joint.damping = np.asarray(joint.damping) * scale**4.5
        joint.stiffness = np.asarray(joint.stiffness) * scale**4
    for actuator in spec.actuators:
        actuator.forcerange = np.asarray(actuator.forcerange) * scale**4
        gain, bias = np.asarray(actuator.gainprm), np.asarray(actuator.biasprm)
        gain[0] *= scale**4
        bias[1] *= scale**4
        bias[2] *= scale**4.5
        actuator.gainprm, actuator.biasprm = gain, bias


def scale_skin(model: mujoco.MjModel, scale: float) -> None:
    """Scales a compiled model's skins in place to go with a body scaled by `scale_spec`."""
    model.skin_vert[:] *= scale
    model.skin_bonebindpos[:] *= scale
