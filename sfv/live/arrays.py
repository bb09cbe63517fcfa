"""Numbers for the page: named arrays and plain values in one block of bytes.

Layout: length of the header as uint32 (little endian), the header (JSON, padded with blanks to a multiple of 8), then
the arrays, each on a multiple of 8. The header holds `values` and `arrays`: {name: {kind, shape, start}}.
"""

import json
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

KINDS = {"f8": "<f8", "f4": "<f4", "f2": "<f2", "i4": "<i4", "u4": "<u4", "u1": "|u1"}


def pack_arrays(values: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> bytes:
    """Puts values (anything that JSON holds) and arrays into one block; bool becomes u1, other integers i4.

    Raises:
      ValueError: an array is of another kind than `KINDS`.
    """
    entries, body = dict[str, dict[str, Any]](), bytearray()
    for name, array in arrays.items():
        if array.dtype == bool:
            array = array.astype(np.uint8)
        elif array.dtype.kind == "i":
            array = array.astype(np.int32)
        kind = f"{array.dtype.kind}{array.dtype.itemsize}"
        if kind not in KINDS:
            raise ValueError(f"pack_arrays: {name} is {array.dtype}; expected one of {', '.join(KINDS)}")
        body += b"\0" * (-len(body) % 8)
        entries[name] = {"kind": kind, "shape": list(array.shape), "start": len(body)}
        body += np.ascontiguousarray(array, dtype=KINDS[kind]).tobytes()
    header = json.dumps({"values": dict(values), "arrays": entries}).encode()
    header += b" " * (-(len(header) + 4) % 8)
    return struct.pack("<I", len(header)) + header + bytes(body)
