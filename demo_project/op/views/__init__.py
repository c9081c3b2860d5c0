"""The OP's endpoints and pages."""
