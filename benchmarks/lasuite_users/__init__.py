"""The users that django-lasuite asks of a site: with `sub`, indexed, as its own projects have it."""
