"""`--people all`: everybody in a video, in one world and one simulation."""
