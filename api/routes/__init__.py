"""One file for each thing that people and programs ask for."""
