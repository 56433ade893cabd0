-- Grants units to an item; returns raised, raised_revision. No row: no such item.
-- $1 sale id, $2 sku, $3 units
update item set
    raised = raised + $3, granted = granted + $3, raised_revision = raised_revision + 1
where sale_id = $1 and sku = $2
returning raised, raised_revision
