"""What changes pixels: geometry without pixels, transforms, and adjustments of tone."""
