-- Records that a recovery was let through. Where it could not adopt what it meant to, it comes again
-- as a rebuild.
-- $1 sale id, $2 epoch, $3 outcome, $4 why, $5 version, $6 ended epoch, $7 milliseconds
insert into recovery (sale_id, epoch, outcome, why, version, ended_epoch, milliseconds)
values ($1, $2, $3, $4, $5, $6, $7)
on conflict (sale_id, epoch) do update set
    outcome = excluded.outcome, milliseconds = excluded.milliseconds
