"""Training by processes that `torchrun` started, on one machine or on several.

Rank 0 runs the user's command. The others, which need neither the video nor the run folder, wait for what rank 0 wants
to have trained, train it with their own simulations and seeds, and wait again until there is nothing more to do.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import torch.distributed as dist

from imitate.training.loop import Job, train
from imitate.training.process_group import ProcessGroup
from pose.errors import InputError

PATIENCE = timedelta(days=2)
"""Nobody gives up before: a video is read and reconstructed by rank 0 while the others wait."""


@contextmanager
def join_torchrun() -> Iterator[bool]:
    """Joins the processes that torchrun started.

    Yields:
      True in rank 0, which leads: `train_policy` shares its work from now on. False in the others, when they are done.
    """
    if os.environ.get("LOCAL_WORLD_SIZE") == os.environ.get("WORLD_SIZE"):  # one machine: talk over its loopback device
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo" if os.uname().sysname == "Linux" else "lo0")
    dist.init_process_group("gloo", timeout=PATIENCE)
    try:
        if dist.get_rank() > 0:
            while (job := broadcast_job(None)) is not None:
                with tempfile.TemporaryDirectory(prefix="sfv-train-") as folder:  # files are rank 0's to write
                    train(replace(job, folder=Path(folder)), own_process_group(), lambda state: None, lambda: False)
            yield False
            return
        try:
            yield True
        except InputError:
            broadcast_job(None)
            raise
        # After any other error torchrun ends the others, who may be in the middle of something.
        broadcast_job(None)
    finally:
        dist.destroy_process_group()


def broadcast_job(job: Job | None) -> Job | None:
    """Rank 0's job, in every process; None if there are no more."""
    message = [job]
    dist.broadcast_object_list(message, src=0)
    return message[0]


def own_process_group() -> ProcessGroup:
    """This process's place in the crew."""
    return ProcessGroup(dist.get_rank(), dist.get_world_size())
