-- A hold can be extended, up to a limit of its sale that counts from when it began.

alter table sale add column max_hold_seconds integer;
update sale set max_hold_seconds = 2 * hold_seconds;
alter table sale
    alter column max_hold_seconds set not null,
    add constraint sale_max_hold_covers_hold check (max_hold_seconds >= hold_seconds);

comment on column sale.max_hold_seconds is 'how long a hold may last with all its extensions';

alter table reservation add column began_at timestamptz;
update reservation r set began_at = deadline - make_interval(secs => hold_seconds)
from sale s where s.id = r.sale_id;
alter table reservation
    alter column began_at set default now(),
    alter column began_at set not null;

comment on column reservation.began_at is 'when the hold began, before the shift of hold_clock';
