"""`bench initial-states` in small: what is there is not trained again."""

import json

from sfv.bench.initial_states import InitialStatesConfig, Kind, bench_initial_states, format_page
from tests.samples import standing

KINDS: tuple[Kind, ...] = ("reference", "adaptive")


def test_distributions_are_measured_and_kept(tmp_path, capsys):
    standing().save(tmp_path / "stand.npz")
    out, page = tmp_path / "out", tmp_path / "page.md"

    def table() -> dict[str, float]:
        files = (tmp_path / "stand.npz",)
        config = InitialStatesConfig(files, samples=8192, seeds=1, workers=1, kinds=KINDS, out=out, page=page)
        bench_initial_states(config, json=True)
        return {row["name"]: row["value"] for row in json.loads(capsys.readouterr().out)["rows"]}

    rows = table()
    for kind in KINDS:
        assert 0.0 < rows[f"stand_{kind}_normalised_return"] <= 1.0
    lead = rows["stand_adaptive_one_pass_return"] - rows["stand_reference_one_pass_return"]
    assert rows["stand_adaptive_less_reference"] == lead
    assert page.read_text().count("| stand |") == len(KINDS)

    kept = out / "stand" / "adaptive_0" / "bench.json"
    content = json.loads(kept.read_text())
    content["metrics"]["normalised_return"] = 0.125
    kept.write_text(json.dumps(content))
    assert table()["stand_adaptive_normalised_return"] == 0.125


def test_page_holds_mean_and_standard_deviation():
    runs = [{"normalised_return": r, "one_pass_return": 0.5, "one_pass_completed": 1.0} for r in (0.6, 0.8)]
    page = format_page({"humanoid3d_walk": {"adaptive": runs}}, 500_000)
    assert "| walk | adaptive (SFV) | 2 | 0.700 ± 0.100 | 0.500 ± 0.000 | 1.000 ± 0.000 |" in page
    assert "0.5 M samples each" in page
