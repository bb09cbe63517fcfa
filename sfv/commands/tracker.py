"""`python -m sfv tracker`: clips of motion capture, tracked once and kept, and one policy that learns from them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro
from rich.table import Table

from imitate.policy import Policy
from imitate.tracker.evaluation import load_tracker
from imitate.tracker.prepare import (
    TEST,
    TRAINING,
    PrepareConfig,
    Prepared,
    count_results,
    load_clips,
    prepare_clips,
    read_notes,
)
from imitate.tracker.segments import KINDS, OTHER, read_list
from imitate.tracker.train import TRACKER, CloneConfig, clone_policy
from imitate.tracker.world_train import WorldConfig, train_through_model
from pose.errors import InputError
from pose.progress import Progress
from reconstruct.characters.character import Character, load_character
from reconstruct.formats.mocap_archive import MocapArchive
from sfv.commands.tracker_improve import describe_following, make_tasks
from sfv.console import bar, console
from sfv.library import library_skills, make_library, prepare_library
from sfv.run_folder import lock_folder, make_folder


@dataclass(frozen=True)
class TrackerPrepareConfig:
    """Where the clips are, and where they go."""

    archive: Path
    """The folder or .tar.xz of the archive cmu24, motion capture of CMU's."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = Path("runs/tracker")
    """Folder of the prepared segments."""
    listed: Path | None = None
    """A table of clips to prepare first: skill, clip, start, end, kind; assets/library/clips.csv for the library."""
    library: bool = False
    """Skills of the library to learn from as well, as they were performed, a second each."""
    character: str = "humanoid"
    """Body that is to follow them."""
    prepare: Annotated[PrepareConfig, tyro.conf.arg(name="")] = field(default_factory=PrepareConfig)


def prepare_tracker(config: Annotated[TrackerPrepareConfig, tyro.conf.arg(name="")]) -> None:
    """Retargets clips of motion capture, leaves out what needs objects, tracks each once; the same command goes on."""
    prepare, character = config.prepare.check(), load_character(config.character)
    if config.library and config.character != "humanoid":
        raise InputError(f"--library: its skills are the humanoid's, not those of '{config.character}'; leave it out")
    archive = MocapArchive.open(config.archive)
    listed = list(read_list(config.listed).values()) if config.listed else []
    make_folder(config.out)
    with lock_folder(config.out), bar("tracker prepare") as progress:
        prepare_clips(archive, character, config.out, prepare, progress, listed)
        if config.library:
            prepare_library(config.out, progress)
    show_notes(config.out)


@dataclass(frozen=True)
class TrackerTrainConfig:
    """What is learnt from, and how."""

    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = Path("runs/tracker")
    """Folder that sfv tracker prepare wrote; the policy, tracker.pt, goes there."""
    clips: int | None = None
    """Most clips to learn from, of all kinds; default all that are there."""
    train: Annotated[CloneConfig, tyro.conf.arg(name="")] = field(default_factory=CloneConfig)


Train = Callable[[Character, list[Prepared], Progress], Policy]


def train_tracker(config: Annotated[TrackerTrainConfig, tyro.conf.arg(name="")]) -> None:
    """One policy learns to follow all prepared clips; Ctrl-C keeps what it has learnt, more --minutes go on."""
    train, out = config.train.check(), config.out
    run_training(lambda body, clips, progress: clone_policy(body, clips, out, train, progress), out, config.clips)


def run_training(train: Train, folder: Path, count: int | None) -> None:
    """Trains a tracker on the clips of a folder in one of the ways, and prints how it follows them.

    Args:
      train: the way; of a body and its clips it makes a policy.
      folder: that sfv tracker prepare wrote.
      count: the most clips; None for all.
    """
    clips = load_clips(folder, count=count)
    tasks = make_tasks(clips)
    with lock_folder(folder), bar("tracker train") as progress:
        policy = train(tasks[0].character, clips, progress)
    found = describe_following(policy, tasks)
    console.print(f"{folder / TRACKER}: {found}; held-out clips: sfv bench tracker --out {folder}")


@dataclass(frozen=True)
class TrackerWorldConfig:
    """What is learnt from, and how."""

    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = Path("runs/tracker_world")
    """Folder that sfv tracker prepare wrote, or a copy of it; the policy, tracker.pt, goes there."""
    clips: int | None = None
    """Most clips to learn from, of all kinds; default all that are there."""
    begin: Path | None = None
    """File of a tracker that goes on learning, such as that of sfv tracker train; default one that knows nothing."""
    train: Annotated[WorldConfig, tyro.conf.arg(name="")] = field(default_factory=WorldConfig)


def train_tracker_world(config: Annotated[TrackerWorldConfig, tyro.conf.arg(name="")]) -> None:
    """The same through a learned model of the physics instead of by cloning; Ctrl-C keeps what it has learnt."""
    train, out = config.train.check(), config.out
    begin = None if config.begin is None else load_tracker(config.begin)
    run_training(
        lambda body, clips, progress: train_through_model(body, clips, out, train, progress, begin), out, config.clips
    )


def make_tracker_library(
    prepared: Annotated[Path, tyro.conf.arg(aliases=["-i"])] = Path("runs/tracker"),
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = Path("runs/library"),
) -> None:
    """Makes the library of skills that ship: physical rollouts of prepared clips that are performed well enough.

    Args:
      prepared: folder that sfv tracker prepare wrote, with --listed assets/library/clips.csv.
      out: folder of the library; assets/library in a checkout.
    """
    make_folder(out)
    with lock_folder(out), bar("tracker library") as progress:
        left_out = make_library(prepared, out, progress=progress)
    for name, why in left_out.items():
        console.print(f"left out: {name}, {why}")
    console.print(f"{out}: {sum(1 for _ in library_skills(out))} skills")


def show_notes(folder: Path) -> None:
    """Prints how many segments of each kind came to which end."""
    for part in (TRAINING, TEST):
        notes = read_notes(folder / part)
        table = Table(title=part, box=None, title_justify="left")
        results = count_results(notes)
        for column in ("kind", *results):
            table.add_column(column, justify="left" if column == "kind" else "right")
        for kind in (*KINDS, OTHER):
            own = count_results([note for note in notes if note["kind"] == kind])
            table.add_row(kind, *map(str, own.values()))
        table.add_row("all", *map(str, results.values()))
        console.print(table)
