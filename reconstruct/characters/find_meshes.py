"""Mesh files that a robot's model names: found wherever ROS keeps them, and converted where MuJoCo cannot read them."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import trimesh

from pose.errors import InputError
from reconstruct.characters.meshes import simplify

NATIVE = (".stl", ".obj", ".msh")
"""Kinds that MuJoCo reads, STL in its binary form."""
KINDS = (".stl", ".STL", ".obj", ".OBJ", ".dae", ".DAE", ".ply", ".PLY", ".glb", ".gltf", ".off")
"""Kinds that are looked for, in this order, where the one that is named is not there."""
LEVELS = 5
"""How many folders above the model's are looked through."""
MOST_FACES = 190_000
"""Triangles of a mesh above which it is made coarser; MuJoCo reads 200,000."""


@dataclass
class MeshFinder:
    """Finds the meshes of one model, and remembers which were not there."""

    model: Path
    """The file that names them."""
    folder: Path | None = None
    """Where the user says that they are."""
    missing: list[str] = field(default_factory=list)
    """Names that were not found."""
    converted: dict[str, bytes] = field(default_factory=dict)
    """File name -> binary STL of a mesh of another kind."""
    _names: dict[Path, str] = field(default_factory=dict)

    def find(self, name: str) -> Path | None:
        """A mesh's file; None, and noted as missing, if there is none.

        Args:
          name: as the model has it: a path, `file://` or `package://`.
        """
        found = self._find_near(name) or self._find_in_folder(name)
        if found is None and name not in self.missing:
            self.missing.append(name)
        return found

    def prepare(self, wanted: str) -> str | None:
        """What MuJoCo is to be given for a mesh: its file's path, or a name in `converted`; None if there is none.

        Raises:
          InputError: the file was left out of the copy, as Git does with large ones.
        """
        file = self.find(wanted)
        if file is None:
            return None
        try:
            return self._convert(file)
        except ValueError as error:  # of InputError, and of what a damaged file makes a reader raise
            if is_pointer(file):
                raise InputError(f"{file}: only a pointer to the mesh; fetch the files: git lfs pull") from error
            self.missing.append(wanted)
            return None

    def _convert(self, file: Path) -> str:
        if file in self._names:
            return self._names[file]
        name = str(file)
        if file.suffix.lower() not in NATIVE or (file.suffix.lower() == ".stl" and not is_native_stl(file)):
            name = f"{len(self.converted)}_{file.stem}.stl"
            data = load_mesh(file).export(file_type="stl")
            assert isinstance(data, bytes)
            self.converted[name] = data
        self._names[file] = name
        return name

    def _find_near(self, name: str) -> Path | None:
        """Below the model's folder, or as in a ROS workspace below one of its parents."""
        plain = name.replace("\\", "/")
        whole = Path(plain.removeprefix("file://"))
        if whole.is_absolute() and (found := match_kind(whole)):  # others are relative to the model, not to the shell
            return found
        parts = Path(plain.split("://", 1)[-1].lstrip("/")).parts
        # ROS's package is the folder of that name; what lies above it belongs to others.
        levels = [self.model.resolve().parent, *self.model.resolve().parents[1:LEVELS]]
        for above in levels:
            least = 1 if above == levels[0] else 2  # a bare file name would match too much
            for first in range(len(parts) - least + 1):
                if found := match_kind(above.joinpath(*parts[first:])):
                    return found
        return None

    def _find_in_folder(self, name: str) -> Path | None:
        """In the folder that the user names: the file of that name whose path ends most like the one asked for."""
        wanted = Path(name.replace("\\", "/").split("://", 1)[-1])
        alike = self._files.get(wanted.stem.lower(), [])
        return max(alike, key=lambda file: count_common_end(file, wanted), default=None)

    @cached_property
    def _files(self) -> dict[str, list[Path]]:
        found = dict[str, list[Path]]()
        for file in sorted(self.folder.rglob("*")) if self.folder else ():
            if file.suffix.lower() in (*NATIVE, *KINDS):
                found.setdefault(file.stem.lower(), []).append(file.resolve())
        return found

    def describe_missing(self) -> str:
        """How many were not found, the first one by name, and what to do."""
        count = len(self.missing)
        what = "1 mesh was" if count == 1 else f"{count} meshes were"
        return f"{what} not found or empty (first: {self.missing[0]}); --meshes DIR says where they are"


def match_kind(file: Path) -> Path | None:
    """A mesh's file as it is named, or of another kind beside it."""
    for suffix in (file.suffix, *KINDS):
        found = file.with_suffix(suffix) if file.name else file
        if suffix.lower() in (*NATIVE, *KINDS) and found.is_file():
            return found.resolve()
    return None


def count_common_end(file: Path, wanted: Path) -> tuple[int, bool]:
    """How many of the last folders two paths share, and whether their kinds are the same."""
    one, other = file.with_suffix("").parts[::-1], wanted.with_suffix("").parts[::-1]
    same = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a.lower() != b.lower()), len(other))
    return same, file.suffix.lower() == wanted.suffix.lower()


def is_native_stl(file: Path) -> bool:
    """Whether an STL file is one that MuJoCo reads: binary, and not too large."""
    size = file.stat().st_size
    with file.open("rb") as stream:
        head = stream.read(84)
    faces = int.from_bytes(head[80:84], "little") if len(head) == 84 else 0
    return size == 84 + 50 * faces and faces <= MOST_FACES


def is_pointer(file: Path) -> bool:
    """Whether Git's large file storage has a file and only its name is here."""
    with file.open("rb") as stream:
        return stream.read(40).startswith(b"version https://git-lfs")


def load_mesh(file: Path) -> trimesh.Trimesh:
    """A mesh of any kind as one surface in metres.

    Raises:
      InputError: it cannot be read, or holds no surface.
    """
    try:
        scene = trimesh.load_scene(file)
        surface = scene.to_mesh()
    except Exception as error:  # each kind's reader has its own errors
        raise InputError(f"{file}: cannot be read as a mesh ({' '.join(str(error).split())[:120]})") from error
    if len(surface.faces) == 0:
        raise InputError(f"{file}: there is no surface in it")
    # Collada says how long its unit is, and ROS's programs believe it.
    unit = scene.units if file.suffix.lower() == ".dae" else None
    if unit and unit not in ("m", "meter", "meters"):
        surface.apply_scale(trimesh.units.unit_conversion(unit, "meters"))
    if len(surface.faces) > MOST_FACES:
        surface = simplify(surface, 0.003 * float(surface.extents.max()))
    return surface
