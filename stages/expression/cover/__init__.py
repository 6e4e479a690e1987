"""What lies before a face, texel by texel: a hand, hair, a microphone."""
