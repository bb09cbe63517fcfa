"""The tool as a local page: drop a video, click the person, watch the stages, look at the result."""
