"""Loop, checkpoints, devices, optimization: whatever is trained."""
