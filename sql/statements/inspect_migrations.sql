-- The applied migrations: number, name, checksum.
select number, name, checksum from schema_migration order by number
