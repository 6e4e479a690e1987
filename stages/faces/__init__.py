"""Detection, tracking, landmarks, blendshape scores."""
