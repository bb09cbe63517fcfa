"""docs/scaling.md: one machine, several, and a simulated thousand."""

import time
from pathlib import Path

from jinja2 import Environment, FileSystemLoader

from sfv.bench.cluster_costs import StoreCost
from sfv.bench.cluster_simulation import FleetConfig, Outcome, RunCost
from sfv.bench.cluster_trial import NODES, Trial
from sfv.rows import describe_machine

TEMPLATE = Path(__file__).with_suffix(".md")


def write_page(
    trials: dict[str, Trial], store: StoreCost, cost: RunCost, fleet: FleetConfig, found: dict[int, Outcome]
) -> str:
    """The page, in Markdown.

    Args:
      trials: what came of units on a cluster that lost a machine, by their kind.
      store: what moving a run costs.
      cost: what a run takes.
      fleet: the simulated machines.
      found: what came of them, by their number.
    """
    on = describe_machine()
    environment = Environment(loader=FileSystemLoader(TEMPLATE.parent), keep_trailing_newline=True, autoescape=False)
    limits = [count for count, outcome in found.items() if outcome.limit != "work"]
    return environment.get_template(TEMPLATE.name).render(
        where=f"{on['processor']}, {on['cores']} cores, {time.strftime('%Y-%m-%d')}",
        nodes=NODES,
        trials=trials,
        store=store,
        cost=cost,
        fleet=fleet,
        rows=[
            (count, f"{o.runs_per_hour:,.0f}", f"{o.efficiency:.0%}", f"{o.store_busy:.0%}", f"{o.head_busy:.0%}",
             o.failures, f"{o.redone_seconds / o.work_seconds:.1%}", f"{o.cost_per_thousand(count, fleet.price):.2f}")
            for count, o in found.items()
        ],
        first_limit=(min(limits), found[min(limits)].limit) if limits else None,
        kilo_runs=1000.0 * cost.seconds / 3600.0,
    )  # fmt: skip
