"""Keypoints that other detectors wrote.

keypoint_files   the reader: files in, `Keypoints` out
keypoint_json    files of JSON: which frame each body is of, and its points
keypoint_arrays  arrays of NumPy
layouts          which point is which landmark, and how sure scores are
keypoint_sides   whether left and right are exchanged in the names
"""
