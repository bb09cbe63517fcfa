"""A skill that goes ahead learns to walk over stairs, gaps and stepping stones by sight; its films and its files."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from imitate.env.config import EnvConfig
from imitate.scene.scene import CONTROL_HZ
from imitate.training.collect import Actor
from imitate.training.ppo import PPOConfig
from imitate.vision.depth_camera import CameraConfig
from imitate.vision.fitted_walk import list_feet
from imitate.vision.guide import CourseTask, GuideConfig, train_guide
from imitate.vision.imitation import ImitationConfig
from imitate.vision.networks import SeeingPolicy, Student
from imitate.vision.plans import Walk
from imitate.vision.regression import StudentConfig
from imitate.vision.scandots import place_dots
from imitate.vision.train import STUDENT, VisionTrainConfig, train_student, train_teacher
from imitate.vision.walking_course import KINDS
from imitate.vision.walking_env import CAMERA, DOTS, WalkingEnv, find_head
from imitate.vision.walking_setting import EVALUATION_SECONDS, WalkingSetting, actor_of, run_walks
from pose.errors import InputError
from pose.progress import Progress, silent
from sfv.console import bar, console
from sfv.drawing.rendering import follow, make_scenery, render_motion, write_side_by_side
from sfv.go1.eyes_film import SeenWalk, draw_dots, draw_inside
from sfv.run_folder import RUNS, lock_folder, make_folder
from sfv.skill import Skill, skills_named

COURSES = 48
"""How many courses a walk is planned and learnt on."""
FILM_SEED = 7
ASIDE = 0.8
"""Half of the width that courses are drawn with [m]."""
# From the side a wide course hides its steps and gaps.
ELEVATION = -14.0
"""Of the film's camera [deg]."""


@dataclass(frozen=True)
class WalkSightConfig:
    """How a walk learns to see."""

    skill: str = "walk"
    """A shipped skill, or a run's, that goes ahead on level ground."""
    seed: int = 0
    """Of weights, courses and noise."""
    guide_samples: int = 2_000_000
    """Control steps of the guide's PPO."""
    imitation_samples: int = 1_000_000
    """Control steps in which the teacher imitates the guide."""
    student_samples: int = 500_000
    """Control steps of the student."""
    courses: int = COURSES
    """That it learns on."""
    drafts: int = 2
    """Plans of each course with stairs that tracking control performs for the guide."""

    def to_training(self, env: WalkingEnv, map: str = "true") -> VisionTrainConfig:
        """The options of teacher and student; `map` is what the teacher is given, true or none."""
        return VisionTrainConfig(
            seed=self.seed,
            layout=env.make_layout(map),
            imitation=ImitationConfig(samples=self.imitation_samples, noise=0.2),
            samples=0,
            num_envs=128,
            ppo=PPOConfig(),
            camera=CAMERA,
            student=StudentConfig(samples=self.student_samples),
            blank=0.0 if map == "none" else 0.1,
        )


def find_walk(name: str) -> Skill:
    """The skill on level ground that is to see.

    Raises:
      InputError: there is none, it adapts, was learnt on other ground, does not go ahead, or its body has no head or
        no two feet with heel and toe.
    """
    found = [skill for skill in skills_named(name) if not skill.adaptive and skill.scene.kind == "flat"]
    own = [skill for skill in found if skill.reference.character == "humanoid"] or found
    if not own:
        raise InputError(f"'{name}' has not been learnt on level ground; a walk on the plane can learn to see")
    Walk.of(own[0].reference, own[0].character)
    list_feet(own[0].character)
    find_head(own[0].character.model)
    return own[0]


def make_task(config: WalkSightConfig, skill: Skill, folder: Path) -> CourseTask:
    """The walk over the courses of its training."""
    return CourseTask(
        skill.character,
        skill.reference,
        courses=config.courses,
        seed=config.seed,
        plans_folder=folder / "plans",
    )


def learn_guide(config: WalkSightConfig, folder: Path, progress: Progress = silent) -> WalkingSetting:
    """Plans and guide; what the folder has is gone on with."""
    skill = find_walk(config.skill)
    task = make_task(config, skill, folder)
    options = GuideConfig(minutes=600.0, samples=config.guide_samples, drafts=config.drafts)
    guide = train_guide(skill.plain_policy, task, options, folder / "guide", config.seed, progress, skill.name)
    return WalkingSetting(task, guide)


def learn_walk_by_sight(config: WalkSightConfig, folder: Path) -> None:
    """Plans, guide, teacher and student, one after the other; writes a film."""
    make_folder(folder)
    with lock_folder(folder):
        begin = time.monotonic()
        with bar(f"{config.skill}'s guide") as progress:
            setting = learn_guide(config, folder, progress)
        training = config.to_training(setting.make_env(1, 0))
        with bar(f"{config.skill}'s teacher") as progress:
            teacher = train_teacher(training, folder, progress, setting)
        with bar(f"{config.skill}'s eyes") as progress:
            student = train_student(training, teacher, folder, progress, setting)
        with console.status("walking over courses that it has never seen"):
            result = run_walks(actor_of(student), setting.task, config.seed, 33, student.camera)
        film = folder / "eyes.mp4"
        with bar(film.name) as progress:
            write_walk_film(actor_of(student), setting.task, film, student.camera, progress=progress)
    console.print(
        f"[bold]{folder / STUDENT}[/bold]: {result.completed.mean():.0%} of {len(result.kind)} courses of stairs, gaps "
        f"and stones completed in at most {EVALUATION_SECONDS:g} s each; {time.monotonic() - begin:.0f} s in all\n"
        f"{film}: each kind of obstacle, beside it what the camera sees",
        soft_wrap=True,
    )


def shipped_eyes(skill: Skill) -> Path:
    """The folder of the eyes that come with a skill; it need not exist."""
    return skill.policy_path.parent / "eyes"


def load_shipped_eyes(name: str) -> tuple[Student, str]:
    """The student that comes with a skill, and how it was made.

    Raises:
      InputError: none come with it.
    """
    folder = shipped_eyes(find_walk(name))
    if not (folder / STUDENT).is_file():
        raise InputError(f"no eyes come with '{name}'; leave --shipped out, and it learns to see")
    note = json.loads((folder / "note.json").read_text(encoding="utf-8"))
    return Student.load(folder / STUDENT), str(note["made"])


def load_walk_sight(name: str) -> tuple[CourseTask, Student]:
    """The walk of a skill, and the student that `sfv see --skill` left in runs/, or else the shipped one.

    Raises:
      InputError: there is none, or it is another body's.
    """
    skill = find_walk(name)
    own = RUNS / f"{Path(name).name}_sight" / STUDENT
    shipped = shipped_eyes(skill) / STUDENT
    file = shipped if shipped.is_file() and not own.is_file() else own
    if not file.is_file():
        raise InputError(f"{own}: '{name}' cannot see yet; let it learn: sfv see --skill {name}")
    student = Student.load(file)
    if student.layout.body != skill.reference.character:
        raise InputError(f"{file}: these are the eyes of {student.layout.body}, not of {skill.reference.character}")
    return make_task(WalkSightConfig(name), skill, own.parent), student


def task_of_film(task: CourseTask) -> CourseTask:
    """The walk over one course of each kind."""
    return replace(task, courses=len(KINDS), seed=FILM_SEED, planned=False)


def walk_over(
    make_actor: Callable[[WalkingEnv], Actor], task: CourseTask, seconds: float, camera: CameraConfig
) -> list[SeenWalk]:
    """Lets one person walk over a course of each kind.

    Args:
      make_actor: makes what acts.
      task: the walk.
      seconds: longest time [s].
      camera: on the head.
    """
    count, task = len(KINDS), task_of_film(task)
    env = WalkingEnv(task, EnvConfig(tracking_threshold=float("inf")), count, FILM_SEED, camera, seconds)
    env.start(np.arange(count), np.random.default_rng(FILM_SEED))
    actor, steps = make_actor(env), list[tuple[np.ndarray, ...]]()
    ends = np.full(count, round(seconds * CONTROL_HZ))
    fell, arrived = np.zeros((2, count), dtype=bool)
    for step in range(round(seconds * CONTROL_HZ)):
        result = env.step(actor.act(env.observe()))
        qpos = env.sim.qpos.copy()
        places = place_dots(qpos[:, :2], np.zeros(count), DOTS)
        dots = np.concatenate([places, env.sim.ground.height(places)[..., None]], axis=-1)
        position, rotation = env.head_pose()
        steps.append((qpos, env.eyes.pictures.copy(), dots, position.copy(), rotation.copy()))
        over = result.done & (ends > step)
        ends[over], fell[over] = step + 1, result.terminated[over]
        arrived[over] = env.has_arrived[over] & ~fell[over]
        if (ends <= step + 1).all():
            break
    arrays = [np.array(values) for values in zip(*steps, strict=True)]
    qpos, pictures, dots, position, rotation = arrays

    def of(k: int) -> SeenWalk:
        own = slice(0, int(ends[k])), k
        shown = qpos[own], pictures[own], dots[own], position[own], rotation[own]
        return SeenWalk(env.sim.model, *shown, bool(fell[k]), bool(arrived[k]))

    return [of(k) for k in range(count)]


def write_walk_film(
    make_actor: Callable[[WalkingEnv], Actor],
    task: CourseTask,
    out: Path,
    camera: CameraConfig,
    seconds: float = 12.0,
    size: tuple[int, int] = (640, 480),
    progress: Progress = silent,
) -> dict[str, SeenWalk]:
    """Writes the film of a walk over each kind of obstacle, one after another; returns the walks by kind."""
    walks, shown = walk_over(make_actor, task, seconds, camera), task_of_film(task)
    out.parent.mkdir(parents=True, exist_ok=True)

    def draw(paint: Callable[[SeenWalk], Iterator[np.ndarray]]) -> Iterator[np.ndarray]:
        return (image for walk in walks for image in paint(walk))

    def draw_outside(walk: SeenWalk) -> Iterator[np.ndarray]:
        track = follow(walk.qpos, CONTROL_HZ, task.character.height, ground=shown.ground)
        track = replace(track, elevation=ELEVATION)
        scenery, dots = make_scenery(shown, ASIDE), partial(draw_dots, walk)
        return render_motion(task.character, walk.qpos, CONTROL_HZ, track, size, scenery, balls=dots)

    outside = draw(draw_outside)
    inside = draw(lambda walk: draw_inside(walk, 1, size, camera))
    labels = ["walk and its scandots", "what its camera sees, scandots drawn in"]
    total = sum(len(walk.qpos) for walk in walks)
    write_side_by_side([outside, inside], labels, CONTROL_HZ, out, size[1], progress, total)
    return dict(zip(KINDS, walks, strict=True))


def blind_policy(config: WalkSightConfig, setting: WalkingSetting, folder: Path, progress: Progress) -> SeeingPolicy:
    """The same teacher without scandots."""
    training = config.to_training(setting.make_env(1, 0), "none")
    return train_teacher(training, folder / "blind", progress, setting)
