"""Finding faces, telling them apart, and choosing among them."""
