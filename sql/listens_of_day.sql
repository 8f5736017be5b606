-- What do a day's listens consist of, and how many are of tracks that nobody uploaded?
-- Inputs: listens of the day; tracks of all days up to it.
-- Output: one row. Listens of unknown tracks are kept in the lake and left out by the ranking.
select
    count(*) as listens,
    count(distinct user_id) as users,
    count(distinct track_id) as tracks,
    count(*) filter (kind = 'play') as plays,
    count(*) filter (kind = 'skip') as skips,
    count(*) filter (kind = 'like') as likes,
    count(*) filter (track_id not in (select track_id from tracks)) as of_unknown_tracks
from listens
