"""MQTT to the store and the record."""
