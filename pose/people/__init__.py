"""Who is who: detections of one person joined over time, chosen among several people, and looked at again.

person, chain  the same person in every frame: the best chain of detections
appearance     colours of clothes, by which two who cross keep their identities
prominence     who a film is about
moving_region  where the picture moves most
silhouettes    who moves there, pixel by pixel
among_others   several people who are all followed, and pictures without the others
crops          the second pass: crops around the person
candidates     the choice among what several crops show; person_candidates makes it again whenever more is found
people_sheet   a picture of all people with their numbers
"""
