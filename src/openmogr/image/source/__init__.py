"""From the bytes of an image to frames in sRGB, its metadata, and what can be told of it."""
