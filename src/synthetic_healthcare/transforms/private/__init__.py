"""Transforms for private runs: the same encoders, made of declarations and noisy counts only.

`prepare` is the way in. Nothing is imported here.
"""
