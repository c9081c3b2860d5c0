"""The outage drill: an OP over real HTTP that goes down, slows down, or talks nonsense, and comes back."""
