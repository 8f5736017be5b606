"""The embedder: one shard of a day's songs becomes stems, vectors and fingerprints. Its own environment, no Airflow."""
