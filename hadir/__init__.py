"""The `hadir` command and the one composition root."""
