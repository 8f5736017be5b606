"""Lists for the app: encoded, written under a version, and shown by one pointer."""
