-- What is on a user's list, and because of what?
-- Inputs: lists of one day; tracks of all days.
-- Parameter: $user, empty for the list of users without a history.
-- Output: one row an entry, by rank; because_titles has the title, or else the id, of each track in because.
with named as (
    select l.rank, list(coalesce(h.title, b.track_id) order by b.place) as titles
    from lists l, unnest(l.because) with ordinality as b (track_id, place)
    left join tracks h on h.track_id = b.track_id
    where l.user_id = $user
    group by l.rank
)

select
    l.rank, l.track_id, t.title, t.artist, t.uploader, l.score, l.source, l.because,
    coalesce(n.titles, []) as because_titles
from lists l
left join tracks t on t.track_id = l.track_id
left join named n on n.rank = l.rank
where l.user_id = $user
order by l.rank
