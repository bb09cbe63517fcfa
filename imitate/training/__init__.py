"""Learning a policy: PPO, warm start, the training loop and its processes."""
