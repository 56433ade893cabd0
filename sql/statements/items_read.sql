-- The items of a sale.
-- $1 sale id
select i.*, p.name from item i join product p using (sku) where i.sale_id = $1 order by i.sku
