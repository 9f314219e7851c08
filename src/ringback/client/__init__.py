"""The client library: submit jobs to a server that speaks the contract, and get their results."""
