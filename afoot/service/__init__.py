"""The web service: pages and an API for patients, therapists, operators and gateways, and the jobs that run by themselves."""
