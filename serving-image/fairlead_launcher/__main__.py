"""`python -m fairlead_launcher`, and the entry point of the archive."""

import sys

from fairlead_launcher.main import main

if __name__ == "__main__":
    sys.exit(main())
