"""What was guessed is grey, what was filmed is not."""

from dataclasses import replace

import mujoco
import numpy as np

from imitate.env.task import Task
from reconstruct.camera import Camera
from reconstruct.guess_legs import LEGS
from sfv.drawing.backdrop import Light
from sfv.drawing.guessed_limbs import find_limbs, paint_guessed
from sfv.drawing.rendering import make_scenery, render_motion
from tests.samples import CHARACTER, standing

LOOKING_ALONG_X = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, -1.0], [-1.0, 0.0, 0.0]])


def darkness(spec: mujoco.MjSpec) -> Light:
    """Nothing but the body with guessed legs, evenly lit."""
    paint_guessed(spec, CHARACTER, LEGS)
    return Light(ambient=1.0, head=0.0, shadow_size=16)


def test_legs_are_grey_and_the_rest_keeps_its_colours() -> None:
    camera = Camera(260.0, np.array([80.0, 120.0]), (160, 240), LOOKING_ALONG_X, -LOOKING_ALONG_X @ [3.0, 0.0, 0.9])
    image = next(render_motion(CHARACTER, CHARACTER.model.qpos0[None], 30.0, camera, backdrop=darkness)).astype(int)
    body = image.max(axis=2) > 20
    colour = np.ptp(image, axis=2)
    knees = round(float(camera.project(np.array([[0.0, 0.0, 0.5]]))[0, 1]))
    chest = round(float(camera.project(np.array([[0.0, 0.0, 1.25]]))[0, 1]))
    assert body[knees:].sum() > 100 and np.percentile(colour[knees:][body[knees:]], 90) < 8
    assert np.median(colour[chest - 3 : chest + 3][body[chest - 3 : chest + 3]]) > 60


def test_limbs_are_the_legs_from_the_hips_on() -> None:
    model = CHARACTER.model
    limbs = find_limbs(model, [CHARACTER.landmarks["left_ankle"]])
    assert 2 <= len(limbs) <= 5 and all("left" in name or name.startswith("l") for name in limbs)


def test_scenery_of_a_guessed_motion_paints_it() -> None:
    spec = CHARACTER.spec()
    make_scenery(Task(CHARACTER, replace(standing(), guessed=LEGS)))(spec)
    assert spec.texture("skin").file == ""
