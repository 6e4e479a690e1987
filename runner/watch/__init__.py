"""`glabella watch`: a folder as a service. Clips dropped in come out rendered, reported and tracked."""
