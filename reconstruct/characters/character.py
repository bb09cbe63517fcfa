"""A body to imitate with, read from a folder `characters/<name>/` that holds an MJCF and a `character.toml`."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import mujoco
import numpy as np

from pose.errors import InputError
from pose.foreign_files import read_toml as read_toml_file
from pose.foreign_files import refuse_damaged
from reconstruct.characters import assets_folder
from reconstruct.characters.character_table import check_table
from reconstruct.characters.check_model import check_model
from reconstruct.characters.packaged_models import fetch_model

TABLE = "character.toml"


@dataclass(frozen=True)
class Character:
    """A body: its MJCF, scaled to a standing height, and what its parts mean.

    The MJCF holds the body alone. The ground and the physics options are added by `imitate.scene.scene`, lights by the
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
    girth: float
    """Widths of trunk and limbs over those of the MJCF's body at this height; its square multiplies the mass."""
    head: float
    """Size of the head over that of the MJCF's body at this height."""
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
    self_collision: bool
    """Its parts collide with each other in simulation, as a robot's do."""

    def spec(self) -> mujoco.MjSpec:
        """A fresh, editable model of the body, scaled to `height`.

        Raises:
          InputError: the MJCF is damaged.
        """
        with refuse_damaged(self.path, "an MJCF that MuJoCo can read", "mend it, or make the character again"):
            spec = mujoco.MjSpec.from_file(str(self.path))
        if self.scale != 1.0:
            scale_spec(spec, self.scale)
        if self.girth != 1.0 or self.head != 1.0:
            widen_spec(spec, self.widths, self.girth**2)
        return spec

    @property
    def widths(self) -> dict[str, np.ndarray]:
        """Body -> factors on the size of its parts along its axes (3,), for those that differ from the MJCF's.

        Limbs and trunk lie along z at rest and grow sideways, the head in all directions; hands, as parts of forearms,
        keep their length; feet and joints stay as they are.
        """
        sideways, even = np.array([self.girth, self.girth, 1.0]), np.full(3, self.head)
        names = [body.name for body in mujoco.MjSpec.from_file(str(self.path)).bodies[1:]]
        return {name: even if name == "head" else sideways for name in names if name not in self.foot_bodies}

    @cached_property
    def model(self) -> mujoco.MjModel:
        """The compiled body without ground: for kinematics."""
        spec = self.spec()
        with refuse_damaged(self.path, "an MJCF that MuJoCo can compile", "mend it, or make the character again"):
            model = spec.compile()
        self._check_names(model)
        return model

    def _check_names(self, model: mujoco.MjModel) -> None:
        """Raises `InputError` if the table names a site or body that the model has not."""
        sites = {
            *self.landmarks.values(),
            *self.end_effectors,
            *(site for part in self.contacts.values() for site in part),
        }
        bodies = {*self.foot_bodies, *self.fall_bodies, *self.key_bodies}
        for kind, names, known in (
            ("site", sites, {model.site(i).name for i in range(model.nsite)}),
            ("body", bodies, {model.body(i).name for i in range(model.nbody)}),
        ):
            if not names <= known:
                missing = ", ".join(sorted(names - known)[:3])
                raise InputError(f"{self.path}: no {kind} {missing}, which {TABLE} names; put it right in one of both")

    @property
    def files(self) -> dict[str, Path]:
        """All files that the body is made from, by name; those of a variant's own folder with the folder's name."""
        found = {file.name: file for file in sorted(self.path.parent.iterdir()) if file.is_file()}
        if self.path.parent.name != self.name:
            own = find_folders()[self.name]
            found |= {f"{self.name}/{file.name}": file for file in sorted(own.iterdir()) if file.is_file()}
        return found

    @property
    def joint_names(self) -> tuple[str, ...]:
        """Joints in the order of qpos, the free joint first."""
        return tuple(self.model.joint(j).name for j in range(self.model.njnt))

    def site_ids(self, names: tuple[str, ...]) -> np.ndarray:
        """Ids of sites by name."""
        return np.array([self.model.site(name).id for name in names])


def list_character_names() -> tuple[str, ...]:
    """Names of the characters that can be loaded."""
    return tuple(sorted(find_folders()))


def find_folders() -> dict[str, Path]:
    """Name -> folder of every character: those of the program and the user's own."""
    shelves = (assets_folder.OWN_CHARACTERS, assets_folder.CHARACTERS)
    return {file.parent.name: file.parent for shelf in shelves for file in shelf.glob("*/character.toml")}


def read_character_table(name: str) -> dict[str, Any]:
    """A character's `character.toml`, filled up with that of the body that it varies."""
    folders, own = find_folders(), read_toml(find_folders()[name])
    if "base" not in own:
        return own
    if own["base"] not in folders or own["base"] == name:
        others = ", ".join(sorted(set(folders) - {name}))
        raise InputError(f"{folders[name] / TABLE}: base is {own['base']!r}; give another character, one of {others}")
    return read_toml(folders[own["base"]]) | own


def read_toml(folder: Path) -> dict[str, Any]:
    """The `character.toml` of a folder, as it stands."""
    return read_toml_file(folder / TABLE, "mend it")


def load_character(name: str, height: float | None = None) -> Character:
    """Reads a character's folder; `height` [m] scales it, None keeps its own.

    Raises:
      InputError: no such character, or a height that no person has.
    """
    folders = find_folders()
    if name not in folders:
        raise InputError(f"unknown character '{name}'; known ones: {', '.join(sorted(folders))}")
    if height is not None and not 0.5 <= height <= 2.5:
        raise InputError(f"height {height} m is out of range; give the person's height in metres, 0.5 to 2.5")
    table, file = read_character_table(name), folders[name] / TABLE
    check_table(table, file)
    # A variant is a folder without an MJCF: the name of the body that it varies, and what differs.
    base = folders[table.get("base", name)]
    with refuse_damaged(file, "a character's table", "mend it"):
        path = fetch_model(name, table) if "package" in table else find_mjcf(base, table, file)
    return build_character(name, table, path, height or float(table["height"]), float(read_toml(base)["height"]))


def load_character_folder(folder: Path) -> Character:
    """Reads a character that lies anywhere, its MJCF beside its `character.toml`.

    Raises:
      InputError: a file is missing, or damaged.
    """
    table, file = read_toml(folder), folder / TABLE
    check_table(table, file)
    height = float(table["height"])
    return build_character(folder.name, table, find_mjcf(folder, table, file), height, height)


def find_mjcf(folder: Path, table: dict[str, Any], file: Path) -> Path:
    """The MJCF that the `character.toml` of a folder names, after a look at what it names itself."""
    path = folder / table["mjcf"]
    if not path.is_file():
        raise InputError(f"{file}: mjcf names {path.name}, which is not in its folder; put it there")
    check_model(path)
    return path


def build_character(name: str, table: dict[str, Any], path: Path, height: float, made_for: float) -> Character:
    """A character of its `character.toml` and MJCF.

    Args:
      name: of its folder.
      table: `character.toml`.
      path: the MJCF.
      height: that it is to have [m].
      made_for: height of the body in the MJCF [m].
    """
    return Character(
        name=name,
        path=path,
        height=height,
        scale=height / made_for,
        girth=float(table.get("girth", 1.0)),
        head=float(table.get("head", 1.0)),
        landmarks=dict(table["landmarks"]),
        end_effectors=tuple(table["end_effectors"]),
        contacts={part: tuple(sites) for part, sites in table["contacts"].items()},
        foot_bodies=tuple(table["foot_bodies"]),
        fall_bodies=tuple(table["fall_bodies"]),
        key_bodies=tuple(table["key_bodies"]),
        self_collision=bool(table.get("self_collision", False)),
    )


def scale_spec(spec: mujoco.MjSpec, scale: float) -> None:
    """Scales a body geometrically in place: the same person, taller or shorter.

    Lengths go with s and, at constant density, masses with s^3. Torques follow weight times lever, s^4, and so does
    the stiffness; time goes with sqrt(s) under gravity (Froude), so damping goes with s^4.5 and armature with s^5.
    A skin is scaled after compiling (`fit_skin`), since a spec does not expose one that comes from a file.
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
    for mesh in spec.meshes:
        mesh.scale = np.asarray(mesh.scale) * scale
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


def widen_spec(spec: mujoco.MjSpec, widths: dict[str, np.ndarray], strength: float) -> None:
    """Makes a body stouter or its head larger in place, at the same joints.

    Masses follow the volume. Muscles do, too: torques, gains, damping and armature grow by `strength`, so that a heavy
    body carries itself as the light one does.

    Args:
      spec: its bodies' axes lie along the world's at rest, its geoms are capsules, spheres and boxes with masses.
      widths: body -> factors along its axes, (3,).
      strength: factor on all that joints and actuators exert.
    """
    for body in spec.bodies:
        if body.name not in widths:
            continue
        factor = widths[body.name]
        across = float(factor[:2].mean())
        for geom in body.geoms:
            geom.pos = np.asarray(geom.pos) * factor
            geom.fromto = np.asarray(geom.fromto) * np.tile(factor, 2)
            box = geom.type == mujoco.mjtGeom.mjGEOM_BOX
            geom.size = np.asarray(geom.size) * (factor if box else np.array([across, 1.0, 1.0]))
            geom.mass *= float(np.prod(factor))
        for site in body.sites:
            site.pos = np.asarray(site.pos) * factor
    for joint in spec.joints:
        joint.armature *= strength
        joint.damping = np.asarray(joint.damping) * strength
    for actuator in spec.actuators:
        actuator.forcerange = np.asarray(actuator.forcerange) * strength
        actuator.gainprm = np.asarray(actuator.gainprm) * strength
        actuator.biasprm = np.asarray(actuator.biasprm) * strength


def fit_skin(model: mujoco.MjModel, character: Character, prefix: str = "") -> None:
    """Gives a compiled model's skin the size of its body: a spec does not expose a skin that comes from a file.

    A vertex moves away from each of its bones as that bone's body has grown, weighted as it is bound to them.

    Args:
      model: changed in place.
      character: the body.
      prefix: what its parts' names begin with, where the model holds several bodies.
    """
    for skin in range(model.nskin):
        if not model.skin(skin).name.startswith(prefix):
            continue
        at, bone = int(model.skin_vertadr[skin]), int(model.skin_boneadr[skin])
        vertices = slice(at, at + int(model.skin_vertnum[skin]))
        bones = range(bone, bone + int(model.skin_bonenum[skin]))
        model.skin_vert[vertices] *= character.scale
        model.skin_bonebindpos[bones.start : bones.stop] *= character.scale
        if character.girth != 1.0 or character.head != 1.0:
            model.skin_vert[vertices] += _find_growth(model, character, prefix, bones, vertices)


def _find_growth(model: mujoco.MjModel, character: Character, prefix: str, bones: range, vertices: slice) -> np.ndarray:
    """How far the vertices of a skin move since the bodies are wider than the MJCF's, (V, 3)."""
    widths, moved, skin_vert = (
        character.widths,
        np.zeros((vertices.stop - vertices.start, 3)),
        model.skin_vert[vertices],
    )
    for bone in bones:
        factor = widths.get(model.body(model.skin_bonebodyid[bone]).name.removeprefix(prefix))
        if factor is None:
            continue
        first, count = model.skin_bonevertadr[bone], model.skin_bonevertnum[bone]
        own = model.skin_bonevertid[first : first + count]
        offset = skin_vert[own] - model.skin_bonebindpos[bone]
        moved[own] += model.skin_bonevertweight[first : first + count, None] * offset * (factor - 1.0)
    return moved
