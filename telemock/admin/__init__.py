"""This is the admin side: health and metrics for those who run telemock; never captured."""
