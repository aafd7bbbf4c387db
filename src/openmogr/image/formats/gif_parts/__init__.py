"""Blocks of GIF: frames as browsers compose them, and writing."""
