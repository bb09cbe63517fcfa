"""Run by a Python that has Blender (`bpy`): imports a file as its user does and prints what is seen as one JSON line.

    python blender_reader.py FILE TIMES [PICTURE]

TIMES are seconds with commas. Units are metres, axes are Blender's own.
"""

import json
import math
import sys

import bpy  # pyright: ignore[reportMissingImports]
import mathutils  # pyright: ignore[reportMissingImports]

file, times, picture = sys.argv[1], [float(t) for t in sys.argv[2].split(",")], [*sys.argv, ""][3]
bpy.ops.wm.read_factory_settings(use_empty=True)
if file.endswith(".bvh"):
    bpy.ops.import_anim.bvh(filepath=file, global_scale=0.01, update_scene_fps=True)
else:
    bpy.ops.import_scene.gltf(filepath=file)
scene = bpy.context.scene
fps = scene.render.fps / scene.render.fps_base
(action,) = bpy.data.actions
first, last = action.frame_range
(armature,) = (thing for thing in bpy.data.objects if thing.type == "ARMATURE")
skins = [thing for thing in bpy.data.objects if any(change.type == "ARMATURE" for change in thing.modifiers)]
seen = {"fps": fps, "seconds": (last - first) / fps, "keys": 0, "joints": [], "skin": []}
curves = action.fcurves
seen["keys"] = max(len(curve.keyframe_points) for curve in curves)
for t in times:
    frame = first + t * fps
    scene.frame_set(int(frame), subframe=frame % 1.0)
    graph = bpy.context.evaluated_depsgraph_get()
    posed = armature.evaluated_get(graph)
    seen["joints"].append({bone.name: list(posed.matrix_world @ bone.head) for bone in posed.pose.bones})
    shown = []
    for thing in skins:
        mesh = thing.evaluated_get(graph)
        shown += [list(mesh.matrix_world @ vertex.co) for vertex in mesh.data.vertices]
    seen["skin"].append(shown)
if picture:
    x, y, _ = seen["joints"][-1]["pelvis"]
    eye, aim = mathutils.Vector((x + 3.2, y - 3.2, 1.6)), mathutils.Vector((x, y, 0.8))
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    camera.location, camera.rotation_euler = eye, (aim - eye).to_track_quat("-Z", "Y").to_euler()
    sun = bpy.data.objects.new("sun", bpy.data.lights.new("sun", "SUN"))
    sun.data.energy, sun.rotation_euler = 3.0, (math.radians(40), 0.0, math.radians(30))
    for thing in (camera, sun):
        scene.collection.objects.link(thing)
    bpy.ops.mesh.primitive_plane_add(size=12.0, location=(x, y, 0.0))
    scene.world = bpy.data.worlds.new("world")
    scene.world.color = (0.6, 0.6, 0.6)
    scene.camera, scene.render.engine = camera, "CYCLES"
    scene.cycles.samples, scene.cycles.use_denoising = 8, False
    scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = 480, 360, 100
    scene.render.filepath = picture
    bpy.ops.render.render(write_still=True)
print("SEEN " + json.dumps(seen))
