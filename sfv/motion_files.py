"""What a run keeps of a reference motion: its numbers, a BVH, a preview, and what is to be said of it."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from imitate.env.box_course import follow_box
from imitate.env.task import Task
from imitate.scene.scene import make_found_scene
from pose.progress import Progress, silent
from reconstruct.camera import Camera
from reconstruct.characters.character import Character
from reconstruct.formats.write_bvh import write_bvh
from reconstruct.motion import ReferenceMotion
from reconstruct.motion_quality import assess_motion
from reconstruct.reconstruct import Reconstruction
from reconstruct.retargeting.ik_targets import leg_length
from reconstruct.retargeting.retarget_on_slope import retarget_on
from reconstruct.scene_objects import SceneObject, find_slope, load_objects, save_objects
from sfv.drawing.rendering import make_scenery, write_preview
from sfv.stage import Made

SCENE_FILE = "scene.toml"
"""What carries the person, things or a slope, in the stage of the motion; a copy in the run's folder may be changed."""


HEIGHT_METRICS = ("person_height", "person_height_low", "person_height_high")
"""Median and interval of the person's height, where it was not known [m]."""
OF_MOTION = ("reprojection_px", *HEIGHT_METRICS)
"""What the result repeats of the motion's metrics."""


def find_scene_file(motion: Path) -> dict[str, Path]:
    """The scene file beside a motion's as an input of a stage, if anything carries in it."""
    path = motion.with_name(SCENE_FILE)
    return {"scene": path} if path.is_file() and load_scene(path) else {}


def load_scene(path: Path | None) -> tuple[SceneObject, ...]:
    """What carries in a motion, of its scene file; nothing where there is none."""
    return () if path is None else load_objects(path)[0]


def load_camera(path: Path | None) -> Camera | None:
    """The camera that a reference motion's video was filmed with; None for a motion that came as a file."""
    return Camera.load(path) if path is not None and path.is_file() else None


def write_motion(
    motion: ReferenceMotion,
    character: Character,
    camera: Camera | None,
    folder: Path,
    objects: tuple[SceneObject, ...] = (),
    progress: Progress = silent,
) -> str:
    """Writes a motion's files, its preview with what carries it; returns its length in words."""
    motion.save(folder / "motion.npz")
    write_bvh(motion, character, folder / "motion.bvh")
    task, shown = Task(character, motion, make_found_scene(objects)), motion
    if task.scene.has_box:
        shown = replace(motion, qpos=np.concatenate([motion.qpos, follow_box(task)], axis=1))
    scenery, ground = make_scenery(task), task.ground
    write_preview(shown, character, folder / "preview.mp4", camera, progress=progress, backdrop=scenery, ground=ground)
    kind = "a cycle" if motion.loop else "one pass"
    return f"{len(motion)} frames, {kind} of {motion.duration:.2f} s"


def retarget_found(found: Reconstruction, person: Character, character: Character) -> Reconstruction:
    """The motion of a person's body on another one, before a camera and on things as large for it as its legs are."""
    scale = leg_length(character) / leg_length(person)
    motion, _ = retarget_on(found.motion, person, character, find_slope(found.objects))
    objects = tuple(thing.scale(scale) for thing in found.objects)
    return replace(found, motion=motion, camera=found.camera.scale(scale), objects=objects)


def describe_motion(found: Reconstruction, character: Character, folder: Path, progress: Progress = silent) -> Made:
    """Writes a reconstructed motion, its camera and its objects into a stage's folder, and assesses it."""
    found.camera.save(folder / "camera.npz")
    save_objects(found.objects, folder / SCENE_FILE)
    length = write_motion(found.motion, character, found.camera, folder, found.objects, progress)
    metrics = {**found.metrics, "cost": found.cost, "loop": found.motion.loop, "first_frame": found.first_frame}
    quality = assess_motion(found.metrics)
    metrics |= {"level": quality.level, "verdict": quality.verdict, "guessed": found.motion.guessed}
    metrics |= {"objects": [thing.describe() for thing in found.objects], "scene": found.why}
    metrics["open_limbs"] = list(found.open_limbs)
    metrics["height"] = describe_height(found)
    if found.height is not None:
        known = found.height.metres, found.height.low, found.height.high
        metrics |= dict(zip(HEIGHT_METRICS, (round(metres, 3) for metres in known), strict=True))
    summary = (
        f"{length}; off by {found.metrics['reprojection_px']:.1f} px, "
        f"feet slide {found.metrics['foot_slide_mm_per_frame']:.1f} mm/frame"
    )
    if found.open_limbs:
        summary += f"; {found.open_limbs[0]}"
    return Made(f"{summary}. {quality.verdict}", metrics)


def describe_height(found: Reconstruction) -> str:
    """How tall the person is in words, and the body that performs the motion; empty where that was known."""
    height = found.height
    if height is None:
        return ""
    if height.is_other:
        return f"the person is {height.describe()} (give --height if you know it)"
    return f"the person is {height.describe()}: {height.assumed:.2f} m is taken (give --height if you know it)"
