"""Alerts: when one fires and resolves, and why."""
