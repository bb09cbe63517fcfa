"""A motion of one body, or of a skeleton in a file, performed by another body.

retargeting          the fit: one least-squares problem over the trajectory
ik_targets           where the other body's landmarks should go
config               how tightly each term holds
retargeting_terms    residuals that the reconstruction does not have
limbs_apart          forearms and hands outside of pelvis and legs
retargeting_metrics  how well it went
grounding            what is on the ground, and how far feet must be shifted
set_down             a skeleton's motion set down where the ground must carry it
floor                lying, sitting, kneeling, rolling
retarget_on_slope    ground that is a slope
"""
