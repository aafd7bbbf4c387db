"""Directories and samples of TIFF."""
