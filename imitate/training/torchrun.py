"""Training by processes that `torchrun` started, on one machine or on several.

Rank 0 runs the user's command. The others, which need neither the video nor the run folder, wait for the jobs that rank
0 broadcasts, train them with their own environments and seeds, and end when there are no more.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch.distributed as dist

from imitate.training.job import Job
from imitate.training.loop import train
from imitate.training.process_group import TIMEOUT, ProcessGroup, use_loopback
from pose.errors import InputError


@contextmanager
def join_torchrun() -> Iterator[bool]:
    """Joins the processes that torchrun started.

    Yields:
      True in rank 0: `train_policy` shares its work from now on. False in the others, when all jobs are done.
    """
    if os.environ.get("LOCAL_WORLD_SIZE") == os.environ.get("WORLD_SIZE"):  # all on one machine
        use_loopback()
    dist.init_process_group("gloo", timeout=TIMEOUT)
    try:
        if dist.get_rank() > 0:
            while (job := broadcast_job(None)) is not None:
                with tempfile.TemporaryDirectory(prefix="sfv-train-") as folder:  # files are rank 0's to write
                    train(replace(job, folder=Path(folder)), own_process_group(), lambda status: None, lambda: False)
            yield False
            return
        try:
            yield True
        except InputError:
            broadcast_job(None)
            raise
        # After any other error torchrun ends the others, which may be in the middle of something.
        broadcast_job(None)
    finally:
        dist.destroy_process_group()


def broadcast_job(job: Job | None) -> Job | None:
    """Gives rank 0's job to every process; None says that there are no more."""
    message = [job]
    dist.broadcast_object_list(message, src=0)
    return message[0]


def own_process_group() -> ProcessGroup:
    """This process's place among those that torchrun started."""
    return ProcessGroup(dist.get_rank(), dist.get_world_size())
