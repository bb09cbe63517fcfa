"""Pictures, films and charts.

renderer                            MuJoCo's renderer, and what to do where there is none
rendering                           pictures of motions, by a camera that follows or a given one
result_video                        source, reference and simulation side by side
backdrop, clothes, balls            ground, wall and lights; colours; points of interest
guessed_limbs                       limbs that no video showed are grey
character_views                     a character with its landmarks
transition_chart, latent_plot, svg  charts
"""
