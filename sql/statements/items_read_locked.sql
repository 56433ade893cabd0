-- The items of a sale, locked: nothing is admitted, settled or granted until the transaction ends.
-- $1 sale id
select i.*, p.name from item i join product p using (sku)
where i.sale_id = $1 order by i.sku for no key update of i
