"""Videos: files to frames and frames to files, in segments that are joined without encoding again."""
