"""`python -m sfv table`: a row for each of many videos, each through the whole pipeline."""

import csv
import json
import statistics
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from pose.cores import usable_cores
from pose.errors import InputError
from pose.files import replace_file
from pose.video import FILM_ENDINGS, probe
from sfv import __version__
from sfv.cluster.local import LocalEngine
from sfv.cluster.unit import Engine, Unit, run_units
from sfv.console import bar, console
from sfv.page_template import render_page
from sfv.report import show_films, verdict
from sfv.rows import describe_machine
from sfv.run_folder import lock_folder, make_folder, run_name
from sfv.stage import list_finished

STAGES = ("1_pose", "2_motion", "3_draft", "3_policy", "4_result")
TEMPLATE = Path(__file__).with_name("table.html")


@dataclass(frozen=True)
class TableRow:
    """What became of one video: the metrics of its runs, one a seed."""

    video: Path
    seconds: float
    """Length of the video [s]."""
    published: float | None
    """Normalised return that somebody else reached, to compare with."""
    runs: tuple[Path, ...] = ()
    """Folders of the finished runs."""
    results: tuple[dict[str, Any], ...] = ()
    """Their `result.json`."""
    stage_seconds: dict[str, float] = field(default_factory=dict)
    """Wall clock of each stage of the first run [s]."""
    draft: dict[str, Any] = field(default_factory=dict)
    """Figures of the first run's draft by tracking control."""
    loop: bool = False
    """The motion was taken for a cycle."""
    errors: tuple[str, ...] = ()
    """Why runs ended without a result, a line each."""

    def mean(self, name: str) -> float | None:
        """Of a metric over the seeds; None where no run has it."""
        values = self._values(name)
        return statistics.fmean(values) if values else None

    def std(self, name: str) -> float | None:
        """Standard deviation of a metric over the seeds; None for fewer than two."""
        values = self._values(name)
        return statistics.pstdev(values) if len(values) > 1 else None

    def _values(self, name: str) -> list[float]:
        return [float(result[name]) for result in self.results if result.get(name) is not None]

    def times_to_skill(self, clock: str = "seconds") -> list[float]:
        """From the file to the skill [min], of each seed that was at criterion; by `seconds` or `cpu_seconds`."""
        return [value / 60.0 for value in self._values(f"time_to_skill_{clock}")]

    @property
    def verdict(self) -> str:
        """One sentence on how far the skill was learnt, or why it was not."""
        if not self.results:
            return "; ".join(self.errors) or "not run yet"
        return verdict({name: self.mean(name) for name in ("completed", "normalised_return")}, self.draft)

    @property
    def film(self) -> Path | None:
        """The first run's result video."""
        done = list_finished(self.runs[0] / "4_result", "side_by_side.mp4") if self.runs else []
        return done[0] / "side_by_side.mp4" if done else None


def table(
    videos: Annotated[tuple[Path, ...], tyro.conf.Positional],
    seeds: int = 3,
    minutes: float | None = None,
    jobs: int = 1,
    on: Literal["local", "ray"] = "local",
    store: str | None = None,
    cores: int = 1,
    published: Path | None = None,
    out: Path = Path("runs/table"),
) -> None:
    """Runs many videos through the whole pipeline and writes table.md, table.csv and table.html, a row a skill.

    The same command goes on where it was stopped. A video that fails gets a row that says why.

    Args:
      videos: the videos, or folders of them.
      seeds: trainings of each; all share the same reference.
      minutes: training budget of each [min]; the default of `clip` if left out.
      jobs: how many run at once on this machine; its cores are shared out among them.
      on: what runs them: this machine, or the machines of a Ray cluster (docs/scaling.md).
      store: folder or URL (s3://...) that all machines of a cluster share; OUT by default.
      cores: of each run on a cluster.
      published: a CSV file with columns video,normalised_return to compare with, by the video's name without ending.
      out: folder for the runs and the table.
    """
    check_options(seeds, minutes, jobs, on, store, cores)
    films = _find_films(videos)
    known = read_published(published)
    skills = [_probe_film(film, known.get(film.stem)) for film in films]
    make_folder(out)
    workers = max(1, usable_cores() // jobs) if on == "local" else cores
    # All videos once before any of them a second time: a table that is stopped has a metric for each.
    plan = {
        _name_run(skill.video, seed): (skill.video, seed)
        for seed in range(seeds)
        for skill in skills
        if not skill.errors
    }
    units = [plan_run(video, seed, minutes, workers) for video, seed in plan.values()]
    done = dict[tuple[Path, int], str]()
    written = Pace()

    def report(name: str, error: str) -> None:
        done[plan[name]] = error
        console.print(f"{plan[name][0].stem}, seed {plan[name][1]}: {error or 'done'}", markup=False)
        if written.is_due():
            with written:
                _write(out, [_gather(skill, out, seeds, done) for skill in skills])

    with lock_folder(out), bar("table") as progress, open_engine(on, out, jobs, store, cores) as engine:
        run_units(engine, units, report, lambda n, of: progress(n, of, f"{n} of {of} runs; logs in {out}"))
        _write(out, [_gather(skill, out, seeds, done) for skill in skills])
    console.print(f"[bold]table[/bold]  {out / 'table.html'}")


def check_options(seeds: int, minutes: float | None, jobs: int, on: str, store: str | None, cores: int) -> None:
    """Raises `InputError` for options of a table that do not go together or make no sense."""
    if store is not None and on == "local":
        raise InputError(f"--store {store}: is for several machines; give --on ray, or leave it out")
    if cores < 1 or jobs < 1 or (jobs > 1 and on != "local") or (cores > 1 and on == "local"):
        raise InputError(
            f"--jobs {jobs}, --cores {cores}: give 1 or more, --jobs on this machine, --cores on a cluster"
        )
    if seeds < 1 or (minutes is not None and not minutes > 0.0):
        raise InputError(
            f"--seeds {seeds}, --minutes {minutes}: give 1 or more seeds, and a positive number of minutes"
        )


class Pace:
    """Keeps what is written again and again from taking all the time: a tenth at most."""

    def __init__(self) -> None:
        self._begun = self._took = self._ended = 0.0

    def is_due(self) -> bool:
        """Whether nine times as long has passed as the last time took."""
        return time.monotonic() - self._ended >= 9.0 * self._took

    def __enter__(self) -> None:
        self._begun = time.monotonic()

    def __exit__(self, *_: object) -> None:
        self._ended = time.monotonic()
        self._took = self._ended - self._begun


@contextmanager
def open_engine(on: str, out: Path, jobs: int, store: str | None, cores: int) -> Iterator[Engine]:
    """What runs the runs."""
    if on == "local":
        yield LocalEngine(out, jobs)
        return
    from sfv.cluster.ray_engine import RayEngine
    from sfv.pipeline import find_commit

    engine = RayEngine(out, store, cores, program=find_commit() or __version__)
    try:
        yield engine
    finally:
        engine.close()


def plan_run(film: Path, seed: int, minutes: float | None, workers: int) -> Unit:
    """The pipeline for one video and seed. Another seed than the first waits for the first one's draft, and shares it:
    no stage before training depends on the seed."""
    words = ["-m", "sfv", "clip", "--video={input}", "--out={folder}", f"--seed={seed}"]
    words += ["--anyway", f"--workers={workers}"]  # a table shows what becomes of every video
    words += [f"--minutes={minutes}"] if minutes is not None else []
    name, first = _name_run(film, seed), _name_run(film, 0)
    if seed == 0:
        return Unit(name, tuple(words), film)
    return Unit(name, tuple(words), film, first, "3_draft/*/stage.json", ("config.json", *STAGES[:3]))


def _name_run(film: Path, seed: int) -> str:
    return f"{run_name(film)}_seed{seed}"


def _probe_film(film: Path, published: float | None) -> TableRow:
    try:
        return TableRow(film, probe(film).duration, published)
    except InputError as error:
        if not film.is_file():  # a slip of the pen; what is in a file is not
            raise
        return TableRow(film, 0.0, published, errors=(str(error),))


def _gather(skill: TableRow, out: Path, seeds: int, done: dict[tuple[Path, int], str]) -> TableRow:
    """The skill with what its runs left so far."""
    runs, results, errors = [], [], list(skill.errors)
    for seed in range(seeds):
        folder = out / _name_run(skill.video, seed)
        found = list_finished(folder / "4_result", "result.json")
        error = done.get((skill.video, seed), "")
        if error:
            errors.append(error)
        elif found and (skill.video, seed) in done:
            runs.append(folder)
            results.append(json.loads((found[0] / "result.json").read_text(encoding="utf-8")))
    stages = _read_stages(runs[0]) if runs else {}
    return TableRow(
        video=skill.video,
        seconds=skill.seconds,
        published=skill.published,
        runs=tuple(runs),
        results=tuple(results),
        stage_seconds={name: float(stage["seconds"]) for name, stage in stages.items()},
        draft=stages["3_draft"]["metrics"] if "3_draft" in stages else {},
        loop=bool(stages["2_motion"]["metrics"].get("loop")) if "2_motion" in stages else False,
        errors=tuple(dict.fromkeys(errors)),
    )


def _read_stages(run: Path) -> dict[str, Any]:
    found = {}
    for name in STAGES:
        done = [run / name] if (run / name / "stage.json").is_file() else list_finished(run / name)
        if done:
            found[name] = json.loads((done[0] / "stage.json").read_text(encoding="utf-8"))
    return found


HEADER = (
    "skill",
    "video [s]",
    "motion",
    "return",
    "published",
    "completed",
    "from the first frame",
    "ten in a row",
    "draft",
    "tracking [mm]",
    "foot slide [mm/frame]",
    "samples [M]",
    "time to skill [min]",
    "pose + reference + draft + training + result [min]",
    "verdict",
)


def make_rows(skills: list[TableRow]) -> list[tuple[str, ...]]:
    """The table's cells, a row a skill, under `HEADER`."""
    return [
        (
            skill.video.stem,
            f"{skill.seconds:.1f}",
            ("cycle" if skill.loop else "one pass") if skill.results else "-",
            _format_number(skill.mean("normalised_return"), ".3f", skill.std("normalised_return"), len(skill.results)),
            _format_number(skill.published, ".3f"),
            _format_number(skill.mean("completed"), ".0%"),
            _format_number(skill.mean("completed_first_frame"), ".0%"),
            _format_number(skill.mean("in_a_row_return"), ".3f"),
            _format_number(skill.draft.get("draft_return"), ".3f"),
            _format_number(skill.mean("tracking_mpjpe_mm"), ".0f"),
            _format_number(skill.mean("foot_slide_mm_per_frame"), ".1f"),
            _format_number((skill.mean("samples") or 0.0) / 1e6 if skill.results else None, ".2f"),
            format_time_to_skill(skill.times_to_skill(), len(skill.results)),
            _format_minutes(skill.stage_seconds),
            skill.verdict,
        )
        for skill in skills
    ]


def _format_number(value: float | None, form: str, std: float | None = None, count: int = 0) -> str:
    if value is None:
        return "-"
    return f"{value:{form}}" + (f" ± {std:{form}} ({count})" if std is not None else "")


def format_time_to_skill(minutes: list[float], runs: int) -> str:
    """Median and worst over measured runs; those that were never at criterion, without a time, count as the worst."""
    if not minutes:
        return f"- (0 of {runs})" if runs else "-"
    times = sorted(minutes) + [float("inf")] * (runs - len(minutes))
    median, worst = (
        f"{time:.1f}" if time < float("inf") else "never" for time in (statistics.median(times), times[-1])
    )
    reached = f" ({len(minutes)} of {runs})" if len(minutes) < runs else ""
    return (f"{median}, worst {worst}" if runs > 1 else median) + reached


def summarise_times(skills: list[TableRow]) -> str:
    """Time to skill over all runs of the table, and what its clock includes, in two sentences."""
    results = [result for skill in skills for result in skill.results]
    if not results:
        return ""
    wall, cpu = (
        format_time_to_skill([time for skill in skills for time in skill.times_to_skill(clock)], count)
        for clock, count in (("seconds", len(results)), ("cpu_seconds", sum(map(_has_processor_time, results))))
    )
    return (
        f"Time to skill over {len(results)} runs: median {wall} min by the clock, {cpu} min of processor time. It "
        "includes the detection, the fit, the draft, and the training with its evaluations to the first of those in a "
        "row whose mean is at criterion; not the start of the program and the result video."
    )


def _has_processor_time(result: Mapping[str, Any]) -> bool:
    """Whether processor time was measured, by the clock there being none or both; older programs measured none."""
    return (result.get("time_to_skill_seconds") is None) or (result.get("time_to_skill_cpu_seconds") is not None)


def _format_minutes(seconds: dict[str, float]) -> str:
    if not seconds:
        return "-"
    parts = " + ".join(f"{seconds.get(name, 0.0) / 60:.1f}" for name in STAGES)
    return f"{parts} = {sum(seconds.values()) / 60:.1f}"


def _write(out: Path, skills: list[TableRow]) -> None:
    cells, on = make_rows(skills), describe_machine()
    where = f"{on['processor']}, {on['cores']} core{'s' * (on['cores'] > 1)}, {time.strftime('%Y-%m-%d')}"
    lines = ["| " + " | ".join(HEADER) + " |", "|" + "---|" * len(HEADER)]
    lines += ["| " + " | ".join(cell.replace("|", "/") for cell in row) + " |" for row in cells]
    _replace(
        out / "table.md",
        "\n".join([*lines, "", summarise_times(skills), f"Measured on {where}, by `python -m sfv table`.", ""]),
    )
    with (
        replace_file(out / "table.csv") as temporary,
        open(temporary, "w", newline="", encoding="utf-8", errors="replace") as file,
    ):
        csv.writer(file).writerows([HEADER, *cells])
    _replace(
        out / "table.html",
        render_page(
            TEMPLATE,
            header=HEADER,
            rows=list(zip(cells, show_films([skill.film for skill in skills], out), strict=True)),
            where=where,
            times=summarise_times(skills),
        ),
    )


def _replace(path: Path, text: str) -> None:
    with replace_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="replace")


def _find_films(videos: tuple[Path, ...]) -> list[Path]:
    """The videos named, and those in the folders named."""
    films: list[Path] = []
    for path in videos:
        found = sorted(p for p in path.iterdir() if p.suffix.lower() in FILM_ENDINGS) if path.is_dir() else [path]
        if not found:
            raise InputError(f"{path}: no video in this folder; known endings: {', '.join(sorted(FILM_ENDINGS))}")
        films += found
    if not films:
        raise InputError("no video given; name videos, or a folder of them")
    names = [run_name(film) for film in films]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"two videos are called {twice}; rename one of them, the table goes by name")
    return films


def read_published(path: Path | None) -> dict[str, float]:
    """Returns by the name of their video, from a CSV file; empty without one."""
    if path is None:
        return {}
    try:
        with open(path, newline="", encoding="utf-8") as file:
            rows = csv.DictReader(file)
            if not {"video", "normalised_return"} <= set(rows.fieldnames or ()):
                raise ValueError("it has others, or none")
            return {row["video"]: float(row["normalised_return"]) for row in rows}
    except (OSError, KeyError, ValueError, TypeError, csv.Error) as error:  # a short row's cells are None
        raise InputError(f"{path}: expected a CSV file with columns video,normalised_return ({error})") from error
