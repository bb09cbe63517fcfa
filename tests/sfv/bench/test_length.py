"""The bench of long films: the film, the memory of processes, and what is measured anew."""

import subprocess
import sys

import numpy as np
import pytest

from pose.errors import InputError
from pose.video import VideoWriter, probe, read_frames
from sfv.bench import length
from sfv.bench.campaign.processes import measure_memory
from sfv.bench.length import Measured, begin_or_go_on, bench_length, make_long_film, make_rows
from sfv.forecast import Forecast
from sfv.stage import write_json


def test_a_film_goes_to_and_fro_until_it_is_long_enough(tmp_path, monkeypatch):
    def film_grey(name, out):
        with VideoWriter(out, 30, (64, 36), quality=1) as video:
            for value in (0, 80, 160, 240):
                video.write(np.full((36, 64, 3), value, np.uint8))

    monkeypatch.setattr(length, "make_demo", film_grey)
    make_long_film(tmp_path / "long.mp4", 1.0)
    shown = [(time, image.mean()) for time, image in read_frames(tmp_path / "long.mp4")]
    assert probe(tmp_path / "long.mp4").height == length.HEIGHT and len(shown) == 30
    np.testing.assert_allclose([time for time, _ in shown], np.arange(30) / 30.0, atol=1e-3)
    np.testing.assert_allclose([grey for _, grey in shown], [0, 80, 160, 240, 160, 80] * 5, atol=4)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_memory_is_that_of_the_process_and_nothing_once_it_has_ended():
    code = "kept = bytearray(100_000_000); print('there', flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout and process.stdin
        process.stdout.readline()
        assert 100.0 < measure_memory(process.pid) < 150.0
        process.stdin.close()
        process.wait()
        assert measure_memory(process.pid) == 0.0


def test_a_stage_of_another_program_is_made_and_watched_again(tmp_path, monkeypatch):
    monkeypatch.setattr(length, "hash_sources", lambda *packages: "+".join(packages))
    kept = tmp_path / "memory.json"
    write_json(kept, {name: one | {"mb": 7.0} for name, one in begin_or_go_on(tmp_path, kept).items()})
    for folder in length.STAGES.values():
        (tmp_path / folder).mkdir(parents=True)
    assert [one["mb"] for one in begin_or_go_on(tmp_path, kept).values()] == [7.0, 7.0]
    monkeypatch.setattr(length, "hash_sources", lambda *packages: "pose" if packages == ("pose",) else "mended")
    assert [one["mb"] for one in begin_or_go_on(tmp_path, kept).values()] == [7.0, 0.0]
    assert (tmp_path / "1_pose").is_dir() and not (tmp_path / "2_motion/humanoid").exists()


def test_rows_of_two_films():
    took = {"pose": 60.0, "motion": 30.0}
    short = Measured(300, {"pose": 5.0, "motion": 4.0}, {"pose": 6.0, "motion": 3.0}, {"pose": 500.0, "motion": 400.0})
    long = Measured(3000, took, took, {"pose": 700.0, "motion": 900.0}, Forecast(100.0, 6.0, 0.6, 0.3))
    rows = {row.name: row for row in make_rows(short, long)}
    assert rows["long_peak_mb"].value == 900.0 and rows["long_ms_per_frame"].value == pytest.approx(30.0)
    assert rows["long_growth"].value == pytest.approx(1.0)
    assert rows["forecast_minutes"].value == pytest.approx(1.6) and rows["forecast_minutes"].baseline == 1.5
    assert rows["forecast_error"].value == pytest.approx(96.0 / 90.0 - 1.0)
    assert make_rows(short, short)[-1].value is None


@pytest.mark.parametrize("minutes", [0.5, float("nan"), 1e9])
def test_lengths_that_mean_nothing_are_one_line(minutes):
    with pytest.raises(InputError):
        bench_length(minutes)
