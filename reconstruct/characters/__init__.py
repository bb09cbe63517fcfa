"""Bodies that perform: characters, and how models of others become characters.

A character is a folder with an MJCF and a `character.toml`.

    assets_folder     where the folders lie: the program's and the user's own
    character         `load_character`, and a body's scale
    packaged_models   characters whose models are fetched from a public package

Importing a model of others goes from top to bottom:

    model_file        an MJCF or URDF, compiled; with read_urdf and find_meshes
    mesh_body         a folder of meshes, one a body part, as such a model
    source_model      such a model in a pose
    chains, limbs     which of its bodies and joints are arms and legs
    held_joints       which of its joints do not move: fingers, rods
    facing            what is up, in front and left
    standing_pose     how it stands
    standing_check    whether that is a standing person
    infer_landmarks   its landmarks, servos and contacts: an import plan
    write_toml        that as `character.toml`
    import_model      rewrites it by that plan
    mjcf, meshes      what they write with
"""
