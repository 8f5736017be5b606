-- Which songs count as one?
-- Inputs: groups, duplicate_groups of one day; tracks of all days.
-- Parameter: $track, of which only the group is wanted; null for all.
-- Output: one row a member, the canonical song of each group first, then by day and id.
select g.canonical_id, g.track_id, t.title, t.uploader, t.day
from groups g
left join tracks t on t.track_id = g.track_id
where
    $track::varchar is null
    or g.canonical_id = (select canonical_id from groups where track_id = $track)
order by g.canonical_id, g.track_id <> g.canonical_id, t.day, g.track_id
