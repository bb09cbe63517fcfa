"""`sfv play go1` and `sfv play SKILL --eyes`: walks that adapt, or see, on ground of their own."""

from pathlib import Path

from imitate.scene.scene import CONTROL_HZ
from sfv.console import bar, console


def play_go1(seconds: float, size: tuple[int, int], out: Path) -> None:
    """Films the Go1 that adapts, beside it what it believes, while its physics changes."""
    from sfv.go1.adapt import load_walk
    from sfv.go1.film import write_film

    with bar(out.name) as progress:
        walk = write_film(load_walk(), out, seconds, size=size, progress=progress)
    console.print(f"{out}: go1, {len(walk.qpos) / 100:.1f} s {'falls' if walk.fell else 'to the end'}")


def play_go1_by_sight(seconds: float, size: tuple[int, int], out: Path) -> None:
    """Films the Go1 on each kind of ground, beside it what its camera sees."""
    from imitate.vision.evaluation import actor_of
    from sfv.go1.eyes_film import write_eyes_film
    from sfv.go1.see import load_sight

    student = load_sight()
    with bar(out.name) as progress:
        walks = write_eyes_film(actor_of(student), out, seconds, size=size, camera=student.camera, progress=progress)
    ends = (f"{kind} {len(walk.qpos) / 50:.1f} s {walk.end}" for kind, walk in walks.items())
    console.print(f"{out}: go1, {', '.join(ends)}")


def play_walk_by_sight(skill: str, seconds: float, size: tuple[int, int], out: Path) -> None:
    """Films a walk over each kind of obstacle, beside it what its camera sees."""
    from imitate.vision.walking_setting import actor_of
    from sfv.sight.walk import load_walk_sight, write_walk_film

    task, student = load_walk_sight(skill)
    with bar(out.name) as progress:
        walks = write_walk_film(actor_of(student), task, out, student.camera, seconds, size, progress=progress)
    ends = (f"{kind} {len(walk.qpos) / CONTROL_HZ:.1f} s {walk.end}" for kind, walk in walks.items())
    console.print(f"{out}: {skill}, {', '.join(ends)}")
