"""Hostile films, pictures and bundles of weights."""

import struct
import zlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from sfv.bench.campaign.hostile import Hostile, one_file


def write_film(size: tuple[int, int], fps: int = 10, frames: int = 2) -> Callable[[Path, Path], Path]:
    """A film of black pictures, each of which is a PNG: as small as a large picture can be."""

    def write(folder: Path, samples: Path) -> Path:
        black = cv2.imencode(".png", np.zeros((size[1], size[0], 3), dtype=np.uint8))[1].tobytes()
        with av.open(str(folder / "a.mov"), "w") as container:
            stream = container.add_stream("png", rate=fps)
            stream.width, stream.height, stream.pix_fmt = *size, "rgb24"
            for t in range(frames):
                packet = av.Packet(black)
                packet.pts = packet.dts = t
                packet.stream, packet.time_base = stream, Fraction(1, fps)
                container.mux(packet)
        return folder / "a.mov"

    return write


def gif_bomb(width: int, height: int) -> bytes:
    """A GIF of a few bytes that claims a huge picture."""
    size = struct.pack("<HH", width, height)
    screen = b"GIF89a" + size + b"\x80\x00\x00" + b"\x00\x00\x00\xff\xff\xff"
    frame = b"\x2c\x00\x00\x00\x00" + size + b"\x00\x02\x02\x44\x01\x00"
    return screen + 3 * (b"\x21\xf9\x04\x00\x0a\x00\x00\x00" + frame) + b"\x3b"


def png_bomb(width: int, height: int) -> bytes:
    """A PNG of a few kilobytes that claims a huge picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(1_000_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def _named_in_list(folder: Path, samples: Path) -> Path:
    """A playlist under the name of a film, which names another file of this machine."""
    (folder / "a.mp4").write_text(f"ffconcat version 1.0\nfile {samples / 'mp4' / 'a.mp4'}\n")
    return folder / "a.mp4"


FILMS: tuple[Hostile, ...] = (
    Hostile("16k x 16k film", "video", write_film((16_000, 16_000), frames=1)),
    Hostile("film of 2 x 2 px", "video", write_film((2, 2))),
    Hostile("film of 100,000 a second", "video", write_film((64, 64), 100_000, 5), may_be_read=True),
    Hostile("GIF that claims 65,535 squared", "video", one_file("a.gif", gif_bomb(65_535, 65_535))),
    Hostile("GIF of 20,000 squared", "video", one_file("a.mp4", gif_bomb(20_000, 20_000))),
    Hostile("playlist of another file", "video", _named_in_list),
    Hostile(
        "HLS playlist of the network",
        "video",
        one_file("a.mp4", "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n"),
    ),
    Hostile(
        "HLS playlist of a local file",
        "video",
        one_file("a.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n/etc/passwd\n#EXT-X-ENDLIST\n"),
    ),
    Hostile(
        "SDP as a film",
        "video",
        one_file(
            "a.mp4",
            "v=0\ns=a\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
        ),
    ),
    Hostile("text as a film", "video", one_file("a.mp4", "a film\n" * 1000)),
    Hostile("PNG that claims 50,000 squared", "picture", one_file("a.png", png_bomb(50_000, 50_000))),
    Hostile("PNG of 30,000 x 30,000", "picture", one_file("a.jpg", png_bomb(30_000, 30_000))),
    Hostile("GIF as a picture", "picture", one_file("a.png", gif_bomb(65_535, 65_535))),
    Hostile(
        "SVG as a picture",
        "picture",
        one_file("a.jpg", '<svg xmlns="http://www.w3.org/2000/svg"><image href="/etc/passwd"/></svg>'),
    ),
    Hostile("empty picture", "picture", one_file("a.jpg", b"")),
    Hostile("PNG of 1 px", "picture", one_file("a.png", png_bomb(1, 1))),
    Hostile("empty bundle", "weights", one_file("a.task", b"")),
    Hostile("bundle of noise", "weights", one_file("a.task", bytes(range(256)) * 64)),
)
