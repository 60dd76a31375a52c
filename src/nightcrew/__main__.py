"""`python -m nightcrew` is the command `nightcrew`."""

from nightcrew.cli import main

main()
