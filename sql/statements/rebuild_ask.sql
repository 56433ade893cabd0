-- Asks for a rebuild of what is open now, once: returns its key, which is that epoch, and is_new.
-- $1 sale id, $2 body
with asked as (
    insert into outbox (sale_id, kind, key, body)
    select sale_id, 'rebuild', opened::text, $2 from checkpoint where sale_id = $1
    on conflict on constraint outbox_key_once do nothing
    returning key
)
select opened::text as key, exists (select from asked) as is_new from checkpoint where sale_id = $1
