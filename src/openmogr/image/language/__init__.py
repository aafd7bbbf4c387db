"""From the text of an operation to a typed pipeline."""
