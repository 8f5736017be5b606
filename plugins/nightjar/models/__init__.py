"""Models side by side: which one is live, and how another is filled, compared with it and takes over."""
