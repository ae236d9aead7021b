"""Who is where in a video: faces followed from frame to frame, and everybody who is in it."""
