"""What a run keeps of a reference motion: its numbers, a BVH and a preview."""

from pathlib import Path

from imitate.env.task import Task
from imitate.scene.scene import Scene
from reconstruct.camera import Camera
from reconstruct.characters.character import Character
from reconstruct.formats.write_bvh import write_bvh
from reconstruct.motion import ReferenceMotion
from reconstruct.scene_objects import SceneObject
from sfv.rendering import make_scenery, write_preview


def write_motion(
    motion: ReferenceMotion,
    character: Character,
    camera: Camera | None,
    folder: Path,
    objects: tuple[SceneObject, ...] = (),
) -> str:
    """Writes a motion's files, its preview with what carries it; returns its length in words."""
    motion.save(folder / "motion.npz")
    write_bvh(motion, character, folder / "motion.bvh")
    scenery = make_scenery(Task(character, motion, Scene("objects", objects=objects) if objects else Scene()))
    write_preview(motion, character, folder / "preview.mp4", camera, backdrop=scenery)
    kind = "a cycle" if motion.loop else "one pass"
    return f"{len(motion)} frames, {kind} of {motion.duration:.2f} s"
