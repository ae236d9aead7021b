"""An invisible watermark: 32 bits in the pixels of a result, which outlast what loses its metadata."""
