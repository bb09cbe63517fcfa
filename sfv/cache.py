"""The user's cache folder: what was fetched once and serves every run."""

import os
from pathlib import Path

import platformdirs


def cache_folder() -> Path:
    """`SFV_CACHE` if set, else the place that the system reserves for caches."""
    return Path(os.environ.get("SFV_CACHE") or platformdirs.user_cache_path("skills-from-videos"))
