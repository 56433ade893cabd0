-- The orders that fastify_writer.js writes.

create table placed (
    id         uuid primary key,
    customer   text not null,
    sku        text not null,
    quantity   integer not null,
    state      text not null default 'held',
    created_at timestamptz not null default now()
);

create index placed_of_customer on placed (customer, created_at);
