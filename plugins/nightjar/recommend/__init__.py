"""Lists from listens and vectors: pure ranking beside the steps that read the lake and Milvus."""
