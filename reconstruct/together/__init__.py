"""Several people in one film.

shared_world  one camera, one ground, and how tall each person is
keep_apart    nobody stands inside of another
"""
