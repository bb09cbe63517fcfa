"""The page of learnt skills: numbers as the field writes them, the measure that a motion is compared by."""

from sfv.bench.skills_page import COLUMNS, write_skills_page


def entry(measure: str = "normalised_return", date: str = "2026-01-01", **target) -> dict:
    values = {
        "normalised_return": 0.9765, "one_pass_return": 0.8, "completed": 1.0, "one_pass_completed": 0.5,
        "one_pass_completed_noisy_starts": 0.25, "ten_in_a_row_return": None, "push_survival": 0.96,
        "samples": 1_234_567, "train_seconds": 321.4, "cpu_seconds": 650.6,
    }  # fmt: skip
    rows = [{"name": name, "value": value, "spread": 0.0123} for name, value in values.items()]
    settings = {"published": None, "published_samples_m": None, "goal": None, "minutes": None, "measure": measure}
    machine = {"cores": 2, "processor": f"processor of {date}"}
    return {"rows": rows, "settings": {"target": settings | target}, "date": date, "machine": machine}


def write(tmp_path, found: dict) -> list[str]:
    write_skills_page(tmp_path / "docs" / "skills.md", found)
    return (tmp_path / "docs" / "skills.md").read_text().splitlines()


def cells(lines: list[str], name: str) -> dict[str, str]:
    (line,) = (line for line in lines if line.startswith(f"| {name} "))
    return dict(zip(COLUMNS, (cell.strip() for cell in line.strip("|").split("|")), strict=True))


def test_a_motion_has_its_line(tmp_path):
    walk = entry(published=0.985, published_samples_m=61.0, goal=0.95, minutes=5.0)
    found = cells(write(tmp_path, {"humanoid3d_walk": walk}), "walk")
    assert found == {
        "motion": "walk", "published": ".985 (61 M)", "goal": ".950 in 5 min", "measured": ".977 ± .012",
        "completed": "100%", "from noisy starts": "25%", "ten in a row": "-", "pushed and stands": "96%",
        "samples": "1.23 M", "wall clock": "321 s", "processor time": "651 s",
    }  # fmt: skip


def test_acrobatics_are_compared_over_one_pass(tmp_path):
    found = cells(write(tmp_path, {"flip": entry("one_pass_return")}), "flip")
    assert found["measured"] == ".800* ± .012" and found["completed"] == "50%"
    assert found["published"] == found["goal"] == "-"


def test_the_latest_measurement_names_the_machine(tmp_path):
    lines = write(tmp_path, {"a": entry(date="2026-03-01"), "b": entry(date="2026-02-01")})
    assert any(line.startswith("Measured 2026-03-01 on 2 cores of processor of 2026-03-01") for line in lines)
    widths = {line.count("|") for line in lines if line.startswith("|")}
    assert len(widths) == 1  # a table: head, rule and rows have as many cells
