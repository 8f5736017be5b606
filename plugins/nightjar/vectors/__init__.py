"""The songs' vectors in Milvus: loading a day's, and searching them."""
