"""One quality scale for all lossy formats, estimates of what sources have, and limits by size."""
