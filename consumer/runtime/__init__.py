"""One job from its ticket to its end, whatever its kind, and how many at once."""
