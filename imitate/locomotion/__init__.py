"""A quadruped that walks on uneven ground, Unitree's Go1: RMA's task (Kumar et al. 2021)."""
