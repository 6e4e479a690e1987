"""How the tables of `stages.expression` are made from the CC0 rig: photograph, track, learn. Not needed to run."""
