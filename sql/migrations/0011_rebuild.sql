-- A rebuild that an operator asked for waits in the outbox like all that Redis has to be told: a rebuild
-- ends every pending row, and so the one that asked for it.
alter table outbox drop constraint outbox_kind_known;
alter table outbox add constraint outbox_kind_known
    check (kind in ('return', 'grant', 'state', 'correction', 'rebuild'));
