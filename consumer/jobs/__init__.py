"""The kinds of job: each one module with one function of a context."""
