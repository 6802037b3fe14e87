"""Serial sensors to MQTT."""
