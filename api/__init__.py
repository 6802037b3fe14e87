"""What people use: alert engine, live feed, pages."""
