"""The embed_tracks DAG's side of the embedder: the plan, the process that runs a shard, the commit."""
