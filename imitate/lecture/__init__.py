"""The lecture's algorithms on small problems: REINFORCE, actor-critic, A3C, checked against exact gradients."""
