"""Skills alive in a browser: one page with the physics, the policies and the body in it."""
