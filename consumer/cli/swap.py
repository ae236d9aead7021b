"""`swapdrop swap`: the same work as a job, on local files."""
