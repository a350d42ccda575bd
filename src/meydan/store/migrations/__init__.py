"""The history of the schema, run by database.migrate."""
