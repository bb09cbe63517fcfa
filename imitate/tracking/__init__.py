"""Tracking control by iLQG: a motion performed without learning."""
