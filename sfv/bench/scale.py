"""`python -m sfv bench scale`: a cluster that loses a machine, and what a thousand of them would do."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import tyro

from pose.errors import InputError
from pose.files import replace_file
from pose.ranges import check_seed
from sfv.bench.cluster_costs import DEFAULT, StoreCost, measure_runs, measure_store
from sfv.bench.cluster_simulation import Fleet, FleetConfig, Outcome, RunCost, Simulation
from sfv.bench.cluster_trial import Trial, clear, plan_clips, plan_steps, run_trial
from sfv.bench.cluster_work import RESULT
from sfv.bench.scale_page import write_page
from sfv.console import bar
from sfv.rows import Row, show

RUNS_PER_SLOT = 4
"""Of a simulated table: its beginning and its end, when slots are idle, count."""
MB = 1e6
FLEET = FleetConfig()


def bench_scale(
    units: int = 12,
    steps: int = 30,
    seconds: float = 0.5,
    clips: int = 0,
    runs: Path | None = None,
    fleet: tyro.conf.OmitArgPrefixes[FleetConfig] = FLEET,
    seed: int = 0,
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = Path("runs/scale"),
    page: Path | None = None,
    json: bool = False,
) -> None:
    """Runs units on a Ray cluster of this machine, of which a machine is killed and one joins; simulates large ones.

    Args:
      units: that only wait and cost hardly any processor time; 0 for none.
      steps: of each of these.
      seconds: that a step waits [s].
      clips: real runs, of half a second of motion each; 0 for none.
      runs: folder of a finished table whose times and sizes are simulated; by default those of docs/table.md.
      fleet: the simulated machines.
      seed: of the simulation.
      out: folder for the trials; what is in it is removed.
      page: file that gets a page of it, such as docs/scaling.md.
      json: one JSON object on standard output instead of a table.
    """
    check_seed(seed)
    check_fleet(fleet, units, clips)
    cost = measure_runs(runs) if runs is not None else DEFAULT
    trials = dict[str, Trial]()
    with bar("scale") as progress:
        if units:
            progress(0, 4, "units that wait, on a cluster")
            folder = clear(out / "units")
            trials["units"] = run_trial(plan_steps(folder, units, steps, seconds), folder, RESULT, units)
        if clips:
            progress(1, 4, "real runs, on a cluster")
            folder = clear(out / "clips")
            trials["clips"] = run_trial(plan_clips(folder, clips), folder, "4_result/*/result.json", 1)
        progress(2, 4, "the store")
        store = measure_store(clear(out / "store"), cost)
        progress(3, 4, "simulated machines")
        found = simulate(fleet, cost, store, seed)
    rows = [*make_trial_rows(trials), *make_store_rows(store), *make_simulated_rows(fleet, found)]
    if page is not None:
        with replace_file(page) as temporary:
            temporary.write_text(write_page(trials, store, cost, fleet, found), encoding="utf-8")
    show("scale", rows, json)


def check_fleet(fleet: FleetConfig, units: int, clips: int) -> None:
    """Raises `InputError` for numbers that mean nothing."""
    positive = (*fleet.machines, fleet.cores, fleet.store_mb_per_second, fleet.head_mb_per_second)
    if not fleet.machines or min(positive) <= 0 or min(fleet.price, fleet.failures_per_day) < 0:
        raise InputError("machines, cores and MB per second must be above 0, price and failures not below")
    if any(0 < count < 4 for count in (units, clips)):
        raise InputError(f"--units {units} --clips {clips}: give 4 or more, one for each machine, or 0 for none")


def simulate(fleet: FleetConfig, cost: RunCost, store: StoreCost, seed: int) -> dict[int, Outcome]:
    """A table on each number of machines."""
    one = Fleet(
        machines=1,
        slots=fleet.cores,
        store_rate=fleet.store_mb_per_second * MB,
        head_rate=fleet.head_mb_per_second * MB,
        head_seconds=store.head_seconds,
        failures_per_day=fleet.failures_per_day,
    )
    return {
        count: Simulation(replace(one, machines=count), cost, count * fleet.cores * RUNS_PER_SLOT, seed).run()
        for count in fleet.machines
    }


def make_trial_rows(trials: dict[str, Trial]) -> list[Row]:
    """What came of the cluster that lost a machine."""
    count = sum(trial.units for trial in trials.values())
    lost = [line for trial in trials.values() for line in trial.lost]
    repeated = [line for trial in trials.values() for line in trial.repeated]
    spared = [name for name, trial in trials.items() if not trial.killed]
    value = None if not trials or spared else 1.0  # without a death nothing was tried
    note = f"no machine was killed at work ({', '.join(spared)})" if spared else ""
    rows = [
        Row("ray_lost", value and float(len(lost)), "", count, goal=0.0, note=note or "; ".join(lost)),
        Row("ray_repeated", value and float(len(repeated)), "", count, goal=0.0, note=note or "; ".join(repeated)),
    ]
    for name, trial in trials.items():
        suffix = "" if name == "units" else f"_{name}"
        share = trial.work_seconds / trial.slot_seconds
        overhead = [outcome.fetch_seconds + outcome.push_seconds for outcome in trial.outcomes]
        said = "work done once / time of all machines; the death, its discovery and idle ends count"
        rows.append(Row(f"ray_efficiency{suffix}", share, "", trial.units, note=said))
        rows.append(Row.mean_of(f"ray_transfer_s{suffix}", overhead, "s"))
        rows.append(Row(f"ray_tasks_per_second{suffix}", trial.tasks_per_second, "1/s", note="that do nothing"))
        if name == "units":
            rows.append(Row("ray_redone_steps", float(trial.redone_steps), "", 1, note="a checkpoint every 2 steps"))
    return rows


def make_store_rows(store: StoreCost) -> list[Row]:
    """What a run of ordinary size costs the store and the head."""
    return [
        Row("store_push_s", store.push_seconds, "s", store.repeats, note="a whole run, to a folder of this machine"),
        Row("store_fetch_s", store.fetch_seconds, "s", store.repeats),
        Row("head_cpu_s_per_run", store.head_seconds, "s", store.repeats, note="processor time"),
    ]


def make_simulated_rows(fleet: FleetConfig, found: dict[int, Outcome]) -> list[Row]:
    """Throughput, efficiency and price of each number of machines."""
    rows = []
    for count, outcome in found.items():
        busy = f"store {outcome.store_busy:.0%}, head {outcome.head_busy:.0%} busy; {outcome.failures} failures"
        price = outcome.cost_per_thousand(count, fleet.price)
        rows += [
            Row(f"simulated_runs_per_hour_{count}", outcome.runs_per_hour, "1/h", outcome.runs, note=busy),
            Row(f"simulated_efficiency_{count}", outcome.efficiency, "", outcome.runs, note=f"limit: {outcome.limit}"),
            Row(f"simulated_price_per_1000_{count}", price, "", outcome.runs),
        ]
    return rows
