"""A mall that does not exist: its officers, and sensors that speak real serial frames over pseudo-terminals."""
