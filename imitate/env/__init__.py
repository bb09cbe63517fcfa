"""The environment: reference, observation, reward, termination."""
