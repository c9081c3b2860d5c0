"""What the tests share: keys, a fake OP, and a browser's part of a login."""
