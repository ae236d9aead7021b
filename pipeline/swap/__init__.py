"""A request on a picture or an animation, frame by frame."""
