"""Text as pixels: which font a name of the API means, where it lies, and how it is drawn."""
