"""The optimisation problem of one clip, and the order in which it is solved.

problem, fit_sigmas                  which terms are in force, and what each weighs
initial_motion                       the first guess, frame by frame
fit_on_ground                        body, ground, then physics: a motion that the ground alone carries
fit_slope                            the same on ground that may be a slope
misfit                               how badly a motion explains film and forces: compares hypotheses
hand_support                         hands that rest on something that is not modelled
sight                                where the detector saw what may touch the ground
plumb_lines                          the camera's tilt by vertical lines of the background
look_down, pan_from_feet, path_unit  cameras from above, before a bare wall, carried along
person_height                        how tall the person is: from falls, steps and people's heights
picture_pose                         a single picture: the first pass alone
repair                               physics for a motion that exists already
"""
