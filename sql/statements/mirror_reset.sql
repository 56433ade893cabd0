-- Makes the mirror what a rebuild installs.
-- $1 sale id
update item set mirror = granted - taken where sale_id = $1
