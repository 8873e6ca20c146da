"""One offline page over the artifacts of a run."""
