-- Notes the highest version seen of an epoch.
-- $1 sale id, $2 epochs, $3 versions
insert into witness (sale_id, epoch, version)
select $1, epoch, version from unnest($2::bigint[], $3::bigint[]) as seen (epoch, version)
on conflict (sale_id, epoch) do update
    set version = greatest(witness.version, excluded.version)
