-- Records what somebody did, in the transaction in which it was done.
-- $1 who, $2 what, $3 to what, $4 detail
insert into act (actor, what, subject, detail) values ($1, $2, $3, $4::jsonb)
