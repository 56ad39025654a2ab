"""This is Alembic's environment: it runs the steps on the connection that telemock.store.migration opened.

It refuses to open a database of its own, so that there is one place that knows how.
"""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
