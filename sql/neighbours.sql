-- What are a song's nearest neighbours called, whose are they, and are they copies of something?
-- Inputs: hits (rank, track_id, similarity, day) from the vector store; tracks of those days; groups, the newest.
-- Output: one row a hit, by rank; canonical_id is null for a song without duplicates.
select h.rank, h.track_id, h.similarity, t.title, t.artist, t.uploader, h.day, t.duration_s, g.canonical_id
from hits h
left join tracks t on t.track_id = h.track_id and t.day = h.day
left join groups g on g.track_id = h.track_id
order by h.rank
