"""The embedded engine: a textured face mesh, no downloaded weights, any CPU."""
