-- What has each day come to?
-- Inputs: partitions (table_name, day, stage, rows): one row for each committed partition, from its manifest.
-- Output: one row a day, in order; a count is null where the step that makes it has not committed that day.
select
    day,
    sum(rows) filter (table_name = 'uploads')::bigint as uploads,
    sum(rows) filter (table_name = 'tracks')::bigint as tracks,
    sum(rows) filter (table_name = 'rejects' and stage in ('ingest', 'embed'))::bigint as rejects,
    sum(rows) filter (table_name = 'rejects' and stage = 'listens')::bigint as export_problems,
    sum(rows) filter (table_name = 'listens')::bigint as listens,
    sum(rows) filter (table_name = 'takedowns')::bigint as takedowns,
    sum(rows) filter (table_name = 'embeddings')::bigint as embedded,
    sum(rows) filter (table_name = 'windows')::bigint as windows,
    sum(rows) filter (table_name = 'duplicate_pairs')::bigint as pairs,
    sum(rows) filter (table_name = 'duplicate_groups')::bigint as grouped,
    sum(rows) filter (table_name = 'lists')::bigint as list_entries
from partitions
group by day
order by day
