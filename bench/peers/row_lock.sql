-- Orders under a row lock: the item's row is locked first, everything else is decided behind it.

create table item (
    sku       text primary key,
    available bigint not null check (available >= 0)
) with (fillfactor = 50);

create table holding (
    customer text not null,
    sku      text not null references item,
    units    integer not null,
    primary key (customer, sku)
);

create table placed (
    id         uuid primary key,
    customer   text not null,
    key        text not null,
    sku        text not null,
    quantity   integer not null,
    created_at timestamptz not null default now(),
    unique (customer, key)
);

create function place_order(
    new_id uuid, buyer text, click text, wanted text, units_wanted integer, most integer,
    out id uuid, out outcome text
) language plpgsql as $$
declare
    left_over bigint;
    held integer;
begin
    select available into left_over from item where sku = wanted for no key update;
    select placed.id into id from placed where customer = buyer and key = click;
    if found then outcome := 'replayed'; return; end if;
    select units into held from holding where customer = buyer and sku = wanted;
    if coalesce(held, 0) + units_wanted > most then outcome := 'limit'; return; end if;
    if left_over is null or left_over < units_wanted then outcome := 'short'; return; end if;
    update item set available = available - units_wanted where sku = wanted;
    insert into holding values (buyer, wanted, units_wanted)
        on conflict (customer, sku) do update set units = holding.units + excluded.units;
    insert into placed values (new_id, buyer, click, wanted, units_wanted);
    id := new_id;
    outcome := 'admitted';
end $$;
