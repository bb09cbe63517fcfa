"""The bench of clusters: rows and page from what was found; a trial in which nobody died shows nothing."""

from dataclasses import replace

import pytest

from pose.errors import InputError
from sfv.bench.cluster_costs import DEFAULT, StoreCost, measure_runs, measure_store
from sfv.bench.cluster_simulation import FleetConfig
from sfv.bench.cluster_trial import Trial, count_redone
from sfv.bench.scale import check_fleet, make_trial_rows, simulate
from sfv.bench.scale_page import write_page

FLEET = FleetConfig(machines=(1, 4), cores=2)
TRIAL = Trial(8, (), (), 1, 40.0, 30.0, 500.0, (), True)
STORE = StoreCost(0.3, 0.4, 0.05)


def test_rows_say_what_was_lost_and_nothing_where_nobody_died():
    rows = {row.name: row for row in make_trial_rows({"units": TRIAL, "clips": replace(TRIAL, lost=("walk_seed1",))})}
    assert rows["ray_lost"].value == 1.0 and rows["ray_lost"].n == 16 and "walk_seed1" in rows["ray_lost"].note
    assert rows["ray_repeated"].value == 0.0 and rows["ray_efficiency"].value == pytest.approx(0.75)
    rows = {row.name: row for row in make_trial_rows({"units": replace(TRIAL, killed=False)})}
    assert rows["ray_lost"].value is None and "no machine was killed" in rows["ray_lost"].note


def test_the_page_has_a_row_for_each_number_of_machines():
    page = write_page({"units": TRIAL}, STORE, DEFAULT, FLEET, simulate(FLEET, DEFAULT, STORE, 0))
    assert "| runs that wait | 8 | 0 | 0 | 75% |" in page and "{{" not in page and "{%" not in page
    assert sum(line.startswith(("| 1 |", "| 4 |")) for line in page.splitlines()) == 2


def test_numbers_that_mean_nothing_are_one_line():
    check_fleet(FLEET, 4, 0)
    for fleet, units in ((replace(FLEET, machines=(0,)), 4), (replace(FLEET, price=-1.0), 4), (FLEET, 2)):
        with pytest.raises(InputError):
            check_fleet(fleet, units, 0)


def test_costs_are_measured_with_files_as_large_as_a_run(tmp_path):
    found = measure_store(tmp_path / "store", replace(DEFAULT, checkpoint_bytes=1000.0, result_bytes=2000.0))
    assert found.head_seconds > 0.0 and found.fetch_seconds > 0.0 and found.push_seconds > 0.0
    with pytest.raises(InputError, match="no finished run"):
        measure_runs(tmp_path)
    for name, seconds in (("a_seed0", 100.0), ("b_seed0", 200.0)):
        (tmp_path / name / "4_result/humanoid").mkdir(parents=True)
        (tmp_path / name / "3_policy").mkdir()
        (tmp_path / name / "4_result/humanoid/result.json").write_text("{}")
        (tmp_path / name / "4_result/humanoid/stage.json").write_text(f'{{"seconds": {seconds}}}')
        (tmp_path / name / "3_policy/checkpoint.pt").write_bytes(b"x" * 10)
    cost = measure_runs(tmp_path)
    assert cost.seconds == 150.0 and cost.spread == pytest.approx(1 / 3) and cost.checkpoint_bytes == 10.0


def test_steps_that_a_dead_machine_did_after_its_last_copy_are_counted(tmp_path):
    (tmp_path / "left").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "left/unit.log").write_text("read\nstep 1\nstep 2\nstep 3\n")
    (tmp_path / "out/unit.log").write_text("read\nstep 1\nstep 2\ndone before\nstep 3\nstep 4\n")
    assert count_redone(tmp_path / "left", tmp_path / "out") == 1
