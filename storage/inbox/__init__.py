"""Jobs that were announced: as a manifest, or as files in a folder, understood or not."""
