"""Processes that learn as one: alone every operation changes nothing; two agree on sums, gradients and choices."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import nn

from imitate.training.process_group import ProcessGroup, use_loopback


def test_alone_nothing_changes():
    group, values = ProcessGroup(), torch.tensor([1.0, -2.0])
    assert group.is_main and group.decide(True) and not group.decide(False) and group.any(True)
    for operation in (group.sum, group.mean, group.broadcast):
        assert torch.equal(operation(values.clone()), values)
    assert group.gather({"x": 1}) == [{"x": 1}]
    weight = nn.Parameter(torch.tensor([3.0]))
    weight.grad = torch.tensor([5.0])
    assert torch.equal(group.average_gradients([weight], values), values) and float(weight.grad) == 5.0


class Two:
    """torch.distributed for two threads that take the place of processes."""

    def __init__(self):
        self.barrier, self.shared, self.place = threading.Barrier(2, timeout=10), [None, None], threading.local()

    def exchange(self, value: Any) -> list[Any]:
        self.shared[self.place.rank] = value
        self.barrier.wait()
        both = list(self.shared)
        self.barrier.wait()
        return both

    def all_reduce(self, tensor: torch.Tensor) -> None:
        tensor.copy_(sum(self.exchange(tensor.clone()), torch.zeros_like(tensor)))

    def broadcast(self, tensor: torch.Tensor, src: int) -> None:
        tensor.copy_(self.exchange(tensor.clone())[src])

    def gather_object(self, part: Any, parts: list[Any] | None, dst: int) -> None:
        both = self.exchange(part)
        if self.place.rank == dst:
            assert parts is not None
            parts[:] = both

    def work(self, rank: int) -> dict[str, Any]:
        """What one of the two finds."""
        self.place.rank, group = rank, ProcessGroup(rank, 2)
        weight, unused = nn.Parameter(torch.zeros(2, 2)), nn.Parameter(torch.zeros(1))
        weight.grad = torch.full((2, 2), 1.0 + 2.0 * rank)
        return {
            "sum": group.sum(torch.tensor([rank, 10.0])).tolist(),
            "mean": group.mean(torch.tensor([float(rank)])).tolist(),
            "broadcast": group.broadcast(torch.tensor([rank + 7.0])).tolist(),
            "values": group.average_gradients([weight, unused], torch.tensor([4.0 * rank])).tolist(),
            "gradient": weight.grad.tolist(),
            "unused": unused.grad,
            "parts": group.gather({"rank": rank}),
            "decided": group.decide(rank == 0),
            "any": (group.any(rank == 1), group.any(False)),
        }


def test_two_agree(monkeypatch):
    two = Two()
    for name in ("all_reduce", "broadcast", "gather_object"):
        monkeypatch.setattr(dist, name, getattr(two, name))
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(two.work, range(2)))
    for answer in found:
        assert answer["sum"] == [1.0, 20.0] and answer["mean"] == [0.5] and answer["broadcast"] == [7.0]
        assert answer["values"] == [2.0] and answer["unused"] is None
        assert answer["gradient"] == [[2.0, 2.0], [2.0, 2.0]]  # of 1 and 3
        assert answer["decided"] and answer["any"] == (True, False)
    assert [answer["parts"] for answer in found] == [[{"rank": 0}, {"rank": 1}], None]


@pytest.mark.parametrize(("system", "device"), [("Linux", "lo"), ("Darwin", "lo0"), ("Windows", None)])
def test_loopback_is_named_where_it_is_known_and_the_users_choice_stands(monkeypatch, system, device):
    monkeypatch.setattr("platform.system", lambda: system)
    monkeypatch.delenv("GLOO_SOCKET_IFNAME", raising=False)
    use_loopback()
    assert os.environ.get("GLOO_SOCKET_IFNAME") == device
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "eth7")
    use_loopback()
    assert os.environ["GLOO_SOCKET_IFNAME"] == "eth7"
