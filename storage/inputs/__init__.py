"""Fetching a job's inputs safely, from the bucket, the web or the manifest itself."""
