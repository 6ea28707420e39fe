"""`python -m localnpm`."""

from localnpm.cli import main

if __name__ == "__main__":
    main()
