"""Action Units: measuring, smoothing, shaping."""
