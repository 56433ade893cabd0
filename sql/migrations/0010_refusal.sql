-- An order that Postgres refuses is parked, and Redis, which has it, is to be rebuilt: whoever
-- looks next must know, also where whoever parked it has died.

alter table checkpoint add column rebuild boolean not null default false;

comment on column checkpoint.rebuild is 'Redis holds what the ledger has not taken';
