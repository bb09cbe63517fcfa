"""Rapid motor adaptation (Kumar et al. 2021): a policy that is given extrinsics, and a module that estimates them."""
