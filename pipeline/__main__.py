"""`python -m pipeline`."""

import sys

from pipeline.cli.commands import main

sys.exit(main())
