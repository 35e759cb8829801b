"""From records to a ranking: what qualifies, what the evidence separates, what is recommended. Pure."""
