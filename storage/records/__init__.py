"""What is written as JSON: manifests, status records, detections."""
