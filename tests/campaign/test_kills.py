"""The campaign of kills sees what is wrong with a program that loses its work, on programs of a few lines."""

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict

import numpy as np
import pytest

from pose.errors import InputError
from pose.files import HOST
from sfv.bench.campaign.jobs import Job, drop_clock
from sfv.bench.campaign.kills import (
    POWER_CUT,
    Command,
    Kill,
    Unbroken,
    digest_program,
    find_work,
    find_writing,
    finish,
    lose_unwritten,
    make_command,
    run_chain,
    run_unbroken,
)
from sfv.bench.campaign.page import add_kills, name_stage, write_page
from sfv.bench.campaign.processes import MARK, find_marked, kill_group, wait_for_end
from sfv.bench.reliability import make_rows

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="processes are found by /proc")

CAREFUL = """
import json, os
from pathlib import Path
def work():
    for _ in range(400_000): pass
def write(path, text):
    with open('part', 'w') as file:
        file.write(text); file.flush(); os.fsync(file.fileno())
    os.replace('part', path)
state = json.loads(Path('state').read_text()) if Path('state').is_file() else {'step': 0, 'sum': 0}
while state['step'] < 20:
    work()
    state = {'step': state['step'] + 1, 'sum': state['sum'] + state['step']}
    write('state', json.dumps(state))
write('result.json', json.dumps({'sum': state['sum'], 'train_seconds': 1}))
"""
CARELESS = CAREFUL.replace("'sum': state['sum'] + state['step']", "'sum': state['sum'] + os.getpid()")


def run_program(program, tmp_path, monkeypatch):
    """The kills of a program in one chain, none of them a power cut or all."""
    job = Job("clip", lambda folder: None, (), "result.json")

    def start(command):
        own = {MARK: command.name, "SFV_FSYNC_LOG": str(command.log), "PYTHONPATH": str(POWER_CUT)}
        environment = os.environ | own
        words = [sys.executable, "-c", program]
        return subprocess.Popen(words, cwd=command.folder, env=environment, start_new_session=True)

    monkeypatch.setattr(Command, "start", start)
    name = f"test-{os.getpid()}"
    return run_chain(job, run_unbroken(job, tmp_path, name), tmp_path, 0, name)


def test_a_program_that_saves_its_work_survives(tmp_path, monkeypatch):
    kills = run_program(CAREFUL, tmp_path, monkeypatch)
    assert kills and not [kill.fault for kill in kills if kill.fault]


def test_another_result_is_seen(tmp_path, monkeypatch):
    kills = run_program(CARELESS, tmp_path, monkeypatch)
    assert kills and all("another result: sum is" in kill.fault for kill in kills)


def test_what_is_missing_or_left_over_is_seen(tmp_path, monkeypatch):
    job = Job("clip", lambda folder: None, (), "result.json")
    monkeypatch.setattr(Command, "start", lambda command: subprocess.Popen(["touch", "b"], cwd=command.folder))
    kept = Unbroken(0.0, {}, ["a"], digest_program())
    (tmp_path / "unbroken_clip.json").write_text(json.dumps(asdict(kept)))
    unbroken = run_unbroken(job, tmp_path, "x")
    assert unbroken == kept
    assert finish(make_command(job, tmp_path / "c", "x"), unbroken) == "left over: b; missing: a"


def test_a_power_cut_takes_what_was_not_synchronised(tmp_path):
    began = time.time() - 1.0
    for name in ("safe", "lost", "old"):
        (tmp_path / name).write_bytes(bytes(1000))
    os.utime(tmp_path / "old", (began - 100, began - 100))
    safe, log = (tmp_path / "safe").stat(), tmp_path.parent / "log"
    log.write_text(f"{safe.st_dev} {safe.st_ino} {safe.st_size}\n")
    lose_unwritten(tmp_path, log, began, np.random.default_rng(0))
    sizes = {name: (tmp_path / name).stat().st_size for name in ("safe", "lost", "old")}
    assert sizes["safe"] == sizes["old"] == 1000 and sizes["lost"] < 1000


def test_what_it_was_at_is_said(tmp_path):
    began = time.time() - 1.0
    assert find_work(tmp_path, began) == "starting"
    (tmp_path / f".checkpoint.pt.{HOST}.123.tmp").write_text("half")
    assert find_work(tmp_path, began) == "between stages" and find_writing(tmp_path, began) == "checkpoint.pt"
    (tmp_path / "run" / "3_policy" / "child.partial").mkdir(parents=True)
    assert find_work(tmp_path, began) == "run/3_policy/child.partial"
    assert name_stage("table/walk_seed0/3_policy/humanoid.partial") == "3_policy"


def test_processes_in_sessions_of_their_own_are_found():
    mark = f"stray-{os.getpid()}"
    environment, pipe = os.environ | {MARK: mark}, subprocess.PIPE
    process = subprocess.Popen(["cat"], stdin=pipe, stdout=pipe, env=environment, start_new_session=True)
    assert process.stdin and process.stdout
    process.stdin.write(b"\n")
    process.stdin.flush()
    process.stdout.readline()  # it is at work: before, its environment may not be there to be read
    assert wait_for_end(mark, 0.0) == [process.pid]
    kill_group(process.pid)
    process.communicate()
    assert find_marked(mark) == []


def test_a_command_that_sleeps_goes_on(tmp_path, monkeypatch):
    mark, program = f"sleep-{os.getpid()}", "for _ in range(10_000_000): pass"
    job = Job("clip", lambda folder: None, (), "result.json")
    command = make_command(job, tmp_path / "c", mark)
    monkeypatch.setattr("sfv.bench.campaign.kills.SLEEP_SECONDS", 0.3)
    monkeypatch.setattr(
        Command,
        "start",
        lambda command: subprocess.Popen([sys.executable, "-c", program], env=os.environ | {MARK: mark}),
    )
    begun = time.monotonic()
    assert command.run_until(None, 0.05)[0] == 0 and command.slept and time.monotonic() - begun > 0.3


def test_the_clock_decides_no_result():
    result = {"normalised_return": 0.9, "train_seconds": 3.0, "rows": [{"env_steps_per_second": 1.0, "samples": 8}]}
    assert drop_clock(result) == {"normalised_return": 0.9, "rows": [{"samples": 8}]}


def test_the_page_counts_and_names_faults():
    found = {"a": {"name": "a", "kind": "motion", "verdict": "refused", "text": "", "seconds": 1.0}}
    found["b"] = found["a"] | {"name": "b", "verdict": "traceback", "seconds": 2.0}
    survived = Kill("clip", 0, 1.0, "run/3_draft/humanoid.partial", True, writing="draft.mp4")
    kills = [
        survived,
        Kill("table", 0, 1.0, "a/3_draft/child.partial", False, "no"),
        Kill("clip", 1, 0.1, "starting", True),
    ]
    page = write_page(found, kills)
    assert "| motion | 2 | 1 | 0 | 1 |" in page and "- fault: b: traceback" in page
    assert "| clip | 2 | 2 | 2 |" in page and "| all | 3 | 2 | 2 |" in page
    assert "| 3_draft | 2 | 1 | 1 |" in page and "| starting | 1 | 1 | 1 |" in page
    assert "| `draft.mp4` being written | 1 | 1 | 1 |" in page and "- fault: table, a/3_draft/child.partial: no" in page
    rows = {row.name: row.value for row in make_rows(found, kills)}
    assert rows["bad_inputs_told"] == 0.5 and rows["kills_survived"] == 2 / 3 and rows["slowest_bad_input_s"] == 2.0


def test_kills_of_another_day_stand_beside_those_of_the_page():
    earlier = write_page({}, [Kill("clip", 0, 1.0, "starting", True)])
    kills = [
        Kill("see", 0, 1.0, "between stages", False, writing="checkpoint.pt"),
        Kill("see", 1, 1.0, "starting", True),
    ]
    page = add_kills(add_kills(earlier, kills[:1]), kills)
    assert "| clip | 1 | 1 | 1 |" in page and "| see | 2 | 1 | 2 |" in page and page.count("### More kills") == 1
    assert "| `checkpoint.pt` being written | 1 | 0 | 1 |" in page
    assert page.index("### More kills") < page.index("## Hostile surroundings")
    with pytest.raises(InputError):
        add_kills("# Another page\n", kills)


def test_kills_wait_until_the_file_that_they_are_to_hit_is_written(tmp_path, monkeypatch):
    program = "import time, pathlib; time.sleep(0.4); pathlib.Path('half.tmp').touch(); time.sleep(60)"
    job = Job("clip", lambda folder: None, (), "result.json", writing="*.tmp")
    monkeypatch.setattr(
        Command,
        "start",
        lambda command: subprocess.Popen([sys.executable, "-c", program], cwd=command.folder, start_new_session=True),
    )
    command = make_command(job, tmp_path / "c", "x")
    assert command.run_until(0.0)[0] is None and (command.folder / "half.tmp").exists()
    monkeypatch.setattr(
        Command, "start", lambda command: subprocess.Popen(["true"], cwd=command.folder, start_new_session=True)
    )
    assert make_command(job, tmp_path / "d", "x").run_until(0.0)[0] == 0  # it never wrote one: not killed


def test_what_hangs_has_not_survived(tmp_path, monkeypatch):
    monkeypatch.setattr("sfv.bench.campaign.kills.LONGEST_SECONDS", 0.2)
    job = Job("clip", lambda folder: None, (), "result.json")
    words = [sys.executable, "-c", "import time; time.sleep(60)"]
    monkeypatch.setattr(
        Command, "start", lambda command: subprocess.Popen(words, cwd=command.folder, start_new_session=True)
    )
    found = run_chain(job, Unbroken(1e6, {}, []), tmp_path, 0, "x")
    assert len(found) == 1 and found[0].fault.startswith("hung")
