-- Takes items out of a draft.
-- $1 sale id, $2 skus that stay
delete from item where sale_id = $1 and sku <> all($2)
