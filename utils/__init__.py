"""What the notebooks share: files, devices, figures, measuring rods, checks. The lessons stand in the notebooks."""
