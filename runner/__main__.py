"""`python -m runner run ...` is `glabella run ...`."""

import sys

from runner.cli import main

sys.exit(main())
