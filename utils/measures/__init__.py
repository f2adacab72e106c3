"""Measuring rods: one file per subject."""
