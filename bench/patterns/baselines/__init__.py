"""Published detectors as their papers describe them, one file each; every deviation is named in the file."""
