"""From the bytes of a picture to frames in sRGB, its metadata, and what can be told of it."""
