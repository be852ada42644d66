"""What happened: the records of the audit journal, the journal on disk, its reader, redaction and keys.

Knows neither the wire nor sessions nor the gateway; the session reaches it through the port that it defines itself
(`hoopfast.session.boundary.Recorder`), the gateway hands the one to the other.
"""
