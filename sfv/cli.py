"""The command line: `sfv COMMAND`, or `python -m sfv COMMAND`.

A command is a function whose signature and docstring tyro turns into flags and help. Its module is imported when the
command is called, so that help appears at once and a command loads only what it needs. This file, `sfv/doctor.py`,
`sfv/exit_codes.py` and `sfv/installation.py` need the standard library alone: they help where nothing is installed yet.
"""

import errno
import importlib
import io
import os
import signal
import sys
from collections.abc import Callable
from difflib import get_close_matches
from typing import Any, NoReturn

from sfv import __version__
from sfv.exit_codes import EXIT_INPUT, EXIT_INTERRUPTED
from sfv.installation import PACKAGES, find_clash, setup_command

COMMANDS = {
    "clip": ("sfv.commands.clip:clip", "video -> skill: the whole pipeline, resumable"),
    "retarget": ("sfv.commands.retarget:retarget", "a finished run's skill, learnt by another body"),
    "adapt": ("sfv.commands.adapt:adapt", "a skill learns to adapt: loads, weak muscles, ice, slopes, pushes"),
    "adapt go1": ("sfv.go1.adapt:adapt_go1", "a quadruped learns to walk and to adapt (RMA)"),
    "see": ("sfv.sight.see:see", "a quadruped or a person learns to walk over stairs and stones by a depth camera"),
    "tracker prepare": (
        "sfv.commands.tracker:prepare_tracker",
        "clips of motion capture made ready for a tracker to learn from",
    ),
    "tracker train": (
        "sfv.commands.tracker:train_tracker",
        "one policy learns to follow all prepared clips",
    ),
    "tracker improve": (
        "sfv.commands.tracker_improve:improve_trained",
        "the policy of tracker train goes on learning, by PPO",
    ),
    "tracker world": (
        "sfv.commands.tracker:train_tracker_world",
        "one policy learns to follow them through a learned model of the physics",
    ),
    "tracker library": (
        "sfv.commands.tracker:make_tracker_library",
        "the library of skills, made of prepared clips",
    ),
    "table": ("sfv.commands.table:table", "many videos through the pipeline: a row a skill"),
    "demo": ("sfv.demo.demo:demo", "a synthetic sample video with known truth"),
    "render": ("sfv.commands.render:render", "films of a finished run's motions, at any size"),
    "export": (
        "sfv.commands.export:export",
        "a finished run's motions (GLB, BVH, CSV, NPZ, TRC, AMASS) and policy (ONNX), or skill to ship",
    ),
    "play": ("sfv.commands.play:play", "performs a shipped or learnt skill as a video; lists them"),
    "live": (
        "sfv.commands.live:live",
        "skills simulated live in a browser page: push, throw, switch; one file to mail",
    ),
    "complete": ("sfv.commands.complete:complete", "one picture in, a plausible physical motion out"),
    "app": ("sfv.app.app:app", "the whole tool as a local page in the browser"),
    "learn": (
        "sfv.lecture.learn:run_learn",
        "one algorithm of the lecture on a small problem",
    ),
    "learn pong": ("sfv.lecture.pong:learn_pong", "A3C, A2C or PPO learns Pong from pixels, in hours"),
    "lecture": (
        "sfv.lecture.lecture:lecture",
        "all algorithms of the lecture, compared: writes docs/policy_gradients.md",
    ),
    "bench live": ("sfv.bench.live:bench_live", "skills in the live page, compared with the same in Python"),
    "bench adapt": ("sfv.bench.adapt:bench_adapt", "RMA's table of results: robots in physics that changes"),
    "bench adapt-skill": (
        "sfv.bench.adapt_skill:bench_adapt_skill",
        "a skill that adapts, beside the plain one: loads, ice, slopes, weak muscles, pushes",
    ),
    "bench robot": ("sfv.bench.robot:bench_robot", "exported skills on a robot's original model, with noise and delay"),
    "bench vision": (
        "sfv.bench.vision:bench_vision",
        "how far a quadruped or a person gets by a depth camera, by a map, and blind",
    ),
    "bench pose": ("sfv.bench.pose:bench_pose", "2D keypoints against truth, and coverage of real clips"),
    "bench people": (
        "sfv.bench.people:bench_people",
        "which of several people is followed, playback speed, and two people in one world",
    ),
    "bench camera": (
        "sfv.bench.camera:bench_camera",
        "a person's motion in the world, filmed by a moving camera",
    ),
    "bench reconstruct": (
        "sfv.bench.reconstruct:bench_reconstruct",
        "accuracy of reference motions against truth",
    ),
    "bench height": ("sfv.bench.height:bench_height", "heights found in films of people of known height"),
    "bench silhouette": ("sfv.bench.silhouette:bench_silhouette", "what the pose network's mask adds to a motion"),
    "bench retarget": ("sfv.bench.retarget:bench_retarget", "accuracy of motions retargeted to other bodies"),
    "bench bodies": ("sfv.bench.bodies:bench_bodies", "models of a folder made characters, and a walk on each"),
    "bench files": ("sfv.bench.files:bench_files", "motion and keypoint files of a folder, and copies read back"),
    "bench draft": ("sfv.bench.draft:bench_draft", "perform a motion file by tracking control"),
    "bench tracker": (
        "sfv.bench.tracker:bench_tracker",
        "one policy that follows any motion: clips it learnt from, and held-out ones",
    ),
    "bench tracker-ways": (
        "sfv.bench.tracker_ways:bench_tracker_ways",
        "three ways to learn it, on the same clips, by the same clock",
    ),
    "bench physics": ("sfv.bench.physics:bench_physics", "speed of training and its parts against bare physics"),
    "bench loop": ("sfv.bench.loop:bench_loop", "speed of the training loop, under torchrun too"),
    "bench initial-states": (
        "sfv.bench.initial_states:bench_initial_states",
        "distributions of initial states compared: fixed, reference, adaptive",
    ),
    "bench train": ("sfv.bench.train:bench_train", "train on motion files and evaluate the policies"),
    "bench scene-from-video": (
        "sfv.bench.scene_from_video:bench_scene_from_video",
        "objects that carry people, found in films of known scenes",
    ),
    "bench scene": ("sfv.bench.scene:bench_scene", "skills on a slope, over gaps, with a box"),
    "bench complete": (
        "sfv.bench.complete:bench_complete",
        "how often the skill and the moment in a picture are found",
    ),
    "bench reliability": (
        "sfv.bench.reliability:bench_reliability",
        "damaged and hostile files for every reader, kills at random moments",
    ),
    "bench length": ("sfv.bench.length:bench_length", "memory and time of keypoints and motion of a ten-minute film"),
    "bench scale": (
        "sfv.bench.scale:bench_scale",
        "a Ray cluster that loses a machine, and a thousand machines, simulated",
    ),
    "character new": (
        "sfv.commands.character_new:new_character",
        "makes a character of your own model: MJCF, URDF, folder of meshes",
    ),
    "character list": ("sfv.commands.character_list:list_characters", "lists the characters"),
    "doctor": ("sfv.doctor:doctor", "checks this machine and names the command that mends it"),
    "fit-lifter": (
        "sfv.lifter.fit_lifter:fit_lifter",
        "trains the network that reads the depth of limbs, from motion capture",
    ),
    "fetch": ("sfv.commands.fetch:fetch", "downloads the pose network's weights and the sample video"),
}

SURROUNDINGS = {
    errno.ENOSPC: ("no disk space left", "free some"),
    getattr(errno, "EDQUOT", errno.ENOSPC): ("no disk space left", "free some"),
    errno.EFBIG: ("a file grows larger than this system lets it", "raise the limit (ulimit -f)"),
    errno.EACCES: ("no permission", "change that, or give another folder"),
    errno.EPERM: ("no permission", "change that, or give another folder"),
    errno.EISDIR: ("a folder, where a file is to be written", "give another name"),
    errno.ENOTDIR: ("a file lies where a folder is to be", "give another folder"),
    errno.EEXIST: ("a file lies where a folder is to be", "give another folder"),
    errno.EROFS: ("read-only", "give another folder"),
    errno.ENAMETOOLONG: ("a name is too long for this system", "give a shorter one"),
    errno.EMFILE: ("too many open files", "raise the limit (ulimit -n)"),
    errno.EBUSY: ("another process works there", "wait for its end"),
    errno.EIO: ("the disk or the network drive fails", "look after it"),
}
"""Faults of the machine and not of the program: what is wrong, and what to do."""


SHORT = {"--scene": "--scene.kind", "--camera": "--reconstruct.camera"}
"""Options that stand for a longer one: `--scene slope` for `--scene.kind slope`."""


def main(arguments: list[str] | None = None) -> None:
    """Runs one command and exits: 0 done, 2 the input cannot be used (one line says why), 130 interrupted."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        try:
            print_help()
            sys.stdout.flush()
        except BrokenPipeError:
            _leave_pipe()
        sys.exit(0)
    if arguments[0] == "--version":
        print(__version__)
        sys.exit(0)
    clash = find_clash()
    if clash:
        _fail(clash)
    words = 2 if arguments[0] in ("bench", "character") or " ".join(arguments[:2]) in COMMANDS else 1
    command = " ".join(arguments[:words])
    if command not in COMMANDS:
        _fail(f"unknown command '{command}'; {suggest_commands(arguments[0], command)}")
    if command == "doctor":  # without tyro: it must run where no package is installed
        _run_doctor(arguments[words:])
    else:
        _run_guarded(command, arguments[words:])


def _leave_pipe() -> NoReturn:
    """Ends the program where the reader of its output, `head` for one, has seen enough."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(1)


def _run_doctor(arguments: list[str]) -> None:
    from sfv.doctor import doctor

    if arguments:
        print(f"usage: sfv doctor\n\n{doctor.__doc__}")
        sys.exit(0 if arguments[0] in ("-h", "--help") else EXIT_INPUT)
    doctor()


def _run_guarded(command: str, arguments: list[str]) -> None:
    """Runs a command and turns the errors that are meant for the user into one line and an exit code."""
    from pose.errors import InputError, WorkError
    from sfv.backend import check_gl, prepare_process
    from sfv.parent import end_with_parent

    prepare_process()
    fault = check_gl()
    if fault:
        _fail(fault)
    end_with_parent()
    _end_by_interrupt()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal that knows no umlauts ends no command
    try:
        if "TORCHELASTIC_RUN_ID" in os.environ:
            _run_in_group(command, arguments)
        else:
            _run(command, arguments)
    except (InputError, WorkError) as error:
        _fail(str(error))
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
        sys.exit(EXIT_INTERRUPTED)
    except BrokenPipeError:
        _leave_pipe()
    except ModuleNotFoundError as error:
        if not error.name or error.name.split(".")[0] in ("sfv", *PACKAGES):
            raise
        _fail(f"the package '{error.name}' is not installed for {sys.executable}; mend it with: {setup_command()}")
    except MemoryError:
        _fail("not enough memory; give a shorter part (START, END), fewer --workers, or close other programs")
    except OSError as error:
        if error.errno not in SURROUNDINGS:
            raise
        file = str(error.filename2 or error.filename or "while writing").removeprefix("file:")
        what, mend = SURROUNDINGS[error.errno]
        _fail(f"{what} ({file}); {mend}, then the same command goes on")


def _end_by_interrupt() -> None:
    """A system that shuts down, and a terminal that closes, end a command as Ctrl-C does: it saves first.

    What the user wants ignored (`nohup`) stays ignored.
    """

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, interrupt)


def _run_in_group(name: str, arguments: list[str]) -> None:
    """Under torchrun: one process runs the command, the others train with it."""
    from imitate.training.torchrun import join_torchrun

    with join_torchrun() as is_main:
        if is_main:
            _run(name, arguments)
    # All is saved. Python's orderly end is left out: gloo's threads, still running, have been seen to abort it.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _run(name: str, arguments: list[str]) -> None:
    import tyro

    module, function = COMMANDS[name][0].split(":")
    command: Callable[..., Any] = getattr(importlib.import_module(module), function)
    words = [SHORT.get(a.split("=")[0], a.split("=")[0]) + a[len(a.split("=")[0]) :] for a in arguments]
    tyro.cli(command, prog=f"sfv {name}", args=words, config=(tyro.conf.OmitSubcommandPrefixes,))


def _fail(message: str) -> None:
    line = "error: " + " ".join(message.split())
    print(f"\033[1;31m{line}\033[0m" if sys.stderr.isatty() and os.name != "nt" else line, file=sys.stderr)
    sys.exit(EXIT_INPUT)


def suggest_commands(first: str, command: str) -> str:
    """What may have been meant by an unknown command: those of its group, or of a similar name."""
    group = [name for name in COMMANDS if name.startswith(f"{first} ")]
    near = get_close_matches(command, COMMANDS, 3, 0.7)
    if group:
        return f"known ones: {', '.join(group)}"
    return f"did you mean {' or '.join(near)}? sfv --help lists all" if near else "sfv --help lists all"


def print_help() -> None:
    """Prints the list of commands."""
    print("A video of a person goes in, a physically simulated skill comes out.\n")
    print("usage: sfv COMMAND [OPTIONS]      (sfv COMMAND --help lists the options; sfv is also python -m sfv)\n")
    width = max(map(len, COMMANDS))
    for name, (_, text) in COMMANDS.items():
        print(f"  {name:{width}}   {text}")
    print('\nfirst steps: sfv clip --video "my flip.mp4", or sfv clip for a sample; sfv doctor if something is missing')
