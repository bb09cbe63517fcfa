"""Backdrops for renderings: ground, wall and lights, with procedural textures."""

from dataclasses import dataclass

import mujoco
import numpy as np
from scipy.ndimage import gaussian_filter

PICTURE = 512
"""Edge of the pictures of floor and wall [px]."""
BOARDS = 12
"""Boards across the picture of the floor."""


@dataclass(frozen=True)
class Light:
    """Light settings of a backdrop that belong to the camera."""

    ambient: float
    """Ambient light, 0 to 1."""
    head: float
    """Light from the camera, 0 to 1."""
    shadow_size: int = 1024
    """Edge of the shadow map [px]."""


def add_studio(spec: mujoco.MjSpec) -> Light:
    """Adds a pale checkered floor that fades into the sky, on which foot sliding is visible."""
    spec.add_texture(
        name="sky",
        type=mujoco.mjtTexture.mjTEXTURE_SKYBOX,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_GRADIENT,
        rgb1=[0.93, 0.94, 0.96],
        rgb2=[0.62, 0.69, 0.78],
        width=256,
        height=256,
    )
    spec.add_texture(
        name="floor",
        type=mujoco.mjtTexture.mjTEXTURE_2D,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_CHECKER,
        rgb1=[0.80, 0.82, 0.85],
        rgb2=[0.70, 0.73, 0.77],
        mark=mujoco.mjtMark.mjMARK_EDGE,
        markrgb=[0.88, 0.89, 0.91],
        width=512,
        height=512,
    )
    _add_floor(spec)
    _add_sun(spec, direction=(-0.45, 0.5, -1.0), brightness=0.55)
    spec.visual.rgba.haze = [0.93, 0.94, 0.96, 1.0]
    return Light(ambient=0.38, head=0.25)


def add_room(spec: mujoco.MjSpec, ahead: np.ndarray, distance: float, seed: int, pictures: bool = False) -> Light:
    """Adds a wooden floor and a plastered wall, like the background of a phone video in a gym.

    Args:
      spec: gets the room.
      ahead: direction in which the camera looks, unit vector along the ground, (2,).
      distance: of the wall from the world's origin, in that direction [m].
      seed: of the textures.
      pictures: whether pictures hang along the wall, as texture for following a rotating camera.
    """
    rng = np.random.default_rng(seed)
    _add_picture(spec, "floor", paint_planks(rng))
    _add_picture(spec, "wall", paint_plaster(rng))
    _add_floor(spec)
    spec.add_material(name="wall", texrepeat=[0.25, 0.25], texuniform=True, specular=0.0)
    spec.material("wall").textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = "wall"
    x, y = ahead
    yaw = np.arctan2(-x, y)
    spec.worldbody.add_geom(
        name="wall",
        type=mujoco.mjtGeom.mjGEOM_PLANE,
        pos=[distance * x, distance * y, 0.0],
        zaxis=[-x, -y, 0.0],
        size=[30, 30, 1],
        material="wall",
        contype=0,
        conaffinity=0,
    )
    spec.worldbody.add_geom(
        name="skirting",
        type=mujoco.mjtGeom.mjGEOM_BOX,
        pos=[(distance - 0.01) * x, (distance - 0.01) * y, 0.05],
        quat=[np.cos(yaw / 2), 0.0, 0.0, np.sin(yaw / 2)],
        size=[30, 0.01, 0.05],
        rgba=[0.86, 0.85, 0.82, 1],
        contype=0,
        conaffinity=0,
    )
    if pictures:
        _hang_pictures(spec, ahead, distance, rng)
    # From behind the camera's left shoulder, whichever way it looks.
    sun = (0.55 * x + 0.35 * y, 0.55 * y - 0.35 * x, -1.0)
    _add_sun(spec, direction=sun, brightness=0.5)
    return Light(ambient=0.42, head=0.22)


def _hang_pictures(spec: mujoco.MjSpec, ahead: np.ndarray, distance: float, rng: np.random.Generator) -> None:
    """Adds picture frames of random size and colour, 0.5 to 1 m apart, each with a smaller field inside."""
    x, y = ahead
    yaw = np.arctan2(-x, y)
    along = -12.0
    while along < 12.0:
        width, height, middle = rng.uniform(0.15, 0.5), rng.uniform(0.15, 0.45), rng.uniform(0.7, 1.7)
        for inset, out in ((1.0, 0.01), (0.6, 0.015)):
            place = (distance - out) * np.array([x, y]) + along * np.array([y, -x])
            spec.worldbody.add_geom(
                type=mujoco.mjtGeom.mjGEOM_BOX,
                pos=[*place, middle],
                quat=[np.cos(yaw / 2), 0.0, 0.0, np.sin(yaw / 2)],
                size=[inset * width, 0.01, inset * height],
                rgba=[*rng.uniform(0.1, 0.9, 3), 1.0],
                contype=0,
                conaffinity=0,
            )
        along += 2.0 * width + rng.uniform(0.5, 1.0)


def paint_planks(rng: np.random.Generator) -> np.ndarray:
    """Paints floor boards of varying brown with grain and joints, uint8 (PICTURE, PICTURE, 3)."""
    size, boards = PICTURE, BOARDS
    rows, columns = np.mgrid[0:size, 0:size]
    board = rows * boards // size
    shift = rng.integers(0, size, boards)
    part = ((columns + shift[board]) * 2 // size) % 2
    tone = rng.uniform(0.82, 1.08, (boards, 2))[board, part]
    grain = gaussian_filter(rng.normal(0, 1, (size, size)), (0.8, 24), mode="wrap")
    tone = tone + 0.35 * grain / (4 * grain.std())
    joint = (rows * boards % size < boards) | (((columns + shift[board]) * 2) % size < 4)
    image = np.array([176, 138, 98]) * np.where(joint, 0.62, tone)[..., None]
    return np.clip(image, 0, 255).astype(np.uint8)


def paint_plaster(rng: np.random.Generator) -> np.ndarray:
    """Paints a wall: soft stains and fine roughness on a light grey green, uint8 (PICTURE, PICTURE, 3)."""
    stains = np.zeros((PICTURE, PICTURE))
    for sigma, weight in ((40.0, 0.030), (12.0, 0.022), (1.2, 0.018)):
        stains += gaussian_filter(rng.normal(0, 1, stains.shape), sigma, mode="wrap") * sigma * weight
    image = np.array([188, 192, 184]) * (1 + stains)[..., None]
    return np.clip(image, 0, 255).astype(np.uint8)


def _add_picture(spec: mujoco.MjSpec, name: str, image: np.ndarray) -> None:
    height, width = image.shape[:2]
    texture = spec.add_texture(name=name, type=mujoco.mjtTexture.mjTEXTURE_2D, width=width, height=height, nchannel=3)
    texture.data = image.tobytes()


def _add_floor(spec: mujoco.MjSpec) -> None:
    """A plane with the texture "floor", one tile of which is 2 m wide."""
    spec.add_material(name="floor", texrepeat=[0.5] * 2, texuniform=True, reflectance=0.0, specular=0.1)
    spec.material("floor").textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = "floor"
    spec.worldbody.add_geom(
        name="floor",
        type=mujoco.mjtGeom.mjGEOM_PLANE,
        size=[0, 0, 0.05],
        material="floor",
        contype=0,
        conaffinity=0,
    )


def _add_sun(spec: mujoco.MjSpec, direction: tuple[float, float, float], brightness: float) -> None:
    """Adds a directional light that stays above the body, so that the whole shadow map is used for its shadow."""
    root = spec.worldbody.first_body()
    root.add_light(
        name="sun",
        mode=mujoco.mjtCamLight.mjCAMLIGHT_TRACK,
        type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL,
        pos=list(-4.0 * np.array(direction)),
        dir=list(direction),
        diffuse=[brightness] * 3,
        specular=[0.15] * 3,
        castshadow=True,
    )
