-- Why were things rejected, and how often?
-- Inputs: rejects, of all stages of a day.
-- Output: one row a stage and reason, the most frequent first, with the first object of its kind.
select stage, reason, count(*) as objects, min(key) as first_key
from rejects
group by stage, reason
order by objects desc, stage, reason
