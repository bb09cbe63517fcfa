"""`sfv play` of a run of several people: all of them in one simulation, as a video."""

from pathlib import Path

import numpy as np

from imitate.together.perform import ACTING, FALLEN, Performance, perform_together
from pose.errors import InputError
from pose.keypoints import Keypoints
from pose.progress import Progress
from pose.video import VideoWriter
from reconstruct.camera import Camera
from sfv.run_folder import RUNS
from sfv.together.film import draw_group, film_cameras
from sfv.together.people import FILE, Person, find_run, load_people
from sfv.together.stages import load_player


def find_group(name: str) -> Path | None:
    """The folder of the run of several people of this name in runs/, or in this folder; None if it is no such run."""
    folder = Path(name) if Path(name).is_dir() else RUNS / name
    return folder if (folder / FILE).is_file() else None


def perform_group(folder: Path, progress: Progress) -> tuple[list[Person], Performance]:
    """Lets all who have learnt their part perform together.

    Raises:
      InputError: fewer than two have.
    """
    people, players = list[Person](), []
    for person in load_people(folder / FILE):
        try:
            run = find_run(folder, person)
        except InputError:
            continue
        people.append(person)
        players.append(load_player(person, run.motion_path, run.policy_path))
    if len(players) < 2:
        raise InputError(f"{folder}: {len(players)} people have learnt their part; finish the run with --people all")
    return people, perform_together(players, progress)


def write_group(
    folder: Path, people: list[Person], done: Performance, out: Path, height: int, progress: Progress
) -> None:
    """Writes the video of a performance, seen by the camera that filmed the people, with images of this height [px]."""
    camera = Camera.load(folder / "2_world" / "camera.npz")
    fps = Keypoints.load(folder / "1_pose" / f"{people[0].name}.npz").fps
    cameras = film_cameras(camera, np.rint(done.times * fps).astype(int), height)
    bodies = [find_run(folder, person).character for person in people]
    there = (done.state == ACTING) | (done.state == FALLEN)
    with VideoWriter(out, done.fps, cameras[0].image_size) as video:
        for t, image in enumerate(draw_group(bodies, done.qpos, there, cameras)):
            video.write(image)
            progress(t + 1, len(cameras), "drawing")
