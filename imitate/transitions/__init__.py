"""From one skill to another: where it can be left and entered, bridges by tracking control, sequences of skills."""
