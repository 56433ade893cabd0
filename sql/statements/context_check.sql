-- Reads contexts as the ledger would; fails where it cannot.
-- $1 contexts
select count(context::jsonb) from unnest($1::text[]) as given (context)
