"""Which of the bodies in each frame may be one person, chosen anew whenever more bodies are found."""

from pose.estimator import Poses, concatenate
from pose.people.candidates import choose_candidates
from pose.people.crops import PersonTrack, interpolate_track
from pose.people.prominence import Choice, drop_others


class PersonCandidates:
    """The bodies in each frame that may be one person, and the row chosen among them."""

    def __init__(self, everyone: list[Poses], choice: Choice, fps: float) -> None:
        """Begins with everybody and the choice; `update` leaves those who may be the person.

        Args:
          everyone: the bodies in each frame.
          choice: the person's row in each frame, and the other people.
          fps: frames a second.
        """
        self.frames, self.rows = everyone, choice.rows
        self._everyone, self._choice, self._fps = list(everyone), choice, fps
        self._own, self._others = choice.find_own(everyone), choice.find_others(everyone)

    def add(self, t: int, detections: list[Poses]) -> None:
        """Adds bodies to frame `t`; they count from the next `update` on."""
        self._everyone[t] = concatenate([self._everyone[t], *detections])

    def follow(self, margin: float) -> PersonTrack:
        """The track of the rows that are chosen, see `interpolate_track`."""
        return interpolate_track(self.frames, self.rows, self._fps, margin)

    def update(self, track: PersonTrack) -> None:
        """Takes all bodies near the track but those of the others and those clearly off the person; chooses again."""
        near = drop_others(track.select_near(self._everyone), self._own, self._others)
        self.frames = self._choice.drop_strange(near)
        self.rows = choose_candidates(self.frames, self._fps)
