-- Records a finished recovery.
-- $1 sale id, $2 epoch, $3 outcome, $4 why, $5 version, $6 ended epoch, $7 milliseconds
insert into recovery (sale_id, epoch, outcome, why, version, ended_epoch, milliseconds)
values ($1, $2, $3, $4, $5, $6, $7)
