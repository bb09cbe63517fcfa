import numpy as np
import pytest
import torch

from imitate.adapt.networks import AdaptationModule, AdaptiveLayout, AdaptivePolicy, AdaptiveSkill
from imitate.env.dynamics import DynamicsConfig
from imitate.locomotion.env import EXTRINSICS, OBSERVATION
from imitate.locomotion.evaluation import Episodes, EventResult
from imitate.locomotion.robot import JOINTS
from imitate.policy import PolicyLayout
from pose.errors import InputError
from sfv.bench.adapt import make_rows, measure_core_share
from sfv.bench.adapt_page import write_page
from sfv.bench.adapt_results import KINDS, Measured
from sfv.bench.adapt_skill_page import EVENTS, write_section
from sfv.commands.play import play
from sfv.drawing.latent_plot import draw_latent
from sfv.go1.adapt import SHIPPED, AdaptGo1Config, adapt_go1, load_walk
from sfv.rows import Row


def make_found() -> Measured:
    found = Measured(train_seconds=[60.0], samples=[1000], core_share=0.03)
    for number, kind in enumerate(KINDS):
        survived = np.arange(10) < 5 + number
        ones = np.ones(10)
        found.walks[kind].append(Episodes(survived, ones, ones, ones, ones, ones, ones))
    z = np.zeros((1000, 2, 8))
    z[330:] = 1.0
    for kind in ("without", "rma", "expert"):
        found.events[kind] = [EventResult(z, np.zeros(2, bool), np.array([True, False]))]
    return found


def test_rows_and_page_show_what_was_measured(tmp_path):
    found = make_found()
    rows = {row.name: row for row in make_rows(found)}
    assert rows["adapt_success_robust"].value == 0.5 and rows["adapt_success_expert"].value == 0.9
    assert rows["adapt_rma_share_of_expert"].value == pytest.approx(8 / 9)
    assert rows["adapt_event_response_seconds"].value == pytest.approx(0.3)
    assert rows["adapt_event_falls_rma"].value == 0.5
    text = write_page(tmp_path, found, (0,), 10).read_text(encoding="utf-8")
    assert "| **RMA** | 80.0 +-" in text and "73.5, 0.85, 5.22, 1.34" in text
    assert (tmp_path / "adaptation_event.svg").is_file()


def test_bad_input(tmp_path):
    with pytest.raises(InputError, match="--samples 0"):
        AdaptGo1Config(samples=0).to_training()
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(InputError, match="is a file"):
        adapt_go1(AdaptGo1Config(out=file))
    with pytest.raises(InputError, match="not a"):
        load_walk(file)
    with pytest.raises(InputError, match="play it alone"):
        play(("go1",), character="atlas")


def test_film_draws_z_up_to_its_moment_and_marks_the_event():
    z = np.zeros((400, 2))
    z[:, 1] = 1.0
    first, *_, last = draw_latent(z, 4, (200, 100), 400, 300)
    assert (first[10, 120:130] == 255).all() and (last[10, 120:130] != 255).any()  # the upper line
    assert (first[50, 144:147] == 200).any()  # the event at 3 of 4 s


def test_cost_of_phi_and_pi():
    sensed = PolicyLayout("go1", 0.3, OBSERVATION, JOINTS, 0.25, (128, 128))
    skill = AdaptiveSkill(AdaptivePolicy(AdaptiveLayout(sensed, EXTRINSICS)), AdaptationModule(42, 8))
    assert 0.0 < measure_core_share(skill, 100) < 0.5


def test_shipped_walk_is_whole_and_small():
    skill = load_walk()
    assert SHIPPED.stat().st_size < 1_000_000
    assert skill.policy.layout.sensed.character == "go1"
    assert all(torch.isfinite(p).all() for p in skill.policy.parameters())


def test_the_section_about_a_skill_stays_where_it_is(tmp_path):
    names = ("", "_expert", "_without", "_plain", "_payload", "_friction", "_strength", "_slope")
    rows = [Row(f"adapt_success{name}", 0.5 + 0.01 * k, n=9, baseline=0.25, goal=0.9) for k, name in enumerate(names)]
    rows += [Row("adapt_kept", 0.4), Row("push_survival", 0.95, baseline=0.75, goal=0.9)]
    rows += [Row("adapt_return_difference", -0.002, goal=-0.01, note="0.976 less the plain skill's 0.978, nominal")]
    rows += [Row(f"falls_after_{event}", 0.125, note="plain 0.40") for event in EVENTS]
    ranges = DynamicsConfig()
    for first, second in ((True, False), (False, True)):  # in either order
        folder = tmp_path / str(first)
        for skill in (first, second):
            if skill:
                write_section(folder, "walk by humanoid", rows, ranges)
            else:
                write_page(folder, make_found(), (0,), 10)
        write_section(folder, "walk by humanoid", rows, ranges)
        text = (folder / "adaptation.md").read_text(encoding="utf-8")
        assert text.count("## A skill from video") == 1 and "| **RMA** | 80.0" in text
        assert "| **Adapting** | 50 |" in text and "| slope, ahead and aside | 57 | 25 |" in text
        assert "95 % do not fall, of the plain skill 75 %" in text and "| a knee has .7 | 12 | plain 0.40 |" in text
        assert "| return less the plain skill's | -0.01 or more | -0.002 |" in text
