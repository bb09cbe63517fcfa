"""Bodies that perform: characters, and how models of others become characters.

A character is a folder with an MJCF and a `character.toml`.

    assets_folder     where the folders lie: the program's and the user's own
    character         `load_character`, and a body's scale
    packaged_models   characters whose models are fetched from a public package

Importing a model of others goes from top to bottom:

    source_model      an MJCF or URDF, compiled
    mesh_body         a folder of meshes, one a body part, as such a model
    limbs             which of its bodies and joints are arms and legs
    standing_pose     how it stands
    infer_landmarks   its landmarks, servos and contacts: an import plan, and `character.toml`
    import_model      rewrites it by that plan
    mjcf, meshes      what they write with
"""
