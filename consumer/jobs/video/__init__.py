"""What jobs on videos are made of: the cast, segments made or taken over, what goes with a result."""
