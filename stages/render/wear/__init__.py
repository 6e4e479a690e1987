"""An identity's face put on a performer: its texture on the performer's mesh, in the performer's light."""
