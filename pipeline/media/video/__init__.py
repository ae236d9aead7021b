"""Videos: files to frames and frames to files, in segments that are joined without encoding again.

`probe.open_video` looks at a file, `segments.plan_segments` cuts it, `read.VideoReader` decodes the
frames of a segment, `frame.FrameEditor` reads and changes parts of them, `encode.SegmentWriter` writes them,
and `join.join_segments` makes a result of all segments, in the container that `containers.container_for`
chooses.
"""
