"""The command line: `python -m sfv COMMAND`.

A command is a function whose signature and docstring tyro turns into flags and help. Its module is imported when the
command is called, so that help appears at once and a command loads only what it needs.
"""

import errno
import importlib
import os
import sys
from collections.abc import Callable
from typing import Any

from rich.markup import escape
from rich.table import Table

from pose.errors import InputError, WorkError
from sfv import __version__
from sfv.backend import prepare_process
from sfv.console import console

COMMANDS = {
    "clip": ("sfv.commands.clip:clip", "video -> skill: the whole pipeline, resumable"),
    "retarget": ("sfv.commands.retarget:retarget", "a finished run's skill, learnt by another body"),
    "table": ("sfv.commands.table:table", "many videos through the pipeline: a row a skill"),
    "demo": ("sfv.demo.demo:demo", "a synthetic sample video with known truth"),
    "render": ("sfv.commands.render:render", "films of a finished run's motions, at any size"),
    "export": (
        "sfv.commands.export:export",
        "a finished run's motions (GLB, BVH, CSV, NPZ) and policy (ONNX), or skill to ship",
    ),
    "play": (
        "sfv.commands.play:play",
        "a skill, shipped or learnt, performed in simulation as a video; the list of them",
    ),
    "complete": ("sfv.commands.complete:complete_picture", "one picture in, a plausible physical motion out"),
    "learn": (
        "sfv.lecture.learn:run_learn",
        "one algorithm of the lecture on a small problem",
    ),
    "lecture": ("sfv.lecture.lecture:lecture", "all of them, compared: writes docs/policy_gradients.md"),
    "bench pose": ("sfv.bench.pose:bench_pose", "2D keypoints against truth; what share of real clips is seen"),
    "bench reconstruct": (
        "sfv.bench.reconstruct:bench_reconstruct",
        "accuracy of reference motions against truth",
    ),
    "bench retarget": ("sfv.bench.retarget:bench_retarget", "carry motions over to other bodies"),
    "bench draft": ("sfv.bench.draft:bench_draft", "perform a motion file by tracking control"),
    "bench physics": ("sfv.bench.physics:bench_physics", "speed of training and its parts against bare physics"),
    "bench loop": ("sfv.bench.loop:bench_loop", "speed of the training loop, under torchrun too"),
    "bench initial-states": (
        "sfv.bench.initial_states:bench_initial_states",
        "where episodes start: fixed, reference, adaptive",
    ),
    "bench train": ("sfv.bench.train:bench_train", "train on motion files and judge the policies"),
    "bench scene": ("sfv.bench.scene:bench_scene", "skills carried over to a slope, to gaps, to a box"),
    "bench complete": ("sfv.bench.complete:bench_complete", "is a picture's skill found, and the moment of it"),
    "character new": ("sfv.character_new:new_character", "a character of your own model: MJCF, URDF, folder of meshes"),
    "character list": ("sfv.character_list:list_characters", "the characters that there are"),
    "doctor": ("sfv.doctor:doctor", "what is there, what is missing, how to mend it"),
    "fetch": ("sfv.fetch:fetch", "get the pose network's weights and the sample video"),
}

EXIT_INPUT, EXIT_INTERRUPTED = 2, 130


def main(arguments: list[str] | None = None) -> None:
    """Runs one command and exits: 0 done, 2 the input cannot be used (one line says why), 130 interrupted."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if not arguments or arguments[0] in ("-h", "--help"):
        _print_help()
        sys.exit(0)
    if arguments[0] == "--version":
        print(__version__)
        sys.exit(0)
    words = 2 if arguments[0] in ("bench", "character") else 1
    command = " ".join(arguments[:words])
    if command not in COMMANDS:
        _fail(f"unknown command '{command}'; known ones: {', '.join(COMMANDS)}")
    prepare_process()
    try:
        if "TORCHELASTIC_RUN_ID" in os.environ:
            _run_in_group(command, arguments[words:])
        else:
            _run(command, arguments[words:])
    except (InputError, WorkError) as error:
        _fail(str(error))
    except KeyboardInterrupt:
        console.print("[yellow]stopped; the same command goes on from here[/yellow]")
        sys.exit(EXIT_INTERRUPTED)
    except BrokenPipeError:  # the reader, `head` for one, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        file = str(error.filename or "while writing").removeprefix("file:")
        _fail(f"no disk space left ({file}); free some, then the same command goes on")


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
    # `--scene slope` is short for `--scene.kind slope`.
    words = ["--scene.kind" + a.removeprefix("--scene") if a.split("=")[0] == "--scene" else a for a in arguments]
    tyro.cli(command, prog=f"python -m sfv {name}", args=words, config=(tyro.conf.OmitSubcommandPrefixes,))


def _fail(message: str) -> None:
    console.print(f"[bold red]error:[/bold red] {escape(' '.join(message.split()))}", soft_wrap=True)
    sys.exit(EXIT_INPUT)


def _print_help() -> None:
    console.print("[bold]A video of a person goes in, a physically simulated skill comes out.[/bold]\n")
    console.print("usage: python -m sfv COMMAND [OPTIONS]      (python -m sfv COMMAND --help tells the options)\n")
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 3))
    for name, (_, text) in COMMANDS.items():
        table.add_row(f"  [cyan]{name}[/cyan]", text)
    console.print(table)
    console.print(
        '\nfirst steps: [cyan]python -m sfv clip --video "my flip.mp4"[/cyan], or without a video for a sample'
    )
