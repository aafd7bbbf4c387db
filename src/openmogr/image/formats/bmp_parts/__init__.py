"""Headers and samples of BMP."""
