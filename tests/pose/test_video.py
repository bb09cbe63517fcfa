"""Truth: tiny videos written here, whose frames, times and turns are known."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from pose.errors import InputError
from pose.video import VideoWriter, check_film, probe, read_frames
from sfv.bench.campaign.hostile_films import write_film


def grey_video(path: Path, times_ms: list[int], size: tuple[int, int] = (64, 48)) -> Path:
    """Frame k is grey level 10 k, shown from `times_ms[k]`."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"crf": "1"})
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for k, time in enumerate(times_ms):
            frame = av.VideoFrame.from_ndarray(np.full((size[1], size[0], 3), 10 * k, np.uint8), format="rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def levels(path: Path, **range_: float) -> list[tuple[float, int]]:
    """(time, number of the frame shown) of what `read_frames` gives."""
    return [(round(t, 3), round(image.mean() / 10)) for t, image in read_frames(path, **range_)]


def test_constant_rate_comes_through_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with VideoWriter(path, 10, (64, 48)) as video:
        for k in range(10):
            video.write(np.full((48, 64, 3), 10 * k, np.uint8))
    assert levels(path) == [(round(0.1 * k, 3), k) for k in range(10)]
    info = probe(path)
    assert (info.width, info.height, info.frames) == (64, 48, 10)


def test_variable_rate_gives_the_nearest_frame_at_each_time(tmp_path: Path) -> None:
    # Shown at 0, .1, .2, then a long pause, then two in quick succession.
    path = grey_video(tmp_path / "vfr.mkv", [0, 100, 200, 700, 730, 800])
    nearest = levels(path, fps=10)
    assert nearest == [(0.0, 0), (0.1, 1), (0.2, 2), (0.3, 2), (0.4, 2), (0.5, 3), (0.6, 3), (0.7, 3), (0.8, 5)]


def test_range_and_rate(tmp_path: Path) -> None:
    path = grey_video(tmp_path / "a.mp4", [100 * k for k in range(20)])
    assert levels(path, start=0.5, end=0.9, fps=10) == [(0.5, 5), (0.6, 6), (0.7, 7), (0.8, 8)]
    assert [k for _, k in levels(path, start=1.5, fps=10)] == [15, 16, 17, 18, 19]
    assert [k for _, k in levels(path, fps=5)] == list(range(0, 20, 2))


@pytest.mark.parametrize("turn", [0, 90, 180, -90])
def test_rotation_noted_by_the_camera_is_undone(tmp_path: Path, turn: int) -> None:
    upright = np.zeros((48, 64, 3), np.uint8)
    upright[:24, :32] = (250, 20, 20)  # red at the top left, as a viewer must see it
    path = tmp_path / "turned.mp4"
    stored = np.ascontiguousarray(np.rot90(upright, -turn // 90))
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.height, stream.width, stream.pix_fmt = *stored.shape[:2], "yuv420p"
        stream.set_display_rotation(turn)
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(stored, format="rgb24")))
        container.mux(stream.encode(None))
    info = probe(path)
    assert (info.width, info.height, info.rotation) == (64, 48, turn % 360)
    _, image = next(read_frames(path))
    assert image.shape == (48, 64, 3)
    assert image[10, 10, 0] > 200 and image[10, 50, 0] < 50 and image[40, 10, 0] < 50


def test_written_video_is_h264_of_even_size_that_starts_fast(tmp_path: Path) -> None:
    path = tmp_path / "made" / "out.mp4"
    with VideoWriter(path, 25, (101, 75)) as video:
        for k in range(5):
            video.write(np.full((75, 101, 3), 50 * k, np.uint8))
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt) == ("h264", "yuv420p")
        assert (stream.width, stream.height, stream.average_rate) == (102, 76, 25)
    content = path.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")
    assert [round(image.mean() / 50) for _, image in read_frames(path)] == [0, 1, 2, 3, 4]


def test_failed_writing_leaves_nothing_and_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    path.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt), VideoWriter(path, 25, (64, 48)) as video:
        video.write(np.zeros((48, 64, 3), np.uint8))
        raise KeyboardInterrupt
    assert [p.name for p in tmp_path.iterdir()] == ["out.mp4"]
    assert path.read_bytes() == b"old"


def bad_file(folder: Path, kind: str) -> Path:
    path = folder / f"{kind}.mp4"
    if kind == "empty":
        path.touch()
    elif kind == "zeros":
        path.write_bytes(bytes(5000))
    elif kind == "text":
        path = folder / "notes.txt"
        path.write_text("not a video\n" * 100)
    elif kind == "folder":
        path.mkdir()
    elif kind == "sound":
        with av.open(str(path), "w") as container:
            stream = container.add_stream("aac", rate=16000)
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.float32), format="fltp", layout="mono")
            frame.sample_rate = 16000
            container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    elif kind == "cut_index":
        whole = grey_video(folder / "whole.mp4", [100 * k for k in range(10)]).read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
    return path


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("missing", "no such file"),
        ("empty", "empty"),
        ("zeros", "not a video"),
        ("text", "not a video"),
        ("folder", "not a file"),
        ("sound", "no video stream"),
        ("cut_index", "cut short"),
    ],
)
def test_bad_file_gets_one_line_that_names_it(tmp_path: Path, kind: str, says: str) -> None:
    path = bad_file(tmp_path, kind)
    for use in (probe, lambda p: list(read_frames(p))):
        with pytest.raises(InputError) as error:
            use(path)
        message = str(error.value)
        assert says in message and str(path) in message and "\n" not in message


def test_file_that_ends_before_its_header_says_so(tmp_path: Path) -> None:
    whole = tmp_path / "whole.mp4"
    rng = np.random.default_rng(0)
    with VideoWriter(whole, 10, (64, 48)) as video:
        for _ in range(40):
            video.write(rng.integers(0, 255, (48, 64, 3), dtype=np.uint8))
    cut = tmp_path / "cut.mp4"
    content = whole.read_bytes()
    cut.write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match="cut short"):
        list(read_frames(cut))
    assert len(list(read_frames(cut, end=1.0))) == 10


@pytest.mark.parametrize(
    ("start", "end", "says"),
    [(2.0, None, "past its end"), (0.5, 0.5, "not after START"), (0.5, 0.2, "not after START"), (-1.0, None, "START")],
)
def test_bad_range_is_an_error(tmp_path: Path, start: float, end: float | None, says: str) -> None:
    path = grey_video(tmp_path / "a.mp4", [100 * k for k in range(10)])
    with pytest.raises(InputError, match=says):
        list(read_frames(path, start, end))


@pytest.mark.parametrize("name", ["-dash.mp4", "a:b.mp4", 'it\'s $(here); "quoted".mp4', "50%d.mp4"])
def test_odd_names_are_only_names(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with VideoWriter(path, 10, (64, 48)) as video:
        video.write(np.zeros((48, 64, 3), np.uint8))
    assert probe(path).width == 64


def test_a_title_in_another_encoding_is_no_fault(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "a.mp4", 10.0, (64, 48)) as film:
        film.write(np.zeros((48, 64, 3), dtype=np.uint8))
    content = (tmp_path / "a.mp4").read_bytes()
    assert b"VideoHandler" in content
    (tmp_path / "b.mp4").write_bytes(content.replace(b"VideoHandler", "Vid\xe9oH\xe4ndler".encode("latin-1")))
    assert probe(tmp_path / "b.mp4").width == 64


def test_an_unknown_codec_is_said(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "a.mp4", 10.0, (64, 48)) as film:
        film.write(np.zeros((48, 64, 3), dtype=np.uint8))
    content = (tmp_path / "a.mp4").read_bytes()
    (tmp_path / "b.mp4").write_bytes(content.replace(b"avc1", b"zzzz"))
    with pytest.raises(InputError, match=r"b\.mp4: .*export it"):
        probe(tmp_path / "b.mp4")


@pytest.mark.parametrize("size", [(8200, 4800), (8, 8)])
def test_a_size_that_cannot_be_read_is_said_before_decoding(tmp_path: Path, size: tuple[int, int]) -> None:
    path = write_film(size)(tmp_path, tmp_path)
    with pytest.raises(InputError, match=f"{size[0]} x {size[1]} px"):
        probe(path)


def test_a_playlist_opens_no_other_file(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "a.mp4", 10.0, (64, 48)) as film:
        film.write(np.zeros((48, 64, 3), dtype=np.uint8))
    (tmp_path / "b.mp4").write_text(f"ffconcat version 1.0\nfile {tmp_path / 'a.mp4'}\n")
    with pytest.raises(InputError, match="not a video"):
        probe(tmp_path / "b.mp4")


def test_where_a_film_may_go_and_how_large_it_may_be(tmp_path: Path) -> None:
    check_film(None)
    check_film(tmp_path / "a.MP4", (16, 4096))
    for path, size, words in (
        (tmp_path, None, "a folder"),
        (tmp_path / "a.gif", None, "as .mp4"),
        (None, (0, 480), "0 x 480 px"),
        (None, (99999, 480), "16 to 4096"),
    ):
        with pytest.raises(InputError, match=words):
            check_film(path, size)
