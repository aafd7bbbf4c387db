"""``python -m openmogr.cli``."""

from openmogr.cli import main

main()
