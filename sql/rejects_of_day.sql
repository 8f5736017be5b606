-- What was rejected on a day, and why?
-- Inputs: rejects of all stages of the day; tracks of the day, which know the songs that the embedder rejected.
-- Output: one row an object and reason, by stage, reason and key; title and uploader of what the embedder rejected, null of the rest.
select r.stage, r.reason, r.key, r.track_id, r.detail, t.title, t.uploader
from rejects r
left join tracks t on t.key = r.key
order by r.stage, r.reason, r.key
