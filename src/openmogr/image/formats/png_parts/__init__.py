"""Chunks of PNG, and what Pillow leaves to do about them and about APNG."""
