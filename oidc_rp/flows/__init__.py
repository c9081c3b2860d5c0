"""Floor 3: the use cases, without Django. What they need of a store they declare as a Protocol."""
