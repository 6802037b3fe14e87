"""The record: registry, intervals, health, alerts, audit, users, in one relational database."""
