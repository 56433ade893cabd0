-- Takes the request that has waited for longest; returns its sale id.
delete from audit_request where sale_id = (
    select sale_id from audit_request order by asked_at limit 1 for update skip locked
)
returning sale_id
