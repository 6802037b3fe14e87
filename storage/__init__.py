"""The time-series stores and the record. No other package speaks to either."""
