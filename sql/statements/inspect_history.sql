-- Whether the table of the applied migrations exists.
select to_regclass('schema_migration') is not null
