"""Settings and what follows from them: sources, limits, addresses, the catalogue."""
