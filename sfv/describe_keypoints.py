"""What a run keeps of keypoints, and what is to be said of them."""

from pathlib import Path

from pose.keypoints import Keypoints
from pose.overlay import write_overlay
from pose.progress import Progress, silent
from pose.quality import assess_keypoints
from sfv.stage import Made


def describe_keypoints(
    keypoints: Keypoints, findings: tuple[str, ...], video: Path, folder: Path, progress: Progress = silent
) -> Made:
    """Writes keypoints and the overlay into the stage's folder, and assesses them."""
    keypoints.save(folder / "keypoints.npz")
    write_overlay(video, keypoints, folder / "overlay.mp4", progress)
    seen, quality = float(keypoints.seen.mean()), assess_keypoints(keypoints)
    metrics = {"frames": len(keypoints), "fps": keypoints.fps, "detected": seen}
    metrics |= {"verdict": quality.verdict, "good": quality.good, "findings": (*findings, *quality.findings)}
    metrics |= {"level": quality.level, "quality": quality.metrics}
    summary = f"{len(keypoints)} frames at {keypoints.fps:.4g} fps, the person found in {seen:.0%} of them"
    return Made(f"{summary}. {quality.verdict}", metrics)
