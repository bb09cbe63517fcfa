"""Reading and writing video files: header, upright frames at a constant rate, H.264 output."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import cv2
import numpy as np

from pose.errors import InputError
from pose.files import replace_file

FPS_RANGE = (1.0, 1000.0)
"""Plausible frame rates [1/s]; outside of them the header is wrong, and 30 is used."""

SEEK_FROM_S = 1.0
"""Earliest start that is reached by seeking [s]; earlier ones are decoded, as not every file can seek."""

CUT_SHORT_S = 0.5
"""Time missing at the end, against the header, from which a file counts as cut short [s]."""

LARGEST_PICTURE, SMALLEST_SIDE = 8192 * 4608, 16
"""Pixels of the largest frame that is read, 8K video, and side of the smallest one [px]."""

CONTAINERS = (
    "mov", "mp4", "m4a", "3gp", "3g2", "mj2", "matroska", "webm", "avi", "mpegts", "mpeg", "mpegvideo", "flv", "asf",
    "ogg", "gif", "apng", "nut", "mxf", "wtv", "rm", "dv", "h264", "hevc", "ivf", "m4v", "obu", "mjpeg", "yuv4mpegpipe",
    "swf", "vob", "roq",
)  # fmt: skip
"""FFmpeg's names of the containers that are opened: all but playlists and such, which would have it open other files
or the network."""

PICTURE_FORMATS = ("_pipe", "image2", "tty", "gif_pipe")
"""FFmpeg's names for pictures, and for text drawn as a picture."""


FILM_ENDINGS = {".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v"}
"""Endings of files that are taken for videos where a folder is searched."""
WRITTEN_ENDINGS = {".mp4", ".m4v", ".mov"}
"""Endings that a film may have which is written."""
SMALLEST_FILM, LARGEST_FILM = 16, 4096
"""Range of a film's sides [px]: graphics cards draw no larger pictures at once."""

OPENED = {
    "protocol_whitelist": "file",
    "format_whitelist": ",".join(
        sorted({*CONTAINERS, *(name for name in av.formats_available if name.endswith(PICTURE_FORMATS))})
    ),
}
"""FFmpeg's options: nothing but files, and nothing but films and, to say that they are none, pictures."""


@dataclass(frozen=True)
class VideoInfo:
    """What a video's header says, after rotation to upright images with square pixels."""

    path: Path
    width: int
    """Width of the upright image [px]."""
    height: int
    """Height of the upright image [px]."""
    fps: float
    """Mean frame rate [1/s]."""
    frames: int
    """Number of frames, estimated where the header has none."""
    duration: float
    """Length [s]."""
    rotation: int
    """Counter-clockwise rotation that makes stored images upright [deg]: 0, 90, 180 or 270."""


def probe(path: Path) -> VideoInfo:
    """Opens the video and decodes its first frame.

    Raises:
      InputError: the file is missing, empty, damaged or no video.
    """
    with _open(path) as (container, stream):
        first = next(_decode(container, stream, path), None)
        if first is None:
            raise InputError(f"{path}: no frame can be decoded, it is damaged or cut short; copy or export it again")
        height, width = _to_upright_rgb(first[1], stream).shape[:2]
        fps = _frame_rate(stream)
        duration = _duration(container, stream)
        if duration is None:  # streamed Matroska has neither length nor count: walk through its packets
            ends = (float((p.pts + (p.duration or 0)) * p.time_base) for p in container.demux(stream) if p.pts)
            duration = max(ends, default=1 / fps)
        frames = stream.frames or max(1, round(duration * fps))
        return VideoInfo(Path(path), width, height, fps, frames, duration, _rotation(first[1]) % 360)


def read_frames(
    path: Path, start: float = 0.0, end: float | None = None, fps: float | None = None
) -> Iterator[tuple[float, np.ndarray]]:
    """Reads frames at a constant rate, one at a time, so that memory does not grow with the video.

    At each output time the frame nearest in time is given; frames of a variable rate are repeated or dropped.

    Args:
      path: any file that FFmpeg decodes.
      start: first output time [s], from the beginning of the video.
      end: no frame at or after this time [s]; None is the end of the video.
      fps: output rate; None is the video's own mean rate.

    Yields:
      (time [s], image uint8 (H, W, 3) RGB, upright).

    Raises:
      InputError: as `probe`; also a range outside the video, and a file that ends before its header says so.
    """
    _check_range(path, start, end)
    with _open(path) as (container, stream):
        duration = _duration(container, stream)
        if duration is not None and start >= duration:
            raise InputError(f"{path}: START={start:g} s is past its end at {duration:.2f} s; choose an earlier START")
        own_step = 1.0 / _frame_rate(stream)
        step = 1.0 / fps if fps else own_step
        if start > SEEK_FROM_S:
            _seek(container, stream, start)
        stop = float("inf") if end is None else end - 1e-6
        count = 0
        previous: tuple[float, Any] | None = None
        image: tuple[float, np.ndarray] | None = None  # converted once, however often it is repeated

        def emit(frame: tuple[float, Any]) -> np.ndarray:
            nonlocal image
            if image is None or image[0] != frame[0]:
                image = (frame[0], _to_upright_rgb(frame[1], stream))
            return image[1]

        for current in _decode(container, stream, path):
            # Up to half way between two frames the earlier one is the nearest.
            while previous is not None and (t := start + count * step) < min(stop, (previous[0] + current[0]) / 2):
                yield t, emit(previous)
                count += 1
            previous = current
            if start + count * step >= stop:
                return
        if previous is None:
            raise InputError(f"{path}: no frame can be decoded, it is damaged or cut short; copy or export it again")
        while (t := start + count * step) < min(stop, previous[0] + min(step, own_step) / 2):
            yield t, emit(previous)
            count += 1
        last = previous[0]
    if duration is not None and last < min(stop, duration) - max(CUT_SHORT_S, 2 * own_step):
        raise InputError(
            f"{path}: ends at {last:.2f} s of {duration:.2f} s, it was cut short; copy it again, or give END={last:.1f}"
        )
    if count == 0:
        raise InputError(f"{path}: START={start:g} s is past its last frame at {last:.2f} s; choose an earlier START")


def turn_image(image: np.ndarray, clockwise: int) -> np.ndarray:
    """An image, uint8 (H, W, 3), turned clockwise by 0, 90, 180 or 270 degrees."""
    return image if clockwise == 0 else np.ascontiguousarray(np.rot90(image, -clockwise // 90))


def check_film(path: Path | None, size: tuple[int, int] | None = None) -> None:
    """Checks where a film is to go and how large it is to be, before any work for it has begun.

    Args:
      path: of the film; None where it has a name of its own.
      size: width and height [px]; None where nobody chooses it.

    Raises:
      InputError: the path is a folder or another kind of file, or the size cannot be drawn.
    """
    if path is not None and path.is_dir():
        raise InputError(f"{path}: a folder; name the film in it, such as {path / 'film.mp4'}")
    if path is not None and path.suffix.lower() not in WRITTEN_ENDINGS:
        raise InputError(f"{path}: films are written as .mp4; give a name that ends so")
    if size is not None and not all(SMALLEST_FILM <= side <= LARGEST_FILM for side in size):
        raise InputError(f"a film of {size[0]} x {size[1]} px: give {SMALLEST_FILM} to {LARGEST_FILM} for each side")


class VideoWriter:
    """Writes H.264 that plays in a browser; the file appears under its name only once it is whole.

    Use as a context manager: after an exception nothing is left behind.

        with VideoWriter(path, fps=30, size=(1280, 720)) as video:
            video.write(rgb)
    """

    def __init__(self, path: Path, fps: float, size: tuple[int, int], quality: int = 21) -> None:
        """Opens no file yet; entering the context does.

        Args:
          path: where the video goes; its folder is made.
          fps: frames a second.
          size: (width, height) of the images to come [px]; odd sizes are padded by one pixel, as H.264 wants.
          quality: x264's constant rate factor; lower is better and larger.
        """
        self.path = Path(path)
        self.size = size
        self._rate = Fraction(fps).limit_denominator(1001)
        self._options = {"crf": str(quality), "preset": "veryfast"}

    def write(self, rgb: np.ndarray) -> None:
        """Appends one image, uint8 (H, W, 3)."""
        if rgb.shape != (self.size[1], self.size[0], 3) or rgb.dtype != np.uint8:
            expected = (self.size[1], self.size[0], 3)
            raise ValueError(f"VideoWriter.write: image {rgb.shape} {rgb.dtype}, expected {expected} uint8")
        odd_rows, odd_columns = rgb.shape[0] % 2, rgb.shape[1] % 2
        if odd_rows or odd_columns:
            rgb = np.pad(rgb, ((0, odd_rows), (0, odd_columns), (0, 0)), mode="edge")
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
        self._container.mux(self._stream.encode(frame))

    def __enter__(self) -> "VideoWriter":
        with ExitStack() as opened:
            temporary = opened.enter_context(replace_file(self.path))
            self._container = av.open(_url(temporary), "w", format="mp4", options={"movflags": "+faststart"})
            opened.push(self._close)
            self._stream = self._container.add_stream("libx264", rate=self._rate, options=self._options)
            self._stream.width, self._stream.height = (side + side % 2 for side in self.size)
            self._stream.pix_fmt = "yuv420p"
            self._stream.codec_context.thread_count = 1
            self._opened = opened.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            with self._opened:
                self._container.mux(self._stream.encode(None))
        else:
            self._opened.__exit__(kind, error, trace)

    def _close(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            self._container.close()
        except (av.error.FFmpegError, OSError):
            if kind is None:  # after an error closing fails again (a full disk), and the file is removed anyway
                raise


@contextmanager
def _open(path: Path) -> Iterator[tuple[Any, Any]]:
    """Opens the container and its first video stream, or raises an `InputError` that says why not."""
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: no such file; check the name of the video")
    if not path.is_file():
        raise InputError(f"{path}: not a file; name a video file")
    if path.stat().st_size == 0:
        raise InputError(f"{path}: the file is empty; copy or export it again")
    try:
        container = av.open(_url(path), options=OPENED, metadata_errors="replace")  # a title may be in any encoding
    except PermissionError as error:
        raise InputError(f"{path}: may not be read; change its permissions") from error
    except (av.error.FFmpegError, OSError) as error:
        raise InputError(f"{path}: not a video, or damaged or cut short; FFmpeg cannot open it") from error
    with container:
        if container.format.name.endswith(PICTURE_FORMATS):
            raise InputError(f"{path}: a picture or text ({container.format.name}), not a video; name a video file")
        cover = av.stream.Disposition.attached_pic
        stream = next((s for s in container.streams.video if not s.disposition & cover), None)
        if stream is None:
            raise InputError(f"{path}: holds no video stream; name a file with pictures in it")
        _check_size(stream, path)
        yield container, stream


def _check_size(stream: Any, path: Path) -> None:
    """Raises `InputError` for pictures that would take gigabytes, or that show nobody, before any is decoded."""
    if stream.codec_context is None:
        raise InputError(f"{path}: FFmpeg has no decoder for what is in it, or it is damaged; export it as H.264")
    width, height = stream.codec_context.width, stream.codec_context.height
    if width * height > LARGEST_PICTURE:
        raise InputError(
            f"{path}: {width} x {height} px are more than can be read; scale it down, 1080 lines are enough"
        )
    if 0 < min(width, height) < SMALLEST_SIDE:
        raise InputError(f"{path}: {width} x {height} px show nobody; give a larger film")


def _url(path: Path) -> str:
    """FFmpeg's URL of a file; from a bare name it takes `a:b.mp4` for a protocol and `-` for standard input."""
    return f"file:{path}"


def _check_range(path: Path, start: float, end: float | None) -> None:
    if not np.isfinite(start) or start < 0:
        raise InputError(f"{path}: START={start:g} s is not a time in the video; give seconds from its beginning")
    if end is not None and not end > start:
        raise InputError(f"{path}: END={end:g} s is not after START={start:g} s; choose a later END")


def _frame_rate(stream: Any) -> float:
    for rate in (stream.average_rate, stream.guessed_rate):
        if rate and FPS_RANGE[0] <= float(rate) <= FPS_RANGE[1]:
            return float(rate)
    return 30.0


def _duration(container: Any, stream: Any) -> float | None:
    if stream.duration:
        return float(stream.duration * stream.time_base)
    if container.duration:
        return container.duration / 1e6
    return None


def _seek(container: Any, stream: Any, start: float) -> None:
    """Seeks the last key frame before `start` [s], or the beginning where the file allows no more."""
    origin = stream.start_time or 0
    try:
        container.seek(origin + int(start / stream.time_base), stream=stream, backward=True)
    except av.error.FFmpegError:
        container.seek(origin, stream=stream, backward=True)


def _decode(container: Any, stream: Any, path: Path) -> Iterator[tuple[float, Any]]:
    """Decodes frames, with their times [s] from the beginning of the video, in order of time."""
    origin = float((stream.start_time or 0) * stream.time_base)
    step = 1.0 / _frame_rate(stream)
    last = -step
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
            if packet is None:
                return
            frames = packet.decode()
        except av.error.InvalidDataError:
            continue  # one damaged packet: the decoder recovers at the next good one
        except (av.error.FFmpegError, OSError) as error:
            raise InputError(f"{path}: cannot be decoded after {last:.2f} s ({error}); export it again") from error
        for frame in frames:
            time = frame.time - origin if frame.time is not None else last + step
            if time <= last and last >= 0:
                continue  # a time that stands still or runs back cannot be played either
            last = time
            yield time, frame


def _rotation(frame: Any) -> int:
    """Counter-clockwise rotation to make the frame upright, a multiple of 90 [deg]."""
    return round((frame.rotation or 0) / 90) * 90


def _to_upright_rgb(frame: Any, stream: Any) -> np.ndarray:
    """Converts a frame to an RGB image as a viewer shows it: square pixels, rotated as the header says."""
    rgb = frame.to_ndarray(format="rgb24")
    aspect = float(stream.sample_aspect_ratio or 1)
    if aspect != 1.0:
        rgb = cv2.resize(rgb, (round(rgb.shape[1] * aspect), rgb.shape[0]), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(np.rot90(rgb, _rotation(frame) // 90))
