-- The server's clock, in milliseconds since 1970.
select extract(epoch from clock_timestamp())::float8 * 1000
