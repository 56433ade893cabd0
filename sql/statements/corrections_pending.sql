-- Items whose stock is to be corrected, and was not seen to be: sku.
-- $1 sale id
select body::jsonb ->> 'sku' as sku from outbox
where sale_id = $1 and kind = 'correction' and not done
