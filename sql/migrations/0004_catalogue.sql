-- What a catalogue shows of a product besides its name and its price.

alter table product
    add column description text,
    add column image_url   text;

-- The orders in which the catalogue is listed; each runs backwards too.
create index product_by_name on product (name, sku);
create index product_by_price on product (price, sku);
