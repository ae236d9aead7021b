"""A request on a video: who is in it, who is changed, and the frames of one segment."""
