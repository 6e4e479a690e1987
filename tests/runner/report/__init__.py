"""The report, file by file."""
