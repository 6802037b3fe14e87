"""The MQTT session and the disk queue, once for all."""
