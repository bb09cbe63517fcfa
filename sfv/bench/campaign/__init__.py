"""Campaigns against the program: damaged and hostile files, kills at random moments, hostile surroundings.

samples      small good files of every kind that is read
mutations    seeded damage to bytes, text, JSON and arrays
hostile      files made to do harm, or to cost time and memory
readers      how each kind is read, and whether what came out is sound
confined     one read in a process with limits, whose deeds are watched
bad_inputs   the campaign over all of them; goes on where it was stopped
    jobs         commands that are killed
    use_page     one of these: a person who uses the page
    processes    what runs, how much it has worked, and its end
    power_cut    imported by what runs: notes which files are on disk for certain
    kills        the campaign of kills
    page         docs/reliability.md
"""
