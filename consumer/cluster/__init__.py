"""A Ray cluster: joining it or starting one, and actors on its machines that do orders."""
