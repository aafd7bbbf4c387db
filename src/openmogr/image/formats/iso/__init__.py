"""Boxes of ISO media, and the headers of what AVIF and HEIF hold: AV1 and HEVC."""
