"""Short videos made for tests, by kind: every frame says its own number, and which way is up."""
