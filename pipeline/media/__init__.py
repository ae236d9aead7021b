"""Pictures and animations in and out."""
