"""Motion files: `load_motion` reads what other programs write; `write_...` writes for them.

open_motion                          which kinds there are (`FORMATS`), and how each is recognised
bvh, smpl, deepmimic, asf_amc, read_gltf, markers, joint_positions
                                     each reads its files as a `SkeletonMotion`
robot                                joint angles of a character of ours
upright, checks                      which way is up, and what a motion cannot be
skeleton                             a `SkeletonMotion` as a body of its own, which is retargeted
joint_names, joint_tree              which joint of a skeleton is which, by its name or by the tree
read_motion                          any of these on any character
write_bvh, write_csv, write_glb, write_trc, write_amass
                                     motions for other programs
"""
