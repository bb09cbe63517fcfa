"""From a video to 2D and 3D keypoints of one person (OpenCV, FFmpeg, MediaPipe BlazePose)."""
