"""The campaign of bad inputs: every kind of file damaged by a seeded mutator, and files made to do harm.

What is asked of each: within `confined`'s limits one line that says what is wrong, or a sound result; and nothing else,
no traceback, no write outside of the working folder, no connection, no code. Results are kept file by file: a campaign
that was stopped goes on.
"""

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sfv.bench.campaign.confined import Outcome, run_confined
from sfv.bench.campaign.hostile import MARK, Hostile
from sfv.bench.campaign.hostile_archives import ARCHIVES
from sfv.bench.campaign.hostile_films import FILMS
from sfv.bench.campaign.hostile_models import MODELS
from sfv.bench.campaign.hostile_motions import MOTIONS
from sfv.bench.campaign.mutations import list_mutations
from sfv.bench.campaign.readers import READERS
from sfv.bench.campaign.samples import Sample, make_samples

HOSTILE = (*ARCHIVES, *MOTIONS, *MODELS, *FILMS)
WRONG_CONTAINERS = 3
"""Times that each good file's content is put under another kind's name."""


@dataclass(frozen=True)
class Case:
    """One bad input: a seed of damage to a good file, or a file made to do harm."""

    name: str
    kind: str
    write: Callable[[Path], Path]
    """Given a folder of its own, writes the file and returns what the reader is given."""
    may_be_read: bool = True


def plan_cases(folder: Path, per_sample: int, seed: int = 0) -> list[Case]:
    """All cases, in an order of their own: whoever runs the first N of them has some of every kind.

    Args:
      folder: where good files are put.
      per_sample: damaged copies of each good file.
      seed: of the damage.
    """
    samples = make_samples(folder)
    cases = [_harm(hostile, folder) for hostile in HOSTILE]
    cases += [_damage(sample, seed, number) for number in range(per_sample) for sample in samples]
    for number in range(WRONG_CONTAINERS):
        cases += [_disguise(sample, samples, seed, number) for sample in samples]
    return sorted(cases, key=lambda case: hashlib.sha256(case.name.encode()).hexdigest())


def _harm(hostile: Hostile, samples: Path) -> Case:
    return Case(f"hostile: {hostile.name}", hostile.kind, lambda own: hostile.write(own, samples), hostile.may_be_read)


def _damage(sample: Sample, seed: int, number: int) -> Case:
    """A copy of a good file with one to three kinds of damage."""

    def write(own: Path) -> Path:
        rng = np.random.default_rng([seed, number, *sample.name.encode()])
        content = (sample.folder / sample.damaged).read_bytes()
        mutations = list_mutations(sample.damaged)
        for _ in range(int(rng.integers(1, 4)) if number % 2 else 1):
            mutate = mutations[int(rng.integers(len(mutations)))]
            try:
                content = mutate(rng, content) or b"\0"
            except Exception:  # of content that is damaged already
                content = content[: max(1, len(content) // 2)]
        return _copy(sample, own, content)

    return Case(f"{sample.name} {number}", sample.kind, write)


def _disguise(sample: Sample, samples: list[Sample], seed: int, number: int) -> Case:
    """A good file that holds another kind's content."""

    def write(own: Path) -> Path:
        rng = np.random.default_rng([seed, 10_000 + number, *sample.name.encode()])
        other = samples[int(rng.integers(len(samples)))]
        return _copy(sample, own, (other.folder / other.damaged).read_bytes())

    return Case(f"{sample.name} disguised {number}", sample.kind, write)


def _copy(sample: Sample, own: Path, content: bytes) -> Path:
    shutil.copytree(sample.folder, own / "in")
    (own / "in" / sample.damaged).write_bytes(content)
    return own / "in" / sample.opened


def run_case(case: Case, folder: Path) -> Outcome:
    """Writes a bad input into a folder, reads it, looks at what was left, and removes it all."""
    shutil.rmtree(folder, ignore_errors=True)
    own, working = folder / "given", folder / "working"
    own.mkdir(parents=True)
    path = case.write(own)
    before = _list_files(folder)
    outcome = run_confined(READERS[case.kind], path, working)
    new = [name for name in _list_files(folder) - before if not name.startswith("working/")]
    if any(name.endswith(MARK) for name in new):
        outcome = Outcome("code", "the payload ran", outcome.seconds)
    elif new:
        outcome = Outcome("wrote", f"left {', '.join(sorted(new)[:3])}", outcome.seconds)
    elif outcome.verdict == "read" and not case.may_be_read:
        outcome = Outcome("unsound", f"was read as {outcome.text}", outcome.seconds)
    shutil.rmtree(folder, ignore_errors=True)
    return outcome


def _list_files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def run_campaign(
    folder: Path, per_sample: int, limit: int | None, seed: int = 0, report: Callable[[int, int, str], None] = print
) -> dict[str, dict[str, Any]]:
    """Runs the cases that were not run before.

    Args:
      folder: keeps results (`bad_inputs.jsonl`) and good files.
      per_sample: damaged copies of each good file.
      limit: the first so many cases alone; None for all.
      seed: of the damage.
      report: called with the number done, the number of all, and the case.

    Returns:
      Kind, verdict, text and seconds by the name of the case.
    """
    folder.mkdir(parents=True, exist_ok=True)
    cases = plan_cases(folder / "samples", per_sample, seed)[:limit]
    kept = folder / f"bad_inputs_{seed}.jsonl"
    done = {entry["name"]: entry for entry in _read_lines(kept)}
    with open(kept, "a", encoding="utf-8") as file:
        for number, case in enumerate(cases, 1):
            if case.name not in done:
                outcome = run_case(case, folder / "case")
                done[case.name] = {"name": case.name, "kind": case.kind, **asdict(outcome)}
                file.write(json.dumps(done[case.name]) + "\n")
                file.flush()
            report(number, len(cases), case.name)
    return {case.name: done[case.name] for case in cases}


def _read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The results of an earlier attempt; a last line that was cut off is left out."""
    if not path.is_file():
        return
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            continue


def count_verdicts(results: dict[str, dict[str, Any]]) -> dict[str, Counter[str]]:
    """Verdicts by kind of file."""
    counts: dict[str, Counter[str]] = {}
    for entry in results.values():
        counts.setdefault(entry["kind"], Counter())[entry["verdict"]] += 1
    return counts


def find_faults(results: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """The cases in which the program did what it must not do."""
    return [entry for entry in results.values() if entry["verdict"] not in ("refused", "read")]
