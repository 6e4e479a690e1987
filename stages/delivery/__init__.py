"""What leaves a run beside the master: stills and review videos."""
