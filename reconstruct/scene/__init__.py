"""What carries or stops the body above the ground, from the motion of the body alone.

scene_evidence  which points stay, and when the ground does not carry
surfaces        a hypothesis: surfaces, and what touches them when
find_surfaces   steps, seats, boxes, bars
find_walls      what is leaned on or kicked off from the side
find_pushed     a thing that both hands push ahead
place_objects   from surfaces to things of a size
surface_terms   residuals of a hypothesis
object_terms    residuals of what touches boxes and bars
clearance       how far hands and feet stay away from boxes that they pass
"""
