"""Several processes that learn as one: sums and means across them, through torch.distributed (gloo).

Every process runs the same program on its own environments; only gradients and statistics are exchanged. The same code
runs alone, under `train_policy`'s own workers and under `torchrun`.
"""

import os
import platform
from collections.abc import Iterable
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor, nn

TIMEOUT = timedelta(days=2)
"""Longest wait for another process: one may read and reconstruct a video, and a laptop may sleep, while others wait."""


class ProcessGroup:
    """This process's place among those that learn together; alone, every operation is a no-op."""

    def __init__(self, rank: int = 0, size: int = 1):
        self.rank, self.size = rank, size

    @property
    def is_main(self) -> bool:
        """This is rank 0, which looks at the clock, writes files and reports."""
        return self.rank == 0

    def sum(self, tensor: Tensor) -> Tensor:
        """Adds up over all processes, in place."""
        if self.size > 1:
            dist.all_reduce(tensor)
        return tensor

    def mean(self, tensor: Tensor) -> Tensor:
        """Averages over all processes, in place."""
        return self.sum(tensor).div_(self.size)

    def broadcast(self, tensor: Tensor) -> Tensor:
        """All processes get the values of rank 0, in place."""
        if self.size > 1:
            dist.broadcast(tensor, src=0)
        return tensor

    def average_gradients(self, parameters: Iterable[nn.Parameter], values: Tensor) -> Tensor:
        """Averages gradients over all processes, in place, and some values with them, (V,) -> (V,)."""
        if self.size == 1:
            return values
        gradients = [p.grad.view(-1) for p in parameters if p.grad is not None]
        *means, values = self.mean(torch.cat([*gradients, values])).split([len(part) for part in (*gradients, values)])
        for gradient, mean in zip(gradients, means, strict=True):
            gradient.copy_(mean)
        return values

    def gather(self, part: dict) -> list[dict] | None:
        """Rank 0 gets the parts of all processes, by rank; the others get None."""
        if self.size == 1:
            return [part]
        parts: list[dict] | None = [{} for _ in range(self.size)] if self.is_main else None
        dist.gather_object(part, parts, dst=0)
        return parts

    def decide(self, flag: bool) -> bool:
        """Rank 0's answer, in all processes."""
        return bool(self.broadcast(torch.tensor(float(flag))) > 0)

    def any(self, flag: bool) -> bool:
        """True in all processes if it is in one."""
        return bool(self.sum(torch.tensor(float(flag))) > 0)


def use_loopback() -> None:
    """Lets gloo talk over this machine's loopback device, unless the user has chosen a device."""
    device = {"Linux": "lo", "Darwin": "lo0"}.get(platform.system())
    if device:
        os.environ.setdefault("GLOO_SOCKET_IFNAME", device)
