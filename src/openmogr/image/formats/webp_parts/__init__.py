"""Headers of WebP."""
