"""How well the embedded engine works: `make quality`, reported in docs/quality.md."""
