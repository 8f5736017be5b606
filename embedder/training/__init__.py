"""How our own CNN is trained: material, spectrograms, alterations, the teacher, the run. No night imports this."""
