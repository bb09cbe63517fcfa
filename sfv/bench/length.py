"""`python -m sfv bench length`: memory and time of a film of minutes, up to its motion."""

import json as json_format
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import av
import cv2
import tyro

from pose.errors import InputError, WorkError
from pose.files import replace_file
from pose.video import VideoWriter, probe, read_frames
from sfv.bench.campaign.processes import MARK, find_marked, measure_memory
from sfv.bench.length_work import FORECAST
from sfv.bench.resume import hash_sources
from sfv.console import bar
from sfv.demo.demo import make_demo
from sfv.forecast import Forecast
from sfv.installation import ROOT
from sfv.parent import VARIABLE
from sfv.rows import Row, show
from sfv.stage import write_json

SHORT_SECONDS = 10.0
"""Length of the film that the long one is compared with [s]."""
MOST_MB = 3000.0
"""Memory that a film of any length may take."""
GROWTH = 1.25
"""Time a frame of the long film, over that of the short one, that is meant to be the same."""
PAUSE = 0.25
"""Between two looks at the memory [s]."""
STAGES = {"pose": "1_pose", "motion": "2_motion/humanoid"}
SOURCES = {"pose": ("pose",), "motion": ("pose", "reconstruct")}
"""Packages whose change makes a stage's measurement a new one."""
HEIGHT = 360
"""Of the film [px]: what it costs to decode and encode is not what is measured."""


def bench_length(
    minutes: float = 10.0,
    model_size: Literal["heavy", "full", "lite"] = "heavy",
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = Path("runs/length"),
    json: bool = False,
) -> None:
    """Films a walk to and fro for minutes, makes keypoints and motion as `sfv clip` does; goes on where it stopped.

    Args:
      minutes: length of the film [min].
      model_size: of the pose network.
      out: folder that keeps films and runs.
      json: one JSON object on standard output instead of a table.
    """
    if not sys.platform.startswith("linux"):
        raise InputError("the memory of all processes together is read from /proc; run it on Linux")
    if not 1.0 <= minutes <= 120.0:
        raise InputError(f"--minutes {minutes:g} is not in 1 to 120")
    found = list[Measured]()
    for seconds in (SHORT_SECONDS, 60.0 * minutes):
        film = out / f"walk_{seconds:.0f}s.mp4"
        if not film.is_file():
            with bar(f"film of {seconds:.0f} s"):
                make_long_film(film, seconds)
        run = out / f"{film.stem}_{model_size}"
        with bar(f"{film.stem} {model_size}"):
            found.append(measure(film, run, model_size))
    show("length", make_rows(*found), json)


def make_long_film(path: Path, seconds: float) -> None:
    """The skinned person of the demo walks to and fro, filmed once; the same pictures come again as they are encoded.

    Args:
      path: the mp4.
      seconds: its length at least, whole times to and fro.
    """
    once, there = path.with_name("walk.mp4"), path.with_name("to_and_fro.mp4")
    make_demo("walk", once)
    info = probe(once)
    size = round(info.width * HEIGHT / info.height), HEIGHT
    images = [cv2.resize(image, size, interpolation=cv2.INTER_AREA) for _, image in read_frames(once)]
    with VideoWriter(there, info.fps, size) as video:
        for image in images + images[-2:0:-1]:
            video.write(image)
    with replace_file(path) as temporary, av.open(str(there)) as source:
        kept = source.streams.video[0]
        with av.open(str(temporary), "w", format="mp4") as film:
            stream, length, tick = film.add_stream_from_template(kept), kept.duration, kept.time_base
            assert length and tick
            for number in range(-(-int(seconds / tick) // length)):
                source.seek(0)
                for packet in source.demux(kept):
                    if packet.dts is not None and packet.pts is not None:
                        packet.pts, packet.dts = packet.pts + number * length, packet.dts + number * length
                        packet.stream = stream
                        film.mux(packet)


@dataclass(frozen=True)
class Measured:
    """What a film took."""

    frames: int
    seconds: dict[str, float]
    """Wall clock of each of `STAGES` [s]."""
    cpu_seconds: dict[str, float]
    """Processor time of all its processes [s]."""
    peak_mb: dict[str, float]
    """Most memory of all processes together in each, what they share counted once."""
    forecast: Forecast | None = None


def measure(film: Path, run: Path, size: str) -> Measured:
    """Makes keypoints and motion of a film in processes of their own, and watches their memory.

    Args:
      film: to read.
      run: folder that keeps the stages, and the most memory so far.
      size: of the pose network.

    Raises:
      WorkError: it did not end well.
    """
    mark, kept = f"length-{os.getpid()}", run / "memory.json"
    peak = begin_or_go_on(run, kept)
    environment = os.environ | {MARK: mark, VARIABLE: "yes", "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-m", "sfv.bench.length_work", str(film), str(run), size]
    with subprocess.Popen(words, env=environment, stdin=subprocess.PIPE) as process:  # it ends with this one
        while process.poll() is None:
            stage = next((name for name, folder in STAGES.items() if (run / f"{folder}.partial").is_dir()), None)
            used = sum(map(measure_memory, find_marked(mark)))
            if stage is not None and used > peak[stage]["mb"]:
                peak[stage]["mb"] = used
                write_json(kept, peak)
            time.sleep(PAUSE)
    if process.returncode != 0:
        raise WorkError(f"{film}: its keypoints and motion ended with exit code {process.returncode}, see above")
    return read_measured(run, {name: one["mb"] for name, one in peak.items()})


def begin_or_go_on(run: Path, kept: Path) -> dict[str, dict[str, Any]]:
    """The most memory of each stage so far; stages that another program made, or nobody watched, are removed.

    Args:
      run: folder of the run.
      kept: file that keeps the memory.
    """
    before = json_format.loads(kept.read_text(encoding="utf-8")) if kept.is_file() else {}
    peak = {name: {"program": hash_sources(*packages), "mb": 0.0} for name, packages in SOURCES.items()}
    for name, one in peak.items():
        if before.get(name, {}).get("program") == one["program"]:
            peak[name] = before[name]
        else:
            for folder in (run / STAGES[name], run / f"{STAGES[name]}.partial"):
                shutil.rmtree(folder, ignore_errors=True)
    run.mkdir(parents=True, exist_ok=True)
    return peak


def read_measured(run: Path, peak_mb: dict[str, float]) -> Measured:
    """What the stages of a run note of themselves, and the most memory of each [MB]."""
    made = {
        name: json_format.loads((run / folder / "stage.json").read_text(encoding="utf-8"))
        for name, folder in STAGES.items()
    }
    said = run / FORECAST
    return Measured(
        made["pose"]["metrics"]["frames"],
        {name: one["seconds"] for name, one in made.items()},
        {name: one["cpu_seconds"] for name, one in made.items()},
        peak_mb,
        Forecast(**json_format.loads(said.read_text(encoding="utf-8"))) if said.is_file() else None,
    )


def make_rows(short: Measured, long: Measured) -> list[Row]:
    """Memory, time a frame and what was forecast."""
    per_frame = [1000.0 * sum(one.cpu_seconds.values()) / one.frames for one in (short, long)]
    parts = [
        ", ".join(f"{name} {1000.0 * one.cpu_seconds[name] / one.frames:.0f}" for name in STAGES)
        for one in (short, long)
    ]
    peaks = ", ".join(f"{name} {long.peak_mb[name]:.0f}" for name in STAGES)
    rows = [
        Row("long_frames", float(long.frames), "", 1),
        Row("long_peak_mb", max(long.peak_mb.values()), "MB", 1, goal=MOST_MB, note=f"all processes; {peaks}"),
        Row("short_peak_mb", max(short.peak_mb.values()), "MB", 1, note=f"{short.frames} frames"),
        Row(
            "long_ms_per_frame", per_frame[1], "ms", long.frames, baseline=per_frame[0],
            note=f"processor time; {parts[1]}; of {short.frames} frames {parts[0]}",
        ),
        Row("long_growth", per_frame[1] / per_frame[0], "", 1, goal=GROWTH),
    ]  # fmt: skip
    if long.forecast is None:
        return [*rows, Row("forecast_minutes", None, "min", note="the film is too short for one")]
    foreseen = {"pose": long.forecast.pose_seconds, "motion": long.forecast.motion_seconds}
    took, said = sum(long.seconds.values()), sum(foreseen.values())
    each = ", ".join(f"{name} {foreseen[name] / 60:.1f} of {long.seconds[name] / 60:.1f}" for name in STAGES)
    return [
        *rows,
        Row("forecast_minutes", said / 60.0, "min", 1, baseline=took / 60.0, note=f"before and in fact: {each}"),
        Row("forecast_error", said / took - 1.0, "", 1, goal=0.3, note="either way"),
    ]
