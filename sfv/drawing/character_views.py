"""Pictures of a character with its landmarks, to check them by eye."""

import cv2
import mujoco
import numpy as np

from reconstruct.characters.character import Character, fit_skin
from sfv.drawing.renderer import open_renderer

SIZE = (640, 800)
"""Width and height of each view [px]."""
VIEWS = (("from the front", 180.0), ("from its left", -90.0))
LIMBS = (
    ("shoulder", "elbow"), ("elbow", "wrist"), ("wrist", "index"), ("shoulder", "hip"),
    ("hip", "knee"), ("knee", "ankle"), ("ankle", "heel"), ("heel", "foot_index"),
)  # fmt: skip
"""Landmarks that are joined by lines, on either side."""


def draw_landmarks(character: Character) -> np.ndarray:
    """Draws the body at rest from the front and from its left, landmarks as dots, limbs as lines: left blue, right red.

    Returns:
      RGB image, uint8 (H, W, 3).
    """
    width, height = SIZE
    model = compile_scene(character)
    state = mujoco.MjData(model)
    mujoco.mj_forward(model, state)
    option = mujoco.MjvOption()
    option.geomgroup[3] = int(model.nskin == 0 and model.nmesh == 0)
    option.sitegroup[:] = 0
    camera = mujoco.MjvCamera()
    camera.lookat, camera.distance = [0.0, 0.0, 0.5 * character.height], 1.7 * character.height
    camera.elevation = 0.0
    panels = []
    with open_renderer(model, width, height) as renderer:
        for title, azimuth in VIEWS:
            camera.azimuth = azimuth
            renderer.update_scene(state, camera, option)
            picture = renderer.render().copy()
            points = {
                name: project(renderer.scene, state.site(site).xpos) for name, site in character.landmarks.items()
            }
            # From its left the right half is behind the left one: its names would only cover those.
            draw_body(picture, points, named=[n for n in points if azimuth == 180.0 or not n.startswith("right")])
            write_legend(picture, title)
            panels.append(picture)
    return np.hstack(panels)


def compile_scene(character: Character) -> mujoco.MjModel:
    """The body on a floor, lit, before a plain background."""
    width, height = SIZE
    spec = character.spec()
    spec.worldbody.add_light(pos=[2.0, 1.0, 3.0], dir=[-0.6, -0.3, -0.8])
    spec.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_PLANE, size=[10, 10, 0.1], rgba=[0.8, 0.8, 0.8, 1])
    spec.visual.global_.offwidth, spec.visual.global_.offheight = width, height
    spec.visual.headlight.ambient = [0.5, 0.5, 0.5]
    spec.add_texture(
        type=mujoco.mjtTexture.mjTEXTURE_SKYBOX,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_FLAT,
        rgb1=[0.95, 0.95, 0.95],
        rgb2=[0.95, 0.95, 0.95],
        width=16,
        height=96,
    )
    model = spec.compile()
    fit_skin(model, character)
    return model


def draw_body(picture: np.ndarray, points: dict[str, tuple[int, int]], named: list[str]) -> None:
    """Draws limbs, and dots with names.

    Args:
      picture: RGB, drawn upon.
      points: landmark -> its pixel.
      named: landmarks whose names are written.
    """
    for side in ("right", "left"):
        for start, end in LIMBS:
            if f"{side}_{start}" in points and f"{side}_{end}" in points:
                ends = points[f"{side}_{start}"], points[f"{side}_{end}"]
                cv2.line(picture, *ends, find_colour(side), 2, cv2.LINE_AA)
    taken: list[tuple[int, int]] = []
    for name, at in points.items():
        cv2.circle(picture, at, 4, find_colour(name), -1, cv2.LINE_AA)
        if name in named:
            write_name(picture, name, at, taken)


def find_colour(name: str) -> tuple[int, int, int]:
    """Of a landmark, RGB: left blue, right red, the nose green."""
    return (30, 90, 220) if "left" in name else (220, 60, 30) if "right" in name else (20, 140, 40)


def write_legend(picture: np.ndarray, title: str) -> None:
    """Writes what a view is, and which colour is which side."""
    black = (20, 20, 20)
    for row, (text, colour) in enumerate(
        ((title, black), ("left", find_colour("left")), ("right", find_colour("right")))
    ):
        cv2.putText(picture, text, (12, 28 + 26 * row), cv2.FONT_HERSHEY_SIMPLEX, 0.7, colour, 1, cv2.LINE_AA)


def project(scene: mujoco.MjvScene, point_w: np.ndarray) -> tuple[int, int]:
    """Pixel of a point (3,), through a scene's camera."""
    width, height = SIZE
    eye, other = scene.camera  # of a stereo pair; the picture is taken between them
    ahead, up = np.array(eye.forward), np.array(eye.up)
    offset = point_w - 0.5 * (np.array(eye.pos) + np.array(other.pos))
    scale = eye.frustum_near / (offset @ ahead) * 0.5 * height / eye.frustum_top
    right = np.cross(ahead, up)
    return round(0.5 * width + scale * (offset @ right)), round(0.5 * height - scale * (offset @ up))


def write_name(picture: np.ndarray, name: str, at: tuple[int, int], taken: list[tuple[int, int]]) -> None:
    """Writes a landmark's name beside it, below names that are there already."""
    colour = find_colour(name)
    (wide, _), _ = cv2.getTextSize(name, cv2.FONT_HERSHEY_SIMPLEX, 0.38, 1)
    x = at[0] + 8 if at[0] >= SIZE[0] // 2 else at[0] - 8 - wide
    y = at[1] + 4
    while any(abs(y - other) < 12 and abs(x - column) < 120 for column, other in taken):
        y += 12
    taken.append((x, y))
    cv2.line(picture, at, (x if at[0] < x else x + wide, y - 4), colour, 1, cv2.LINE_AA)
    cv2.putText(picture, name, (x, y), cv2.FONT_HERSHEY_SIMPLEX, 0.38, colour, 1, cv2.LINE_AA)
