"""Milvus and the key-value store, built again from the lake."""
