"""Seeded damage: to the bytes of a file, to the numbers and lines of a text, to JSON's values, to an archive's arrays.

A mutation takes a random generator and the content, and returns another content; the same generator gives the same.
"""

import io
import json
import re
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np

Rng = np.random.Generator
Mutation = Callable[[Rng, bytes], bytes]

EXTREMES = (
    "nan", "inf", "-inf", "1e308", "-1e308", "1e39", "1e-320", "0", "-1", "1", "99999999999", "-99999999999",
    "4294967295", "1e6", "-0.0", "", "0x41", "1,5", "١٢", "abc", "--", "1e", "null", "true",
)  # fmt: skip
"""What numbers in a text become."""
VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 1e308, -1e308, 10**30, "", "abc", "nan", [], {}, [None], [[]], {"a": None}, [1e308] * 3,
)  # fmt: skip
"""What values in JSON become."""
SPACE, DIGITS = re.compile(rb"\s"), re.compile(rb"(?<![\w.])[-+]?\d+\.?\d*(?:[eE][-+]?\d+)?")
MOST_REPEATS = 2000


def flip_bits(rng: Rng, content: bytes) -> bytes:
    """One to 64 bits anywhere, or all in the first 256 bytes, where headers are."""
    changed = bytearray(content)
    reach = min(len(changed), 256) if rng.random() < 0.5 else len(changed)
    for place in rng.integers(0, max(reach, 1), int(rng.integers(1, 65))):
        changed[place] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def cut(rng: Rng, content: bytes) -> bytes:
    """The end is missing."""
    return content[: int(rng.integers(0, len(content)))]


def cut_start(rng: Rng, content: bytes) -> bytes:
    """The beginning is missing."""
    return content[int(rng.integers(1, len(content))) :]


def overwrite(rng: Rng, content: bytes) -> bytes:
    """A run of bytes is zero, 255 or noise."""
    start = int(rng.integers(0, len(content)))
    length = int(rng.integers(1, max(2, min(4096, len(content) // 2))))
    kind = int(rng.integers(3))
    fill = rng.bytes(length) if kind == 2 else bytes([255 * kind]) * length
    return (content[:start] + fill + content[start + length :])[: len(content)]


def insert(rng: Rng, content: bytes) -> bytes:
    """Noise, zeros or a part of the file itself stands where it does not belong."""
    at, start = (int(rng.integers(0, len(content))) for _ in range(2))
    length = int(rng.integers(1, 2048))
    added = (rng.bytes(length), bytes(length), content[start : start + length])[int(rng.integers(3))]
    return content[:at] + added + content[at:]


def remove(rng: Rng, content: bytes) -> bytes:
    """A run of bytes is missing."""
    start = int(rng.integers(0, len(content)))
    return content[:start] + content[start + int(rng.integers(1, 2048)) :]


def set_integers(rng: Rng, content: bytes) -> bytes:
    """Words of four bytes, as sizes and counts are, become extreme."""
    changed = bytearray(content)
    for _ in range(int(rng.integers(1, 5))):
        at = int(rng.integers(0, max(1, min(len(changed), 4096) - 4)))
        value = (0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)[int(rng.integers(5))]
        changed[at : at + 4] = value.to_bytes(4, ("little", "big")[int(rng.integers(2))])
    return bytes(changed)


BYTES: tuple[Mutation, ...] = (flip_bits, cut, cut_start, overwrite, insert, remove, set_integers)


def change_numbers(rng: Rng, content: bytes) -> bytes:
    """Some numbers of a text become extreme."""
    found = list(DIGITS.finditer(content))
    if not found:
        return content + b"nan"
    chosen = {int(i) for i in rng.integers(0, len(found), int(rng.integers(1, 6)))}
    if rng.random() < 0.5:  # headers hold counts and rates
        chosen = {i % min(len(found), 12) for i in chosen}
    parts, last = list[bytes](), 0
    for i in sorted(chosen):
        parts += [content[last : found[i].start()], EXTREMES[int(rng.integers(len(EXTREMES)))].encode()]
        last = found[i].end()
    return b"".join([*parts, content[last:]])


def change_lines(rng: Rng, content: bytes) -> bytes:
    """Lines are missing, doubled, swapped or repeated many times."""
    lines = content.split(b"\n")
    at, other = (int(rng.integers(0, len(lines))) for _ in range(2))
    kind = int(rng.integers(4))
    if kind == 0:
        del lines[at : at + int(rng.integers(1, 4))]
    elif kind == 1:
        lines.insert(other, lines[at])
    elif kind == 2:
        lines[at], lines[other] = lines[other], lines[at]
    else:
        lines[at:at] = [lines[at]] * int(rng.integers(2, MOST_REPEATS))
    return b"\n".join(lines)


def change_words(rng: Rng, content: bytes) -> bytes:
    """A word becomes another word of the file, or one in capitals, or nothing."""
    words = [(m.start(), m.end()) for m in re.finditer(rb"[^\s<>\",:{}\[\]=]+", content)]
    if len(words) < 2:
        return content[::-1]
    (start, end), (a, b) = (words[int(i)] for i in rng.integers(0, len(words), 2))
    return content[:start] + (content[a:b], content[start:end].swapcase(), b"")[int(rng.integers(3))] + content[end:]


def change_encoding(rng: Rng, content: bytes) -> bytes:
    """The text in UTF-16, in Latin-1 with accents, with zeros in it, or as one line."""
    text = content.decode("utf-8", "replace")
    kind = int(rng.integers(4))
    if kind == 0:
        return text.encode("utf-16")
    if kind == 1:
        return text.replace("e", "é").encode("latin-1", "replace")
    return text.replace(" ", "\0").encode() if kind == 2 else SPACE.sub(b" ", content)


TEXT: tuple[Mutation, ...] = (
    change_numbers,
    change_numbers,
    change_lines,
    change_words,
    change_encoding,
    cut,
    flip_bits,
)


def change_json(rng: Rng, content: bytes) -> bytes:
    """Some values become values of other types, or are missing."""
    document = json.loads(content)
    for _ in range(int(rng.integers(1, 4))):
        place, key = _choose_place(rng, document)
        if place is None:
            return json.dumps(VALUES[int(rng.integers(len(VALUES)))]).encode()
        if rng.random() < 0.25:
            del place[key]
        else:
            place[key] = VALUES[int(rng.integers(len(VALUES)))]
    return json.dumps(document).encode()


def _choose_place(rng: Rng, document: Any) -> tuple[Any, Any]:
    """A random list or table of a document and a key in it; None for the document itself."""
    place, key, here = None, None, document
    while isinstance(here, dict | list) and here and (place is None or rng.random() < 0.8):
        place = here
        key = list(here)[int(rng.integers(len(here)))] if isinstance(here, dict) else int(rng.integers(len(here)))
        here = here[key]
    return place, key


def change_glb(rng: Rng, content: bytes) -> bytes:
    """A `.glb` whose JSON is changed, its chunks' lengths put right."""
    length = int.from_bytes(content[12:16], "little")
    text = change_json(rng, content[20 : 20 + length])
    text += b" " * (-len(text) % 4)
    size = len(content) - length + len(text)
    head = b"glTF" + (2).to_bytes(4, "little") + size.to_bytes(4, "little") + len(text).to_bytes(4, "little")
    return head + b"JSON" + text + content[20 + length :]


def change_arrays(rng: Rng, content: bytes) -> bytes:
    """An archive in which an array has other numbers, another type or shape, or is missing."""
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        if isinstance(archive, np.ndarray):
            raise ValueError("an array, not an archive")
        arrays = {name: archive[name] for name in archive.files}
    name = list(arrays)[int(rng.integers(len(arrays)))]
    changed = change_array(rng, arrays[name])
    arrays = {key: value for key, value in arrays.items() if key != name} | ({} if changed is None else {name: changed})
    made = io.BytesIO()
    np.savez(made, allow_pickle=True, **arrays)  # objects are what the reader must refuse
    return made.getvalue()


def change_array(rng: Rng, array: np.ndarray) -> np.ndarray | None:
    """The array with other numbers, of another type or shape; None: it is gone."""
    kinds: tuple[Callable[[], np.ndarray | None], ...] = (
        lambda: None,
        lambda: _fill(rng, array, np.nan),
        lambda: _fill(rng, array, np.inf),
        lambda: _fill(rng, array, 1e308),
        lambda: _fill(rng, array, 0.0),
        lambda: _fill(rng, array, -1.0),
        lambda: np.array(array.tolist(), dtype=object),
        lambda: array.astype(str),
        lambda: array.astype(np.complex128) if array.dtype.kind in "fiub" else array[:0],
        lambda: array[..., :-1] if array.ndim else np.zeros(0),
        lambda: array[:1] if array.ndim else np.zeros((3, 3)),
        lambda: array[:0] if array.ndim else np.array("text"),
        lambda: array.T if array.ndim > 1 else np.atleast_1d(array)[None],
        lambda: array[None],
        lambda: np.tile(array, (2,) * max(array.ndim, 1)),
        lambda: np.array({"a": 1}, dtype=object),
    )
    return kinds[int(rng.integers(len(kinds)))]()


def _fill(rng: Rng, array: np.ndarray, value: float) -> np.ndarray:
    """The array with a value in one place, or in all."""
    if array.dtype.kind not in "fiub":
        return np.array([value])
    changed = array.astype(np.float64)
    if rng.random() < 0.3 or not changed.ndim:
        return np.full_like(changed, value)
    changed.flat[int(rng.integers(changed.size))] = value
    return changed


def rewrite_zip(rng: Rng, content: bytes) -> bytes:
    """An archive whose members are renamed, doubled, cut, or of another compression."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        names = old.namelist()
        for name in names:
            data = old.read(name)
            if rng.random() < 0.3:
                data = data[: int(rng.integers(0, len(data) + 1))]
            new_name = f"../{name}" if rng.random() < 0.1 else name
            new.writestr(new_name, data)
    return made.getvalue()


def list_mutations(name: str) -> tuple[Mutation, ...]:
    """What is done to a file of this name, by its ending."""
    suffix = name.rsplit(".", 1)[-1].lower()
    if suffix in ("npz",):
        return (change_arrays, change_arrays, change_arrays, rewrite_zip, *BYTES)
    if suffix in ("pt", "task"):
        return (rewrite_zip, *BYTES)
    if suffix in ("json", "gltf"):
        return (change_json, change_json, change_json, *TEXT)
    if suffix == "txt":
        return (change_json, change_json, *TEXT)
    if suffix in ("bvh", "trc", "csv", "amc", "asf", "xml", "urdf", "toml", "obj"):
        return TEXT
    return (change_glb, change_glb, *BYTES) if suffix == "glb" else BYTES
