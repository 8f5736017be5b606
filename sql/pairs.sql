-- Which songs are duplicates, altered copies, fragments, parts of compilations or covers of which, and on what evidence?
-- Inputs: pairs, duplicate_pairs of some days; tracks of all days.
-- Parameter: $track, of which only the pairs are wanted; null for all.
-- Output: one row a pair, duplicates first, then by score and ids. a is the older upload.
select
    p.verdict, p.score, p.a, a.title as a_title, a.day as a_day, p.b, b.title as b_title, b.day as b_day,
    p.offset_s, p.overlap_s, p.share, p.speed, p.pitch, p.decided_by, p.mix, p.accompaniment, p.vocals, p.evidence
from pairs p
left join tracks a on a.track_id = p.a
left join tracks b on b.track_id = p.b
where p.verdict <> 'distinct' and ($track::varchar is null or $track in (p.a, p.b))
-- A pair that one day knows as a fragment and a later one as a part of a compilation is the latter.
qualify row_number() over (partition by p.a, p.b order by p.verdict = 'contains' desc) = 1
order by array_position(['duplicate', 'altered', 'fragment', 'contains', 'cover'], p.verdict), p.score desc, p.a, p.b
