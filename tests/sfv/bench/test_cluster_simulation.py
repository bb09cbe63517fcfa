"""The simulated cluster against times worked out by hand."""

import pytest

from sfv.bench.cluster_simulation import Fleet, RunCost, Server, Simulation


def simulate(fleet, cost, count, **options):
    return Simulation(fleet, cost, count, **options).run()


def test_one_run_takes_its_parts_one_after_another():
    fleet = Fleet(1, store_rate=10.0, head_rate=5.0, head_seconds=1.0)
    found = simulate(fleet, RunCost(100.0, input_bytes=20.0, checkpoint_bytes=50.0, result_bytes=40.0), 1)
    # 1 s to be sent out, 2 s to fetch, 100 s of work (checkpoints at 30, 60 and 90 s wait for nothing), 4 s to copy,
    # 4 s until the store has given it to the head, 8 s until the head has it.
    assert found.seconds == pytest.approx(1 + 2 + 100 + 4 + 4 + 8)
    assert found.store_busy == pytest.approx((2 + 3 * 5 + 4 + 4) / 119) and found.head_busy == pytest.approx(9 / 119)
    assert found.efficiency == pytest.approx(100 / 119) and found.limit == "work"


def test_slots_share_the_runs():
    assert simulate(Fleet(1, slots=2), RunCost(10.0), 5).seconds == pytest.approx(30.0)
    found = simulate(Fleet(5), RunCost(10.0), 10)
    assert found.seconds == pytest.approx(20.0) and found.efficiency == pytest.approx(1.0)
    assert found.runs_per_hour == pytest.approx(1800.0)
    # 5 machines at 0.6 an hour for 20 s: 10 runs for 1/60.
    assert found.cost_per_thousand(5, 0.6) == pytest.approx(5 * 0.6 * 20 / 3600 / 10 * 1000)


def test_a_head_that_sends_out_one_run_a_second_is_the_limit():
    # 100 machines could do 10 runs a second; the head sends one. The last of 50 is sent at 50 s, done at 60 s.
    found = simulate(Fleet(100, head_seconds=1.0), RunCost(10.0), 50)
    assert found.seconds == pytest.approx(60.0)
    found = simulate(Fleet(100, head_seconds=1.0), RunCost(10.0), 1000)
    assert found.limit == "head" and found.seconds == pytest.approx(1010.0)


def test_a_store_that_takes_a_second_for_each_result_is_the_limit():
    # Each result goes through the store twice: from the machine, and to the head.
    found = simulate(Fleet(100, store_rate=1.0), RunCost(10.0, result_bytes=1.0), 500)
    assert found.limit == "store" and found.seconds == pytest.approx(10 + 2 * 500, rel=0.01)


def test_a_machine_that_fails_loses_what_it_did_since_its_checkpoint():
    fleet = Fleet(2, notice_seconds=5.0, repair_seconds=1000.0)
    # Machine 0 fails at 50 s with a checkpoint of 30 s; machine 1 is done at 100 s, and takes over: 70 s are left.
    found = simulate(fleet, RunCost(100.0), 2, failures=[(50.0, 0)])
    assert found.seconds == pytest.approx(170.0) and found.redone_seconds == pytest.approx(20.0)
    assert found.failures == 1 and found.work_seconds == pytest.approx(200.0)
    # Alone, it goes on when it is repaired.
    found = simulate(Fleet(1, repair_seconds=40.0), RunCost(100.0), 1, failures=[(50.0, 0)])
    assert found.seconds == pytest.approx(50 + 40 + 70)


def test_a_checkpoint_counts_when_it_has_arrived_and_one_is_sent_at_a_time():
    # Each takes 25 s to send: of those at 10, 20, 30 and 40 s, the first arrives at 35 s and the next is sent at 40.
    cost = RunCost(100.0, checkpoint_seconds=10.0, checkpoint_bytes=25.0)
    fleet = Fleet(1, store_rate=1.0, notice_seconds=0.0, repair_seconds=0.0)
    assert simulate(fleet, cost, 1, failures=[(34.0, 0)]).redone_seconds == pytest.approx(34.0)
    found = simulate(fleet, cost, 1, failures=[(60.0, 0)])
    assert found.redone_seconds == pytest.approx(50.0)


def test_random_failures_come_as_often_as_was_asked_and_the_same_seed_is_the_same():
    fleet = Fleet(50, failures_per_day=24.0, repair_seconds=0.0, notice_seconds=0.0)
    found = simulate(fleet, RunCost(360.0, spread=0.3), 1000)
    expected = 50 * found.seconds / 3600.0  # one an hour on each machine
    assert found.failures == pytest.approx(expected, abs=4 * expected**0.5)
    assert found == simulate(fleet, RunCost(360.0, spread=0.3), 1000)
    assert found.work_seconds == pytest.approx(360e3, rel=0.05) and 0 < found.redone_seconds < 30.0 * found.failures
    assert Server().serve(3.0, 2.0) == 5.0
