"""The device's side of the drivers, without I/O: for tests, the demonstration and people without hardware."""
