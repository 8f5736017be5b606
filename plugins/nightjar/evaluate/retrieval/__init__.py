"""How well songs find their like by sound: `nightjar evaluate retrieval`."""
