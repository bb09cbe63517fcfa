"""Several processes that learn as one: sums and means across them, through torch.distributed (gloo).

Every process runs the same program on its own environments; only gradients and statistics are exchanged. The same code
runs alone, under `train_policy`'s own workers and under `torchrun`.
"""

import torch
import torch.distributed as dist
from torch import Tensor


class Ranks:
    """This process's place among its peers; alone, every operation is a no-op."""

    def __init__(self, rank: int = 0, size: int = 1):
        self.rank, self.size = rank, size

    def sum(self, tensor: Tensor) -> Tensor:
        """Adds up over all processes, in place."""
        if self.size > 1:
            dist.all_reduce(tensor)
        return tensor

    def mean(self, tensor: Tensor) -> Tensor:
        """Averages over all processes, in place."""
        return self.sum(tensor).div_(self.size)

    def first(self, tensor: Tensor) -> Tensor:
        """Everybody gets the values of rank 0, in place."""
        if self.size > 1:
            dist.broadcast(tensor, src=0)
        return tensor

    def gather(self, part: dict) -> list[dict] | None:
        """Rank 0 gets everybody's part, the others None."""
        if self.size == 1:
            return [part]
        parts: list[dict] | None = [{} for _ in range(self.size)] if self.rank == 0 else None
        dist.gather_object(part, parts, dst=0)
        return parts

    def any(self, flag: bool) -> bool:
        """True everywhere if true anywhere."""
        return bool(self.sum(torch.tensor(float(flag))) > 0)
