"""The relying-party sites of the demo: their pages and the protocol journal."""
