"""The S3 face of the API: what differs for requests that are written, and signed, for Amazon S3."""
