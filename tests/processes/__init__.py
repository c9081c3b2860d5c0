"""Two processes of one site, on one PostgreSQL and one Redis, with an OP over real HTTP: `make services-test`."""
