"""Transforms: a table to numbers that a model can learn, and back, with rare values protected.

`transforms.config` holds the settings and `transforms.encoder` the way there and back. Nothing is imported
here, so that reading a configuration does not wait for pandas and scipy.
"""
