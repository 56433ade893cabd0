-- The ledger: what was sold, to whom, and how far Redis' history was read.

create table product (
    sku   text primary key constraint product_sku_form check (sku ~ '^[A-Za-z0-9._-]{1,64}$'),
    name  text not null,
    price bigint not null constraint product_price_not_negative check (price >= 0)
);

create table sale (
    id                        text primary key
        constraint sale_id_form check (id ~ '^[A-Za-z0-9._-]{1,64}$'),
    name                      text not null,
    state                     text not null default 'draft'
        constraint sale_state_known check (state in ('draft', 'open', 'paused', 'closed')),
    revision                  integer not null default 0,
    opens_at                  timestamptz not null,
    closes_at                 timestamptz,
    hold_seconds              integer not null
        constraint sale_hold_positive check (hold_seconds > 0),
    currency                  text not null
        constraint sale_currency_form check (currency ~ '^[A-Z]{3}$'),
    durability                text,
    reservations_per_customer integer not null
        constraint sale_reservations_positive check (reservations_per_customer > 0),
    source                    jsonb not null,
    created_at                timestamptz not null default now(),
    constraint sale_window_forward check (closes_at > opens_at)
);

comment on column sale.source is 'as its file said, to tell a repeated create from another sale';

-- One row an item, updated by every batch: the free space keeps the updates on the same page.
create table item (
    sale_id            text not null references sale,
    sku                text not null references product,
    price              bigint not null constraint item_price_not_negative check (price >= 0),
    limit_per_customer integer not null constraint item_limit_not_negative
        check (limit_per_customer >= 0),
    raised             bigint not null,
    raised_revision    integer not null default 0,
    lowered            bigint not null default 0,
    granted            bigint not null,
    taken              bigint not null default 0,
    mirror             bigint not null default 0,
    primary key (sale_id, sku),
    constraint item_granted_is_a_sum check (granted = raised - lowered),
    constraint item_never_oversold check (taken between 0 and granted),
    constraint item_mirror_not_negative check (mirror >= 0)
) with (fillfactor = 50);

comment on column item.raised is 'all units ever granted';
comment on column item.lowered is 'all units ever taken out by an operator';
comment on column item.taken is 'units of held and paid reservations';
comment on column item.mirror is 'units available in Redis, as of the checkpoint';

create table checkpoint (
    sale_id text primary key references sale,
    epoch   bigint not null default 0,
    version bigint not null default 0,
    opened  bigint not null default 0,
    constraint checkpoint_opened_once_begun check (opened <= epoch)
) with (fillfactor = 50);

comment on table checkpoint is 'how far the history of a sale was read, in which epoch';
comment on column checkpoint.opened is 'the last epoch whose recovery was allowed to finish';

-- Holds stop ageing while nobody sweeps: what a hold lost to an outage is added here, once.
create table hold_clock (
    sale_id  text primary key references sale,
    swept_at timestamptz not null default now(),
    shift    interval not null default '0'
) with (fillfactor = 50);

-- No foreign key: it would be a third of what an order costs. A row is only ever written by the
-- transaction that has just moved its sale's checkpoint, which has one.
create table reservation (
    id                        uuid primary key,
    sale_id                   text not null,
    customer                  text not null,
    fingerprint               text not null,
    lines                     text not null,
    context                   jsonb not null,
    state                     text not null default 'held' constraint reservation_state_known
        check (state in ('held', 'paid', 'released', 'expired')),
    epoch                     bigint not null,
    version                   bigint not null,
    created_at                timestamptz not null,
    deadline                  timestamptz not null,
    settled_at                timestamptz,
    payment_reference         text,
    refused_payment_reference text,
    constraint reservation_paid_has_reference
        check ((state = 'paid') = (payment_reference is not null)),
    constraint reservation_settled_has_time check ((state = 'held') = (settled_at is null))
) with (fillfactor = 85);

comment on column reservation.lines is 'sku:quantity:unit_price;... sorted by sku';
comment on column reservation.deadline is 'when the hold ends, before the shift of hold_clock';
comment on column reservation.refused_payment_reference is 'a payment that was told to be refunded';

create index reservation_due on reservation (sale_id, deadline) where state = 'held';
-- What a rebuild and an audit read. All entries of a sale are alike, so it takes little room.
create index reservation_of_sale on reservation (sale_id);
create index reservation_of_customer on reservation (customer, created_at desc, id);

-- What Redis has still to be told. A row is done when the entry that it caused was read. There is
-- one for each return, of a sale whose rows are locked, so it does without a foreign key too.
create table outbox (
    id      bigint generated always as identity primary key,
    sale_id text not null,
    kind    text not null constraint outbox_kind_known
        check (kind in ('return', 'grant', 'state')),
    key     text not null,
    body    text not null,
    done    boolean not null default false,
    constraint outbox_key_once unique (sale_id, kind, key)
) with (fillfactor = 85);

create index outbox_pending on outbox (sale_id, id) where not done;

create table adjustment (
    id         text primary key,
    sale_id    text not null,
    sku        text not null,
    delta      bigint not null,
    context    jsonb not null,
    created_at timestamptz not null default now(),
    foreign key (sale_id, sku) references item
);

comment on table adjustment is 'every grant and every lowering, under the id that makes it once';

create table witness (
    sale_id text not null references sale,
    epoch   bigint not null,
    version bigint not null,
    primary key (sale_id, epoch)
);

comment on table witness is 'the highest version that anybody saw of an epoch';

create table recovery (
    id           bigint generated always as identity primary key,
    sale_id      text not null references sale,
    epoch        bigint not null,
    outcome      text not null constraint recovery_outcome_known
        check (outcome in ('adopted', 'rebuilt')),
    why          text not null,
    version      bigint not null,
    ended_epoch  bigint not null,
    milliseconds double precision not null,
    at           timestamptz not null default now(),
    constraint recovery_epoch_once unique (sale_id, epoch)
);

create table alarm (
    id              bigint generated always as identity primary key,
    sale_id         text not null references sale,
    what            text not null,
    at              timestamptz not null default now(),
    acknowledged_at timestamptz
);

create table parked (
    reservation uuid primary key,
    sale_id     text not null references sale,
    context     bytea not null,
    reason      text not null,
    parked_at   timestamptz not null default now(),
    resolved_at timestamptz
);

comment on table parked is 'contexts of reservations that could not be read as JSON';

create table reconciler (
    id      uuid primary key,
    seen_at timestamptz not null default now()
);

create table lease (
    sale_id    text primary key references sale,
    reconciler uuid,
    until      timestamptz not null default now()
) with (fillfactor = 50);

create table api_key (
    digest     bytea primary key,
    name       text not null,
    scope      text not null constraint api_key_scope_known check (scope in ('admin', 'settle')),
    created_at timestamptz not null default now(),
    revoked_at timestamptz,
    constraint api_key_name_once unique (name)
);
