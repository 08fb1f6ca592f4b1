"""``python -m joinsim``."""

from joinsim.cli import main

if __name__ == "__main__":
    main()
