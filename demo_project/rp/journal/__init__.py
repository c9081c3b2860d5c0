"""The protocol journal: the real messages of this browser's logins and logouts, as a sequence diagram."""
