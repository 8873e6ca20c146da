"""Any loss, step by step."""

CHECKPOINTS = "checkpoints"
"""The folder that a run has them in."""
WRITTEN_LAST = ".metadata"
"""By torch, of a checkpoint's files: with it a checkpoint is whole."""
