"""`python -m baton_standalone`: the command line `baton`."""

from baton_standalone.cli import main

if __name__ == "__main__":
    main()
