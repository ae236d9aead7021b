"""Two public-domain portraits for the demo."""
