"""A film of a skill that adapts: the body, and beside it z^ over time with the moment when something happens to it."""

from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

import mujoco
import numpy as np

from imitate.adapt.evaluation import EventRecord, record_event
from imitate.adapt.in_use import AdaptingPolicy
from imitate.env.muscle_groups import find_trunk
from imitate.env.task import Task
from imitate.scene.scene import CONTROL_HZ
from pose.errors import InputError
from pose.progress import Progress, silent
from reconstruct.characters.character import Character
from sfv.drawing.backdrop import Light, add_studio
from sfv.drawing.latent_plot import draw_latent
from sfv.drawing.rendering import Track, follow, render_motion, write_side_by_side
from sfv.skill import Skill

EVENT_SHARE = 0.4
"""Moment of the event, as a share of the film."""
TITLES = {
    "payload": "40 % of the weight lands on the back",
    "ice": "ice begins: friction .25",
    "weak": "the left knee weakens to .7",
}
"""What happens, in words."""
RED = [0.8, 0.2, 0.15, 1.0]


def write_event_film(
    skill: Skill,
    event: str,
    seconds: float,
    out: Path,
    size: tuple[int, int] = (640, 480),
    progress: Progress = silent,
) -> EventRecord:
    """Performs a skill that adapts through an event and films it.

    Args:
      skill: adapts.
      event: one of `TITLES`.
      seconds: length of a cycle's performance [s]; what is no cycle is passed once.
      out: the video.
      size: width and height of each of the two panels [px].
      progress: is called after each frame.

    Raises:
      InputError: the skill does not adapt.
    """
    policy, task = skill.policy, skill.task
    if not isinstance(policy, AdaptingPolicy):
        raise InputError(f"--event: '{skill.name}' of {skill.body} does not adapt; make one: sfv adapt --skill NAME")
    seconds = seconds if task.motion.loop else task.motion.duration
    record = record_event(policy, task, event, EVENT_SHARE * seconds, seconds)
    out.parent.mkdir(parents=True, exist_ok=True)
    total = max(round(seconds * CONTROL_HZ), len(record.qpos))
    panels = [draw_body(task, record, event, size), draw_latent(record.z, 1, size, total, record.at)]
    labels = [f"{skill.name} by {skill.body}", f"z over time; bar: {TITLES[event]}"]
    write_side_by_side(panels, labels, CONTROL_HZ, out, size[1], progress, len(record.qpos))
    return record


def draw_body(task: Task, record: EventRecord, event: str, size: tuple[int, int]) -> Iterator[np.ndarray]:
    """Images of the body, with what has happened drawn in from the event on, RGB (height, width, 3) each."""
    character, qpos, at = task.character, record.qpos, min(record.at, len(record.qpos))
    track = follow(qpos, CONTROL_HZ, character.height)

    def draw(part: slice, backdrop: Callable[[mujoco.MjSpec], Light]) -> Iterator[np.ndarray]:
        along = Track(track.lookat[part], track.distance, track.azimuth, track.elevation)
        return render_motion(character, qpos[part], CONTROL_HZ, along, size, backdrop)

    before = draw(slice(0, at), add_studio) if at else iter(())
    after = draw(slice(at, None), mark_event(character, event)) if at < len(qpos) else iter(())
    return chain(before, after)


def mark_event(character: Character, event: str) -> Callable[[mujoco.MjSpec], Light]:
    """The backdrop with what has happened: a load on the back, blue ground, a red ball at the weak knee."""
    model = character.model
    body, site = model.body(find_trunk(character)).name, character.landmarks["left_knee"]

    def build(spec: mujoco.MjSpec) -> Light:
        light = add_studio(spec)
        shown = {"contype": 0, "conaffinity": 0, "mass": 0.0, "group": 0, "rgba": RED}
        if event == "payload":
            half = np.array([0.09, 0.14, 0.2]) * character.height / 1.75
            place = model.body(body).ipos - [half[0] + 0.1 * character.height / 1.75, 0.0, 0.0]
            spec.body(body).add_geom(type=mujoco.mjtGeom.mjGEOM_BOX, size=half, pos=place, **shown)
        elif event == "ice":
            spec.material("floor").rgba = [0.6, 0.8, 1.0, 1.0]
        else:
            knee = spec.site(site)
            radius = 0.045 * character.height
            knee.parent.add_geom(type=mujoco.mjtGeom.mjGEOM_SPHERE, size=[radius, 0, 0], pos=knee.pos, **shown)
        return light

    return build
