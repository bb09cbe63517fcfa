"""`bench retarget`: shipped motions on another body, and what its means are taken over."""

import pytest

from pose.errors import InputError
from sfv.bench.retarget import bench_retarget, load_available, measure_retargeting, summarize
from tests.samples import CHARACTER, standing


@pytest.mark.usefixtures("no_recordings")
def test_shipped_motions_are_retargeted_without_arguments(printed):
    bench_retarget(characters=("atlas",), each=True, json=True)
    rows = printed()
    assert rows["ankle_error_mm"]["n"] == 4 and 0.0 < rows["ankle_error_mm"]["value"] < 40.0
    single = [rows[f"atlas_{name}_ankle_error_mm"]["value"] for name in ("backflip", "cartwheel", "walk", "jump")]
    assert rows["atlas_ankle_error_mm"]["value"] == pytest.approx(sum(single) / 4)
    assert rows["foot_slide_mm_per_frame"]["baseline"] is not None


def test_a_body_retargeted_to_itself_keeps_its_ankles():
    metrics = measure_retargeting(standing(), CHARACTER, CHARACTER)
    assert metrics["ankle_error_mm"] < 1.0 and metrics["joint_jump_rad"] < 1e-3
    assert metrics["frames_per_second"] > 0


def test_means_and_baselines():
    cases = [{"ankle_error_mm": 4.0, "target_shift_mm": 1.0}, {"ankle_error_mm": 8.0, "target_shift_mm": 3.0}]
    ankle, shift = summarize("atlas_", cases, [{"ankle_error_mm": 1.0}, {"ankle_error_mm": 2.0}])
    assert (ankle.name, ankle.value, ankle.spread, ankle.baseline) == ("atlas_ankle_error_mm", 6.0, 2.0, 1.5)
    assert (shift.name, shift.value, shift.baseline) == ("atlas_target_shift_mm", 2.0, None)


def test_only_bodies_that_the_user_did_not_name_are_left_out():
    assert load_available(("nobody",), named=False) == []
    with pytest.raises(InputError, match="nobody"):
        load_available(("nobody",), named=True)
