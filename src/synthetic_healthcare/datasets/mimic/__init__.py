"""MIMIC-III as one row per stay in intensive care."""
