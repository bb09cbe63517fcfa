"""`python -m sfv`."""

from sfv.cli import main

if __name__ == "__main__":
    main()
