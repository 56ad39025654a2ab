"""These are the steps between schemas; installed as `telemock.migrations`, so a wheel can migrate."""
