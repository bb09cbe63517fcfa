"""Engines: a unit that was interrupted goes on elsewhere; the order of units; what is missing is one line."""

import hashlib
import json
import shutil
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from pose.errors import InputError
from sfv.bench.cluster_trial import find_repeated, plan_steps, read_result
from sfv.bench.cluster_work import RESULT
from sfv.cluster import node
from sfv.cluster.local import LocalEngine
from sfv.cluster.node import Order, do_unit
from sfv.cluster.ray_engine import RayEngine, has_room
from sfv.cluster.snapshot import Snapshots
from sfv.cluster.store import Store, UnitStore
from sfv.cluster.unit import Unit, explain_end, run_units


def ignore(*_):
    pass


@pytest.fixture(autouse=True)
def be_quick(monkeypatch, tmp_path):
    monkeypatch.setattr("sfv.cluster.unit.PAUSE", 0.01)
    monkeypatch.setattr(node, "LOOK_SECONDS", 0.02)
    monkeypatch.setenv(node.SCRATCH_VARIABLE, str(tmp_path / "scratch"))


class FakeEngine:
    """Ends units in the order in which they came; `drafts` have their first stages after one look."""

    def __init__(self, drafts=()):
        self.begun, self.drafts, self.stopped = [], set(drafts), 0
        self.open = []

    def submit(self, unit):
        self.begun.append(unit.name)
        self.open.append(unit.name)

    def poll(self):
        return {self.open.pop(0): ""} if self.open else {}

    def holds(self, name, pattern):
        assert pattern == "3_draft/*/stage.json"
        return name in self.drafts

    def stop(self):
        self.stopped += 1


def plan(*names, after=""):
    return [Unit(name, (), Path("x"), after, "3_draft/*/stage.json" if after else "") for name in names]


def test_a_unit_waits_for_the_one_that_it_begins_from():
    engine = FakeEngine(drafts=["b0"])
    units = [*plan("a0", "b0"), *plan("a1", after="a0"), *plan("b1", after="b0")]
    done = run_units(engine, units, ignore, ignore)
    assert engine.begun == ["a0", "b0", "b1", "a1"]  # b0's draft was there at once, a0 had to end
    assert done == dict.fromkeys(("a0", "b0", "a1", "b1"), "") and engine.stopped == 0


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_whatever_interrupts_stops_all_units(error):
    def fail(*_):
        raise error

    engine = FakeEngine()
    with pytest.raises(error):
        run_units(engine, plan("a", "b"), fail, ignore)
    assert engine.stopped == 1


def test_a_unit_goes_on_where_a_lost_machine_left_it_and_is_not_done_again(tmp_path):
    (unit,) = plan_steps(tmp_path, 1, steps=6, seconds=0.0)
    alone = tmp_path / "alone"
    alone.mkdir()
    assert run_units(LocalEngine(alone, 1), [unit], ignore, ignore) == {unit.name: ""}
    # What a machine had copied when it was lost, after its second checkpoint of three.
    run = tmp_path / "lost" / unit.name
    kept = (alone / unit.name).rename(tmp_path / "kept")
    cut_after(kept, run, step=4)
    store = Store(str(tmp_path / "store"))
    order = Order(unit, store.url, store.mark(), store.put_input(unit.input), asked="this")
    stored = UnitStore(store, unit.name)
    Snapshots(stored, run, run.with_name("log"), stored.claim()).push()

    outcome = do_unit(order, "here")
    assert outcome.error == "" and outcome.attempt == 2
    stored.fetch(tmp_path / "out", tmp_path / "out.log")
    assert read_result(tmp_path / "out", RESULT) == read_result(kept, RESULT)
    steps = Counter(line for line in (tmp_path / "out.log").read_text().splitlines() if line.startswith("step"))
    assert steps == {"step 5": 1, "step 6": 1}
    assert "1_pose               done before" in (tmp_path / "out.log").read_text()
    assert not list((tmp_path / "scratch").iterdir())
    assert do_unit(order, "there").attempt == 0  # finished: nothing was begun

    newest = stored.newest()
    assert newest is not None
    for digest in set(newest.files.values()):
        (tmp_path / "store/units" / unit.name / "blobs" / digest).write_bytes(b"")  # a disk that went bad
    assert do_unit(replace(order, asked="again"), "here").error == ""
    stored.fetch(tmp_path / "healed", tmp_path / "healed.log")
    assert read_result(tmp_path / "healed", RESULT) == read_result(kept, RESULT)

    sharing = replace(unit, name="unit_1", after=unit.name, until="3_draft/stage.json", shared=("1_pose", "3_draft"))
    assert do_unit(replace(order, unit=sharing), "elsewhere").error == ""
    UnitStore(store, "unit_1").fetch(tmp_path / "second", tmp_path / "second.log")
    said = (tmp_path / "second.log").read_text()
    assert said.count("done before") == 2 and "step" not in said


def cut_after(whole: Path, run: Path, step: int) -> None:
    """Makes `run` what `whole` was after a step: the first stage, and the second with its checkpoint."""
    shutil.copytree(whole / "1_pose", run / "1_pose")
    partial = run / "3_draft.partial"
    partial.mkdir()
    (partial / ".key").write_text(json.loads((whole / "3_draft/stage.json").read_text())["key"])
    chain = hashlib.sha256((whole / "1_pose/read.json").read_bytes()).hexdigest()
    for number in range(step):
        chain = hashlib.sha256(f"{chain} {number}".encode()).hexdigest()
    (partial / "checkpoint.pt").write_text(json.dumps({"step": step, "chain": chain}))


def test_another_version_or_a_store_that_is_not_seen_is_one_line(tmp_path):
    (unit,) = plan_steps(tmp_path, 1, 1, 0.0)
    store = Store(str(tmp_path / "store"))
    mark = store.mark()
    assert "install the same everywhere" in do_unit(Order(unit, store.url, mark, "", "", "0.0"), "node7").error
    assert "node7 does not see" in do_unit(Order(unit, str(tmp_path / "no"), mark, "", ""), "node7").error


def test_scratch_of_killed_machines_is_removed_and_that_of_others_is_not(tmp_path, monkeypatch):
    monkeypatch.setattr(node, "YOUNG_SECONDS", -1.0)
    left = tmp_path / "scratch" / "sfv-unit-left"
    left.mkdir(parents=True)
    (left / "checkpoint.pt").touch()
    with node.make_scratch() as one:
        assert not left.exists()
        with node.make_scratch() as two:
            assert one.exists() and two.exists()
    assert not one.exists() and not two.exists()


def test_why_a_command_failed_is_its_last_line_in_any_encoding(tmp_path):
    log = tmp_path / "a.log"
    log.write_bytes(b"before\nerror: sch\xf6n\n")
    assert explain_end(2, log, 7) == "sch\ufffdn" and explain_end(0, log, 0) == ""
    assert explain_end(-9, log, 0) == "ended with exit code -9; see a.log"


def test_without_ray_one_line_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"pip install .*\[cluster\]"):
        RayEngine(tmp_path, None)


def test_a_machine_has_room_for_a_unit_if_it_has_its_cores_and_its_memory():
    node = {"Alive": True, "Resources": {"CPU": 2.0, "memory": 3e9}}
    assert has_room(node, 2, int(2e9)) and not has_room(node, 4, 1) and not has_room(node, 1, int(4e9))
    assert not has_room({**node, "Alive": False}, 1, 1) and not has_room({"Alive": True, "Resources": {}}, 1, 1)


def test_a_stage_that_a_lost_machine_had_finished_counts_as_repeated_if_it_was_made_again(tmp_path):
    left, out = tmp_path / "left", tmp_path / "out"
    for name, before, after in (("1_pose", "a", "a"), ("3_draft", "b", "c")):
        (left / "unit" / name).mkdir(parents=True)
        (out / "unit" / name).mkdir(parents=True)
        (left / "unit" / name / "stage.json").write_text(before)
        (out / "unit" / name / "stage.json").write_text(after)
    assert find_repeated(left, out) == ["unit/3_draft/stage.json"]


def test_what_was_done_here_is_put_into_the_store_and_never_replaced_by_another_stores(tmp_path):
    """A run of the local engine goes on on the cluster; where a store has another one of that name, it is refused."""
    out, unit = tmp_path / "out", plan("a")[0]
    (out / "a/4_result").mkdir(parents=True)
    (out / "a/4_result/result.json").write_text("{}")

    def make_engine(store):
        engine = object.__new__(RayEngine)
        engine.out, engine.store = out, Store(str(store))
        engine._mark = engine.store.mark()
        return engine

    engine = make_engine(tmp_path / "one")
    for _ in range(2):
        found = engine._compare(unit)
        assert found is not None and list(found.files) == ["run/4_result/result.json"]
        engine._fetch(unit)  # as at the end of its task
        assert (out / "a/4_result/result.json").read_text() == "{}"
    other = make_engine(tmp_path / "two")
    shutil.copytree(tmp_path / "one/units", tmp_path / "two/units")
    with pytest.raises(InputError, match="not made by way of"):
        other._compare(unit)


def test_a_store_that_cannot_be_read_now_is_asked_again(tmp_path, monkeypatch):
    """Who waits for another unit waits on, and every name has its turn."""
    engine = object.__new__(RayEngine)
    engine.store, engine._running, engine._looked = Store(str(tmp_path)), {}, {}
    asked, clock = Counter(), [100.0]

    def fail(store):
        asked[store.name] += 1
        raise OSError("away")

    monkeypatch.setattr(UnitStore, "newest", fail)
    monkeypatch.setattr("sfv.cluster.ray_engine.time.monotonic", lambda: clock[0])
    for _ in range(20):
        clock[0] += 1.0
        assert not any(engine.holds(f"unit{n}", "x") for n in range(30))
    assert len(asked) == 30 and set(asked.values()) <= {3, 4, 5}
