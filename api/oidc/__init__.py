"""Log-in by OpenID Connect: what an issuer proves of a person. Which account that opens is the record's to say."""
