-- A payment that comes after expiry may buy the same again, in another reservation.

alter table reservation add column late_payment_reference text;
alter table reservation add column replaced_by uuid;
alter table reservation
    add constraint reservation_late_payment_after_expiry
        check (late_payment_reference is null or state = 'expired'),
    add constraint reservation_replaced_by_late_payment
        check (replaced_by is null or late_payment_reference is not null),
    add constraint reservation_replaced_or_refunded
        check (replaced_by is null or refused_payment_reference is null);

comment on column reservation.late_payment_reference is
    'the first payment after expiry: the only one that the reservation can be replaced for';
comment on column reservation.replaced_by is 'the reservation that the late payment paid instead';
