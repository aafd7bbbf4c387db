"""Damage in JPEG files."""
