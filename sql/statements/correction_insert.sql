-- Records a correction; no row where one of this number was made.
-- $1 sale id, $2 kind, $3 subject, $4 number, $5 units, $6 mirrored, $7 units before,
-- $8 units after, $9 found, $10 actor, $11 reason
insert into correction
    (sale_id, kind, subject, number, units, mirrored, units_before, units_after, found, actor,
     reason)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
on conflict (sale_id, kind, subject, number) do nothing
returning id
