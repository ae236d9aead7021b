"""Finding, verifying and fetching the model files of the catalogue."""
