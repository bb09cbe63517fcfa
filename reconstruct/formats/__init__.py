"""Motion files: `read_motion` reads what other programs write, `write_bvh`, `write_csv` and `write_glb` write for them.

read_motion                   `.npz` of ours or AMASS, `.bvh`, DeepMimic's `.txt`, on any character
bvh, amass, deepmimic         each reads its files as a `SkeletonMotion`
skeleton                      a `SkeletonMotion` as a body of its own, which is retargeted
joint_names                   which joint of a skeleton is which, by its name
write_bvh, write_csv          joint angles, for animation programs and for tables
write_glb                     the body with its skin or shapes, animated
"""
