"""A studio that photographs the calibration rig, so that the tracker can be asked what it sees of known movements."""
