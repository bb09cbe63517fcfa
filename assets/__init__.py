"""Characters, demo motions, and the scripts that bake them."""
