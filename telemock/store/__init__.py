"""This is the store: the only room that knows SQLAlchemy, and the only state processes share."""
