"""The long proof: real sites, an OP that takes no refresh token twice, and many thousand requests. `make proof`."""
