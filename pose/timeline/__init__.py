"""What a film shows when, and how fast.

shots           cuts, at which the whole picture changes
segments        cycles, actions and the rests between them
active_part     the active part: a proposal for START and END
seen_part       the part in which the person is in view
playback_speed  slow motion, time lapse, wrong frame rates
"""
