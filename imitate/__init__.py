"""From a reference motion to a policy that performs it in simulation (PyTorch, MuJoCo)."""
