-- What do a day's listens consist of, how many are of tracks that nobody uploaded, and how many cannot be so long?
-- Inputs: listens of the day; tracks of all days up to it.
-- Output: one row. Listens of unknown tracks are kept in the lake and left out by the ranking.
-- longer_than_songs counts plays that last more than twice as long as their song, and ten seconds.
select
    count(*) as listens,
    count(distinct user_id) as users,
    count(distinct listens.track_id) as tracks,
    count(*) filter (kind = 'play') as plays,
    count(*) filter (kind = 'skip') as skips,
    count(*) filter (kind = 'like') as likes,
    count(*) filter (t.track_id is null) as of_unknown_tracks,
    count(*) filter (kind = 'play' and played_s > 2 * t.duration_s + 10) as longer_than_songs
from listens
left join tracks t using (track_id)
