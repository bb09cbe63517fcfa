"""Grey limbs: what no video showed, and was guessed, is drawn without colour."""

import cv2
import mujoco
import numpy as np
from PIL import Image

from reconstruct.characters.character import Character

GREY = (0.62, 0.62, 0.62)
"""Colour of a guessed limb, RGB from 0 to 1."""


def paint_guessed(spec: mujoco.MjSpec, character: Character, landmarks: tuple[str, ...]) -> None:
    """Makes the limbs that carry these landmarks grey, from the trunk on, in skin, meshes and shapes.

    Args:
      spec: of the character, perhaps with a backdrop; changed in place.
      character: whose limbs they are.
      landmarks: that were guessed.
    """
    sites = [character.landmarks[name] for name in landmarks if name in character.landmarks]
    limbs = find_limbs(character.model, sites)
    for body in spec.bodies:
        if body.name in limbs:
            for geom in body.geoms:
                geom.rgba = [*GREY, 1.0]
                geom.material = ""
    model = spec.copy().compile()
    if model.nskin and spec.texture("skin") is not None:
        _paint_skin(spec, model, limbs, character)


def find_limbs(model: mujoco.MjModel, sites: list[str]) -> set[str]:
    """Names of the bodies from those at these sites up to the root's children, and what hangs on them."""
    tops = set[int]()
    for site in sites:
        body = int(model.site_bodyid[model.site(site).id])
        while model.body_parentid[body] > 1:
            body = int(model.body_parentid[body])
        tops.add(body)
    found = set[int]()
    for body in range(1, model.nbody):
        if body in tops or int(model.body_parentid[body]) in found:
            found.add(body)
    return {model.body(body).name for body in found}


def _paint_skin(spec: mujoco.MjSpec, model: mujoco.MjModel, limbs: set[str], character: Character) -> None:
    """Paints the triangles whose corners mostly follow a limb grey in the skin's picture."""
    weight = np.zeros(model.nskinvert)
    for bone in range(model.nskinbone):
        if model.body(model.skin_bonebodyid[bone]).name in limbs:
            part = slice(model.skin_bonevertadr[bone], model.skin_bonevertadr[bone] + model.skin_bonevertnum[bone])
            np.add.at(weight, model.skin_bonevertid[part], model.skin_bonevertweight[part])
    texture = spec.texture("skin")
    if texture.file:
        image = np.array(Image.open(character.path.parent / texture.file).convert("RGB"))
    else:
        image = np.frombuffer(texture.data, np.uint8).reshape(texture.height, texture.width, 3).copy()
    corners = np.rint(np.array(model.skin_texcoord) * image.shape[1::-1]).astype(np.int32)[model.skin_face]
    for triangle in corners[(weight[model.skin_face] > 0.5).sum(axis=1) >= 2]:
        cv2.fillConvexPoly(image, triangle, tuple(round(255 * c) for c in GREY))
    texture.file = ""
    texture.height, texture.width, texture.nchannel = *image.shape[:2], 3
    texture.data = np.ascontiguousarray(image).tobytes()
