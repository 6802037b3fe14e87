"""What the system knows: readings, occupancy, service hours, alerts, ledger. No network, no database, no clock."""
