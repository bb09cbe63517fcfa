"""A small cut of the campaign of bad inputs: `make campaign` runs all of it."""

import sys

import numpy as np
import pytest

from pose.errors import InputError
from sfv.bench.campaign.bad_inputs import plan_cases, run_case
from sfv.bench.campaign.confined import run_confined
from sfv.bench.campaign.mutations import list_mutations

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits and forks are Linux's")

CASES = 48
SLOW = ("zip bomb", "10,000 bodies", "5,000", "million", "10^5 digits")
"""Cases that take over half a second to write, or to refuse."""


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    return plan_cases(tmp_path_factory.mktemp("good"), per_sample=2, seed=3)


def test_bad_inputs_are_refused_or_read_and_nothing_else(cases, tmp_path):
    chosen = [case for case in cases if not any(word in case.name for word in SLOW)][:CASES]
    assert len({case.kind for case in chosen}) >= 6
    outcomes = {case.name: run_case(case, tmp_path / "case") for case in chosen}
    assert not {name: outcome for name, outcome in outcomes.items() if outcome.is_fault}
    assert sum(outcome.verdict == "refused" for outcome in outcomes.values()) > CASES / 2


def test_a_seed_gives_the_same_damage():
    content = bytes(range(256)) * 8
    for mutate in list_mutations("a.bin"):
        first, again, other = (mutate(np.random.default_rng(seed), content) for seed in (1, 1, 2))
        assert first == again and (first != other or first != content)


@pytest.mark.parametrize(
    ("deed", "verdict"),
    [
        ("raise ValueError('a fault')", "traceback"),
        ("open('/tmp/outside_of_the_campaign', 'w')", "wrote"),
        ("import socket; socket.create_connection(('127.0.0.1', 9), 0.1)", "network"),
        ("import os; os.system('true')", "started"),
        ("import pickle; pickle.loads(pickle.dumps(print))", "code"),
        ("bytearray(3 << 30)", "memory"),
        ("import os; os.abort()", "crash"),
        ("raise InputError('a.bvh: damaged; export it again')", "refused"),
        ("pass", "read"),
    ],
)
def test_the_confinement_sees_what_a_reader_does(deed, verdict, tmp_path):
    def read(path):
        exec(deed, {"InputError": InputError})
        return "done"

    assert run_confined(read, tmp_path / "a", tmp_path / "w").verdict == verdict
