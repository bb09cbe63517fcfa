"""Images in memory of their own: a film of minutes must not fill the heap with holes."""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""Parameters of glibc's `mallopt`."""
IMAGE = 256 * 1024
"""Size from which an array gets pages of its own while films are read [bytes]; thumbnails and poses are far smaller."""
USUAL = 32 * 1024 * 1024
"""Such a size otherwise, where glibc's own adaptation ends after a few large arrays [bytes]."""


@contextmanager
def keep_images_apart() -> Iterator[None]:
    """While films are read, images lie outside of the heap, and go back to the system when they are let go of.

    In the heap, what is kept of each frame (a thumbnail, its poses) settles in the place of an image that was let go
    of, the next one does not fit there any more, and the heap grows by half an image a frame. Does nothing without
    glibc, whose allocator it is about.
    """
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    set_option = getattr(libc, "mallopt", None)
    if set_option is None:
        yield
        return
    set_option(MMAP_THRESHOLD, IMAGE)
    try:
        yield
    finally:
        set_option(MMAP_THRESHOLD, USUAL)
        set_option(TRIM_THRESHOLD, 2 * USUAL)
