"""The COS and CI API over HTTP: requests in, answers out; the work itself is done below."""
