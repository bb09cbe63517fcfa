"""three.js shows an exported GLB in headless Chromium: joints and skin to the millimetre, in time.

SFV_SHOTS keeps the picture.
"""

import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from pose.downloads import cache_folder
from pose.errors import InputError
from reconstruct.characters.character import load_character
from reconstruct.formats.write_glb import write_glb
from sfv.demo.motions import load_demo_motion
from sfv.live.libraries import FILES, THREE, find_or_fetch
from tests.blended_skin import place_body

from .conftest import Witness

ADDONS = {
    "loaders/GLTFLoader.js": "532ac726e120039acbcd6cf54328c57acbf7b438176afaa6951257126d11bff1",
    "utils/BufferGeometryUtils.js": "7bda2a8ba836b2bcf67cb938d4b9e1bb5d1b1bc616817103ed858c0b58296ce7",
    "utils/SkeletonUtils.js": "b1632a703206c3d830de9fcbe515696770d04b71a15ee6b50afa6d2c3298c86f",
}
LOADER = {name: FILES[name] for name in ("three.core.js", "three.module.js")} | {
    Path(path).name: (THREE, f"examples/jsm/{path}", sha256) for path, sha256 in ADDONS.items()
}
"""File -> package, path in it, sha256."""
PLACES = {Path(path).name: f"/{path}" for path in ADDONS} | {
    name: f"/build/{name}" for name in ("three.core.js", "three.module.js")
}
"""File -> where the page finds it."""
THREE_FROM_WORLD = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
STRIDE = 37
ORIGIN = "http://glb.test"


@pytest.mark.parametrize("name", ["cartwheel", "jump"])
def test_three_shows_joints_and_skin_in_time(name: str, witness: Witness, tmp_path: Path) -> None:
    try:
        files = find_or_fetch(cache_folder(), LOADER)
    except InputError as error:
        pytest.skip(str(error))
    character = load_character("humanoid")
    motion = load_demo_motion(name, character)
    write_glb(motion, character, tmp_path / "motion.glb")
    contents = {PLACES[file]: (content, "text/javascript") for file, content in files.items()}
    contents["/"] = (Path(__file__).with_name("glb.html").read_bytes(), "text/html")
    contents["/motion.glb"] = ((tmp_path / "motion.glb").read_bytes(), "model/gltf-binary")

    def answer(route: Any) -> None:
        path = route.request.url.removeprefix(ORIGIN)
        body, kind = contents.get(path, (b"", "text/plain"))
        route.fulfill(status=200 if path in contents else 404, body=body, content_type=kind)

    page = witness.page
    page.route("**/*", answer)
    page.set_viewport_size({"width": 640, "height": 480})
    page.goto(ORIGIN + "/")
    page.wait_for_function("window.ready === true", timeout=60_000)
    names = [character.model.body(b).name for b in range(1, character.model.nbody)]
    for frame in (0, 12, 25, 40):
        seen = page.evaluate("([t, names, n]) => look(t, names, n)", [frame / motion.fps, names, STRIDE])
        joints, skin = place_body(character, motion.qpos[frame])
        expected = np.array([joints[body] for body in names]) @ THREE_FROM_WORLD.T
        np.testing.assert_allclose(seen["joints"], expected, atol=1e-3, err_msg=f"joints, frame {frame}")
        np.testing.assert_allclose(seen["vertices"], (skin @ THREE_FROM_WORLD.T)[::STRIDE], atol=1e-3)
    assert seen["duration"] == pytest.approx((len(motion.qpos) - 1) / motion.fps, abs=1e-5)
    picture = Path(os.environ.get("SFV_SHOTS", tmp_path)) / f"three_{name}.png"
    page.screenshot(path=picture)
    image = cv2.imread(str(picture), cv2.IMREAD_GRAYSCALE)
    assert image is not None and image.std() > 10.0
    assert not witness.errors
