"""Skills from videos: the front door that joins pose, reconstruct and imitate."""

__version__ = "0.2.0"
