import pytest

from imitate.adapt.adapt import AdaptConfig
from imitate.adapt.in_use import AdaptingPolicy
from imitate.adapt.networks import AdaptationModule, AdaptiveSkill
from imitate.adapt.start import extend_policy
from sfv.bench.adapt_skill import measure_rows
from sfv.commands.adapt import AdaptRunConfig
from sfv.skill import skills_named


@pytest.mark.slow
def test_what_has_learnt_nothing_yet_does_as_well_as_the_plain_skill():
    """Weights of z are zero before learning: all four kinds act alike, whatever phi says."""
    skill = skills_named("walk")[0]
    policy = extend_policy(skill.plain_policy, AdaptConfig().dynamics)
    layout = policy.layout
    phi = AdaptationModule(layout.state_size + layout.action_size, layout.latent)
    adapting = AdaptingPolicy(AdaptiveSkill(policy, phi))
    rows = {
        row.name: row for row in measure_rows(adapting, skill.plain_policy, skill.task, AdaptRunConfig(skill="walk"), 8)
    }
    success = rows["adapt_success"].value
    assert {rows[f"adapt_success_{kind}"].value for kind in ("expert", "without", "plain")} == {success}
    assert rows["adapt_return_difference"].value == pytest.approx(0.0, abs=1e-3)
    assert rows["push_survival"].value == rows["push_survival"].baseline
    for event in ("payload", "ice", "weak"):
        assert rows[f"falls_after_{event}"].value == rows[f"falls_after_{event}"].baseline
