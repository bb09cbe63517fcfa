"""How the camera of a film moves, from the background behind the person.

camera_motion      rotation and zoom of a camera that stands
carried_camera     the whole path of one that is carried along; needs what follows
corner_tracking    corners of the background between two frames
background_tracks  the same corners through many frames
structure          structure from motion: camera and points, one frame after the other
bundle             bundle adjustment of all cameras and points at once
ground_plane       the ground before a moving camera
vertical_lines     edges of walls and posts before a camera that stands, by which it is plumb
"""
